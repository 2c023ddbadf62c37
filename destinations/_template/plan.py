"""Which upserts of a batch share a request. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from transformer.upsert import Operation, Upsert

MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Step:
    """One request: the positions in the batch that it is for."""

    kind: Literal["upsert", "create", "update", "unknown"]
    indexes: tuple[int, ...]


def steps(batch: Sequence[Upsert]) -> Iterator[Step]:
    """The requests of a batch: by e-mail a hundred at a time, the others one by one."""
    by_email = [n for n, upsert in enumerate(batch) if _kind(upsert) == "upsert"]
    for start in range(0, len(by_email), MOST_ROWS):
        yield Step("upsert", tuple(by_email[start : start + MOST_ROWS]))
    for index, upsert in enumerate(batch):
        kind = _kind(upsert)
        if kind != "upsert":
            yield Step(kind, (index,))


def _kind(upsert: Upsert) -> Literal["upsert", "create", "update", "unknown"]:
    if upsert.object_type != "contact":
        return "unknown"
    if upsert.match is None:
        return "create"
    if upsert.match.name == "id":
        return "update"
    # A create that must not update is sent by itself: an upsert would do both.
    return "create" if upsert.operation is Operation.CREATE else "upsert"
