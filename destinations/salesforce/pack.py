"""Packing: writes into collections of 200, collections into requests of five. Pure.

One composite of five collections is one API request for a thousand rows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from destinations.salesforce.client import Call
from destinations.salesforce.keys import REFERENCE, MatchKey
from destinations.salesforce.plan import Decision, Write
from transformer.outcome import Reason, Rejected, Retry, Skipped

ROWS_PER_COLLECTION = 200
TYPES_PER_COLLECTION = 10
COLLECTIONS_PER_REQUEST = 5
REQUEST_BYTES = 8 * 1024 * 1024
SPLIT_INTO = 5

_REFERENCE = re.compile(re.escape(REFERENCE).encode())

Order: TypeAlias = tuple[str, bool, str, str, str]


@dataclass(slots=True)
class Row:
    """One write with its JSON. Nobody changes one."""

    write: Write
    encoded: bytes

    @property
    def alone(self) -> bool:
        """Whether a composite would misread it: its text holds a reference to another part."""
        return _REFERENCE.search(self.encoded) is not None


@dataclass(frozen=True, slots=True)
class Collection:
    """Up to 200 rows of one kind: one sObject Collections call, `allOrNone: false`."""

    rows: tuple[Row, ...]

    @property
    def size_bytes(self) -> int:
        """How much its rows add to a request."""
        return sum(len(row.encoded) + 1 for row in self.rows)

    @property
    def identities(self) -> frozenset[tuple[str, str]]:
        """By what its rows name records, per object: `id`, `new`, or an external-id field."""
        return frozenset(_identity(row.write) for row in self.rows)

    @property
    def external_field(self) -> bool:
        """Whether it finds its records by an external-id field."""
        return self.rows[0].write.kind == "upsert"

    def call(self, headers: Mapping[str, str]) -> Call:
        """The call that sends it."""
        first = self.rows[0].write
        path = "composite/sobjects"
        if first.kind == "upsert":
            path = f"{path}/{first.object_type}/{first.field}"
        method = "POST" if first.kind == "create" else "PATCH"
        records = orjson.Fragment(b"[%b]" % b",".join([row.encoded for row in self.rows]))
        body = {"allOrNone": False, "records": records}
        return Call(method, path, "collection", writes=True, body=body, headers=headers)

    def split(self, suspects: frozenset[int] = frozenset()) -> Sequence["Collection"]:
        """Cut a refused collection to find its bad row: into suspects, by index, and others.

        Where that tells nothing apart, into at most five.
        """
        likely = tuple(row for row in self.rows if row.write.index in suspects)
        if 0 < len(likely) < len(self.rows):
            others = tuple(row for row in self.rows if row.write.index not in suspects)
            return [Collection(likely), Collection(others)]
        size = -(-len(self.rows) // SPLIT_INTO)
        return [
            Collection(self.rows[start : start + size]) for start in range(0, len(self.rows), size)
        ]


def one_per_record(decisions: Iterable[Decision]) -> Sequence[Decision]:
    """Let one write through per record; later ones wait for the next request (invariant 4)."""
    claimed: set[MatchKey] = set()
    kept: list[Decision] = []
    for decision in decisions:
        if isinstance(decision, Write):
            if claimed.isdisjoint(decision.claims):
                claimed.update(decision.claims)
            else:
                decision = _same_record(decision)  # noqa: PLW2901 - the write is replaced whole
        kept.append(decision)
    return kept


def encode(write: Write) -> Row | Rejected | Skipped:
    """Encode one write; values that JSON has no form for reject it alone.

    An update of which nothing is left, because the org has none of its fields, is skipped.
    """
    if write.kind == "update" and not write.body:
        left_out = ", ".join(note.field for note in write.notes)
        return Skipped(
            Reason.NOTHING_TO_WRITE,
            f"{write.where}: every field of it was left out: {left_out}.",
            record_id=write.record_id,
        )
    try:
        return Row(write, write.encoded)
    except TypeError as error:
        return Rejected(
            Reason.INVALID_VALUE,
            f"{write.where}: a value has no form in JSON: {error}. Correct the event.",
        )


def collections(rows: Iterable[Row]) -> Sequence[Collection]:
    """Gather rows into collections: of one kind, types together, at most ten of them."""
    alike: dict[Order, list[Row]] = {}
    for row in rows:
        alike.setdefault(_order(row), []).append(row)
    gathered: list[list[Row]] = []
    shared: tuple[object, ...] | None = None
    types = 0
    for order in sorted(alike):
        waiting = alike[order]
        if _sharing(order) != shared or types == TYPES_PER_COLLECTION:
            gathered.append([])
            shared, types = _sharing(order), 0
        types += 1
        while waiting:
            if len(gathered[-1]) == ROWS_PER_COLLECTION:
                gathered.append([])
                types = 1
            room = ROWS_PER_COLLECTION - len(gathered[-1])
            gathered[-1].extend(waiting[:room])
            waiting = waiting[room:]
    return [Collection(tuple(part)) for part in gathered]


def requests(parts: Iterable[Collection]) -> Sequence[Sequence[Collection]]:
    """Gather collections into requests that one call each can send, and that touch no record twice.

    A record named by its id and one named by an external-id field may be the same: they do not
    share a request (invariant 4).
    """
    packed: list[_Packed] = []
    for part in parts:
        size = part.size_bytes
        place = next((request for request in packed if request.takes(part, size)), None)
        if place is None:
            packed.append(_Packed([part], size))
        else:
            place.parts.append(part)
            place.size_bytes += size
    return [request.parts for request in packed]


def _same_record(write: Write) -> Retry:
    return Retry(
        Reason.SAME_RECORD,
        f"{write.where}: another upsert of this batch writes the same record.",
        after_seconds=0.0,
        counts=False,
    )


def _order(row: Row) -> Order:
    write = row.write
    kind, field = write.object_type.casefold(), write.field
    return (write.kind, row.alone, kind, field.casefold(), field)


def _sharing(order: Order) -> tuple[object, ...]:
    """What all rows of one collection agree in: an external-id field is in its path."""
    kind, alone, *path = order
    return (kind, alone, *(path if kind == "upsert" else ()))


def _identity(write: Write) -> tuple[str, str]:
    named = {"create": "new", "update": "id", "upsert": write.field.casefold()}
    return (write.object_type.casefold(), named[write.kind])


@dataclass(slots=True)
class _Packed:
    """The collections of one request, and how much their rows add to it."""

    parts: list[Collection]
    size_bytes: int

    def takes(self, part: Collection, size_bytes: int) -> bool:
        """Whether `part` may go along."""
        if len(self.parts) == COLLECTIONS_PER_REQUEST:
            return False
        if part.rows[0].alone or self.parts[0].rows[0].alone:
            return False
        if self.size_bytes + size_bytes > REQUEST_BYTES:
            return False
        return not any(_clash(other, part) for other in self.parts)


def _clash(one: Collection, other: Collection) -> bool:
    if not (one.external_field or other.external_field):
        return False
    return any(
        object_type == other_type and named != other_named
        for object_type, named in one.identities
        for other_type, other_named in other.identities
    )
