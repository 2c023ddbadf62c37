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
    """The name with the part that the event lacks as the record has it."""
    first, last = (parts.get(name) or str(record.get(name) or "") for name in PARTS)
    return joined(first, last)
