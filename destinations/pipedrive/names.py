"""A person's name: Pipedrive keeps one, events bring two parts. Pure."""

from collections.abc import Mapping

PARTS = ("first_name", "last_name")


def joined(first: str, last: str) -> str:
    """Both parts as one name."""
    return " ".join(part for part in (first.strip(), last.strip()) if part)


def composed(properties: Mapping[str, object]) -> str:
    """The name that the parts among `properties` make; empty when there are none."""
    first, last = (properties.get(name) for name in PARTS)
    return joined(first if isinstance(first, str) else "", last if isinstance(last, str) else "")


def completed(parts: Mapping[str, str], record: Mapping[str, object]) -> str:
    """The name with the part that the event lacks as the record has it.

    Pipedrive splits names at the first space: of "Ana María" it says that María is the last name.
    A name that has the event's part already, as it is, is therefore left alone.
    """
    first, last = (parts.get(name, "").strip() for name in PARTS)
    whole = f" {record.get('name') or ''} "
    if first and not last and whole.startswith(f" {first} "):
        return whole.strip()
    if last and not first and whole.endswith(f" {last} "):
        return whole.strip()
    kept = [str(record.get(name) or "") for name in PARTS]
    return joined(first or kept[0], last or kept[1])
