"""Which upserts of a batch may be about one prospect: they go one after the other."""

from collections.abc import Sequence

from destinations.account_engagement.prospect_plan import CRM_ID, EMAIL
from transformer.upsert import Upsert


def chains(batch: Sequence[Upsert]) -> Sequence[Sequence[int]]:
    """The indexes of upserts that may be about one prospect, together and in order."""
    chain_of: dict[tuple[str, str], list[int]] = {}
    found: list[list[int]] = []
    for index, upsert in enumerate(batch):
        names = _names(upsert)
        known = {id(chain): chain for name in names if (chain := chain_of.get(name)) is not None}
        merged = sorted([*(each for chain in known.values() for each in chain), index])
        if known:
            found = [chain for chain in found if id(chain) not in known]
        found.append(merged)
        for each in merged:
            chain_of.update(dict.fromkeys(_names(batch[each]), merged))
    return found


def _names(upsert: Upsert) -> Sequence[tuple[str, str]]:
    """By what an upsert names its prospect."""
    named = [(match.name, match.folded) for match in upsert.matches]
    for name in (EMAIL, CRM_ID):
        value = upsert.properties.get(name)
        if isinstance(value, str) and value:
            named.append((name, value.strip().lower()))
    return named
