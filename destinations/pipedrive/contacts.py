"""E-mails and phones of a person: what an event asks for, merged into what is there. Pure.

Pipedrive replaces the whole list: one that is not sent again is erased. The mapping joins several
events' entries with `||` (additive).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

List: TypeAlias = Literal["emails", "phones"]

SEPARATOR = "||"
# Property -> the list it belongs to and the label of a new entry.
PROPERTIES: Mapping[str, tuple[List, str]] = {
    "email": ("emails", "work"),
    "emails": ("emails", "work"),
    "phone": ("phones", "work"),
    "phones": ("phones", "work"),
    "mobile_phone": ("phones", "mobile"),
    "home_phone": ("phones", "home"),
}


@dataclass(frozen=True, slots=True)
class Contact:
    """One e-mail or phone to be there."""

    value: str
    label: str


def by_list(
    emails: Sequence[Contact], phones: Sequence[Contact]
) -> Sequence[tuple[List, Sequence[Contact]]]:
    """Both lists with their names."""
    return (("emails", emails), ("phones", phones))


def folded(which: str, value: str) -> str:
    """What makes two entries the same: an e-mail without case, a phone by its digits."""
    if which == "emails":
        return value.strip().lower()
    digits = "".join(each for each in value if each.isdecimal())
    return digits or value.strip().lower()


def read(name: str, value: object) -> Sequence[Contact]:
    """Read what a property asks for; raises ValueError for what is no contact."""
    label = PROPERTIES[name][1]
    found: list[Contact] = []
    for each in value if isinstance(value, list) else [value]:
        inner, own = each, label
        if isinstance(each, Mapping):
            inner, own = each.get("value"), str(each.get("label") or label)
        if isinstance(inner, bool) or not isinstance(inner, str | int):
            raise ValueError("expected text, or a list of texts")  # noqa: TRY004 - as formatters do
        texts = (text.strip() for text in str(inner).split(SEPARATOR))
        found.extend(Contact(text, own) for text in texts if text)
    return found


def merged(
    which: List, there: object, wanted: Sequence[Contact], *, new_primary: bool
) -> list[dict[str, object]] | None:
    """The list to send: all that is there and what is new; None when nothing is new.

    With `new_primary` the first new entry becomes the primary one.
    """
    entries = [dict(each) for each in there if isinstance(each, Mapping)] if (
        isinstance(there, list)
    ) else []  # fmt: skip
    kept = [
        {key: each[key] for key in ("value", "primary", "label") if each.get(key) is not None}
        for each in entries
    ]
    seen = {folded(which, str(each.get("value") or "")) for each in entries}
    fresh: list[dict[str, object]] = []
    for contact in wanted:
        key = folded(which, contact.value)
        if key not in seen:
            seen.add(key)
            fresh.append({"value": contact.value, "primary": False, "label": contact.label})
    if not fresh:
        return None
    if new_primary or not any(each.get("primary") is True for each in kept):
        kept = [{**each, "primary": False} for each in kept]
        fresh[0]["primary"] = True
    return [*kept, *fresh]
