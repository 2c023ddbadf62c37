"""Which upserts of a batch share a request. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from destinations._template.reasons import CONTACT
from transformer.kit.choice import is_plain
from transformer.upsert import Upsert

MOST_ROWS = 100

Kind = Literal["batch", "single", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work that fails or succeeds by itself: the positions in the batch it is for."""

    kind: Kind
    indexes: tuple[int, ...]


def steps(batch: Sequence[Upsert]) -> Iterator[Step]:
    """The work of a batch: plain upserts a hundred at a time, the others one by one."""
    kinds = [_kind(upsert) for upsert in batch]
    plain = [index for index, kind in enumerate(kinds) if kind == "batch"]
    for start in range(0, len(plain), MOST_ROWS):
        yield Step("batch", tuple(plain[start : start + MOST_ROWS]))
    for index, kind in enumerate(kinds):
        if kind != "batch":
            yield Step(kind, (index,))


def _kind(upsert: Upsert) -> Kind:
    if upsert.object_type != CONTACT:
        return "unknown"
    by_email = upsert.match is not None and upsert.match.name == "email"
    return "batch" if by_email and is_plain(upsert) else "single"
