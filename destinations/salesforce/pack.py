"""Packing: writes into collections of 200, collections into requests of five. Pure.

One composite of five collections is one API request for a thousand rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from destinations.salesforce.client import Call
from destinations.salesforce.lookup import REFERENCE, MatchKey
from destinations.salesforce.plan import Decision, Write
from transformer.outcome import Reason, Rejected, Retry, Skipped

ROWS_PER_COLLECTION = 200
TYPES_PER_COLLECTION = 10
COLLECTIONS_PER_REQUEST = 5
REQUEST_BYTES = 8 * 1024 * 1024
SPLIT_INTO = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One write with its JSON."""

    write: Write
    encoded: bytes

    @property
    def alone(self) -> bool:
        """Whether a composite would misread it: its text holds a reference to another part."""
        return REFERENCE.encode() in self.encoded


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
        records = [orjson.Fragment(row.encoded) for row in self.rows]
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
            if decision.claims & claimed:
                decision = _same_record(decision)  # noqa: PLW2901 - the write is replaced whole
            else:
                claimed |= decision.claims
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
    gathered: list[list[Row]] = []
    shared: tuple[object, ...] | None = None
    types: set[str] = set()
    for row in sorted(rows, key=_order):
        kind = row.write.object_type.casefold()
        full = bool(gathered) and len(gathered[-1]) >= ROWS_PER_COLLECTION
        if _sharing(row) != shared or full or len(types | {kind}) > TYPES_PER_COLLECTION:
            gathered.append([])
            shared, types = _sharing(row), set()
        gathered[-1].append(row)
        types.add(kind)
    return [Collection(tuple(part)) for part in gathered]


def requests(parts: Iterable[Collection]) -> Sequence[Sequence[Collection]]:
    """Gather collections into requests that one call each can send, and that touch no record twice.

    A record named by its id and one named by an external-id field may be the same: they do not
    share a request (invariant 4).
    """
    packed: list[list[Collection]] = []
    for part in parts:
        place = next((request for request in packed if _shares(request, part)), None)
        if place is None:
            packed.append([part])
        else:
            place.append(part)
    return packed


def _same_record(write: Write) -> Retry:
    return Retry(
        Reason.SAME_RECORD,
        f"{write.where}: another upsert of this batch writes the same record.",
        after_seconds=0.0,
        counts=False,
    )


def _order(row: Row) -> tuple[str, bool, str, str]:
    write = row.write
    return (write.kind, row.alone, write.object_type.casefold(), write.field.casefold())


def _sharing(row: Row) -> tuple[object, ...]:
    """What all rows of one collection agree in: an external-id field is in its path."""
    write = row.write
    path = (write.object_type.casefold(), write.field) if write.kind == "upsert" else ()
    return (write.kind, row.alone, path)


def _identity(write: Write) -> tuple[str, str]:
    named = {"create": "new", "update": "id", "upsert": write.field.casefold()}
    return (write.object_type.casefold(), named[write.kind])


def _shares(request: Sequence[Collection], part: Collection) -> bool:
    if len(request) >= COLLECTIONS_PER_REQUEST or part.rows[0].alone or request[0].rows[0].alone:
        return False
    if sum(other.size_bytes for other in request) + part.size_bytes > REQUEST_BYTES:
        return False
    return not any(_clash(other, part) for other in request)


def _clash(one: Collection, other: Collection) -> bool:
    if not (one.external_field or other.external_field):
        return False
    return any(
        object_type == other_type and named != other_named
        for object_type, named in one.identities
        for other_type, other_named in other.identities
    )
