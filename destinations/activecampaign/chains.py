"""Which upserts of a batch are about one person: the contact first, then what needs it to be there.

A tracked event of an address that nobody has yet is refused, and a deal makes its contact.
"""

from collections.abc import Sequence

from destinations.activecampaign.contact_plan import EMAIL
from transformer.upsert import Upsert

# By which property each object names its person; a deal may give an id instead of an address.
_NAMED_BY = {"contact": EMAIL, "event": EMAIL, "deal": "contact"}


def chains(batch: Sequence[Upsert]) -> Sequence[Sequence[int]]:
    """The indexes of upserts of one person together, contacts first; all others each alone."""
    found: dict[str | int, list[int]] = {}
    for index, upsert in enumerate(batch):
        found.setdefault(_person(upsert) or index, []).append(index)
    return [
        sorted(chain, key=lambda index: batch[index].object_type != "contact")
        for chain in found.values()
    ]


def _person(upsert: Upsert) -> str:
    """The address of whom an upsert is about, else nothing."""
    named = _NAMED_BY.get(upsert.object_type, "")
    value = upsert.properties.get(named)
    if upsert.match is not None and upsert.match.name == named:
        value = upsert.match.value
    return value.strip().lower() if isinstance(value, str) and "@" in value else ""
