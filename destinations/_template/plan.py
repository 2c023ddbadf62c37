"""Which upserts of a batch share a request. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from destinations._template.reasons import CONTACT
from transformer.kit.choice import is_plain
from transformer.upsert import Upsert

MOST_ROWS = 100
EMAIL = "email"

Kind = Literal["batch", "single", "unknown"]


@dataclass(frozen=True, slots=True)
class Step:
    """One piece of work that fails or succeeds by itself: the positions in the batch it is for."""

    kind: Kind
    indexes: tuple[int, ...]


def steps(batch: Sequence[Upsert]) -> Iterator[Step]:
    """The work of a batch: plain upserts a hundred at a time, the others one by one.

    One that writes an e-mail keeps its place: it may change whom those before and after it find.
    """
    plain: list[int] = []
    for index, upsert in enumerate(batch):
        kind = _kind(upsert)
        if kind == "batch":
            plain.append(index)
            continue
        if EMAIL in upsert.properties:
            yield from _together(plain)
            plain = []
        yield Step(kind, (index,))
    yield from _together(plain)


def _together(plain: Sequence[int]) -> Iterator[Step]:
    for start in range(0, len(plain), MOST_ROWS):
        yield Step("batch", tuple(plain[start : start + MOST_ROWS]))


def _kind(upsert: Upsert) -> Kind:
    if upsert.object_type != CONTACT:
        return "unknown"
    by_email = upsert.match is not None and upsert.match.name == EMAIL
    return "batch" if by_email and is_plain(upsert) else "single"
