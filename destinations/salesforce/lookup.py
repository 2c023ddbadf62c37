"""Lookups: which queries a batch needs, and the records they found. By query, never by search.

A search index lags behind writes; a query does not, so a record just created is found.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from destinations.salesforce.body import missing
from destinations.salesforce.client import Call, Reply, SalesforceClient
from destinations.salesforce.reasons import outcome
from destinations.salesforce.settings import Fields
from destinations.salesforce.soql import Query, folded, long_id, query_path
from transformer.outcome import Rejected, Retry
from transformer.upsert import Match, Operation, Scalar, Upsert

QUERIES_PER_COMPOSITE = 5
# Text that a composite would replace by another part's result; such queries go by themselves.
REFERENCE = "@{"

_SEVERAL = 2
_LEAD_COLUMNS = ("IsConverted", "ConvertedContactId", "ConvertedAccountId")

MatchKey: TypeAlias = tuple[str, str, str]


@dataclass(slots=True)
class Keyed:
    """An upsert with what all else asks of it: its match keys, and whether they are looked up.

    Built once per upsert; nobody changes one.
    """

    upsert: Upsert
    keys: tuple[MatchKey, ...]
    needs_lookup: bool


@dataclass(slots=True)
class Found:
    """One record that a lookup found; `values` by case-folded column. Nobody changes one."""

    record_id: str
    created: str
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def converted(self) -> bool:
        """Whether it is a lead that was converted."""
        return self.values.get("isconverted") is True

    @property
    def contact_id(self) -> str:
        """The contact that a converted lead became, or empty."""
        return str(self.values.get("convertedcontactid") or "")


@dataclass(slots=True)
class Findings:
    """What the lookups of one batch came to.

    `failures` are by object and field: a query that failed says nothing of its values.
    """

    records: dict[MatchKey, list[Found]] = field(default_factory=dict)
    failures: dict[tuple[str, str], Rejected | Retry] = field(default_factory=dict)

    def of(self, key: MatchKey) -> Sequence[Found]:
        """The records that `key` means, oldest first."""
        found = self.records.get(key, ())
        if len(found) < _SEVERAL:
            return found
        return sorted(found, key=lambda record: (record.created, record.record_id))

    def failure(self, key: MatchKey) -> Rejected | Retry | None:
        """Why nothing is known of `key`, or None."""
        return self.failures.get(key[:2]) if self.failures else None


def preferred(records: Sequence[Found]) -> Sequence[Found]:
    """Of the records that one key means, those that are not converted, if there are any."""
    if len(records) < _SEVERAL:
        return records
    return [record for record in records if not record.converted] or records


def keyed(upsert: Upsert, directly: Fields = frozenset()) -> Keyed:
    """Work out the match keys of `upsert`; `directly` is as in `is_direct`."""
    keys = tuple([match_key(upsert.object_type, match) for match in upsert.matches])
    return Keyed(upsert, keys, needs_lookup(upsert, directly))


def match_key(object_type: str, match: Match) -> MatchKey:
    """What two upserts of one record have in common."""
    kind, name = _folded_names(object_type, match.name)
    if name == "id":
        return (kind, name, long_id(str(match.value)) or str(match.value))
    return (kind, name, folded(match.value))


@lru_cache(maxsize=1024)
def _folded_names(object_type: str, name: str) -> tuple[str, str]:
    """Both case folded, and shared: they are few, the keys that are kept of them many."""
    return (sys.intern(object_type.casefold()), sys.intern(name.casefold()))


def is_id(match: Match) -> bool:
    """Whether `match` is the record's own id."""
    return match.name.casefold() == "id"


def is_direct(upsert: Upsert, directly: Fields = frozenset()) -> bool:
    """Whether the CRM itself is to find or create the record: one write, no lookup.

    By a custom field, which must be an external id then, or by one of `directly`. Email and its
    like are matched by query otherwise, so that converted leads and several matches are seen
    before anything is written. What is written must be the same whether the record is there or
    not: every default and every required field has a value already, and nothing is only filled.
    """
    if upsert.operation is not Operation.UPSERT or len(upsert.matches) != 1 or upsert.fill:
        return False
    match = upsert.matches[0]
    folded_name = match.name.casefold()
    if not folded_name.endswith("__c") and (
        not directly or (upsert.object_type.casefold(), folded_name) not in directly
    ):
        return False
    if not upsert.on_update.keys() <= upsert.properties.keys():
        return False
    return not missing(
        {**upsert.properties, match.name: match.value}, {*upsert.on_create, *upsert.required}
    )


def needs_lookup(upsert: Upsert, directly: Fields = frozenset()) -> bool:
    """Whether the record must be found before the write can be planned."""
    if not upsert.matches or is_direct(upsert, directly):
        return False
    direct = upsert.operation is Operation.UPDATE and is_id(upsert.matches[0])
    return not direct or bool(upsert.fill)


def plan_queries(asked: Iterable[Keyed]) -> Sequence[Query]:
    """Gather the match keys of `asked` into queries, one per object, field and kind of value."""
    values: dict[tuple[str, str, str, bool], dict[str, Scalar]] = {}
    fills: dict[str, dict[str, None]] = {}
    for each in asked:
        upsert = each.upsert
        fill = fills.setdefault(upsert.object_type, {})
        if upsert.fill:
            fill.update(dict.fromkeys(sorted(upsert.fill)))
        for match, (_, name, mark) in zip(upsert.matches, each.keys, strict=True):
            value = mark if name == "id" else match.value
            alone = REFERENCE in str(value)
            kind = "text" if isinstance(value, str) else "bare"
            group = values.setdefault((upsert.object_type, match.name, kind, alone), {})
            group.setdefault(mark, value)
    return [
        Query(
            object_type,
            name,
            _columns(object_type, name, fills[object_type]),
            tuple(group.values()),
        )
        for (object_type, name, _kind, _alone), group in values.items()
    ]


def _columns(object_type: str, name: str, fill: Iterable[str]) -> tuple[str, ...]:
    lead = _LEAD_COLUMNS if object_type.casefold() == "lead" else ()
    wanted = ("Id", "CreatedDate", name, *lead, *fill)
    seen: dict[str, str] = {}
    for column in wanted:
        seen.setdefault(column.casefold(), column)
    return tuple(seen.values())


class Finder:
    """Runs lookups, up to five queries in one API request."""

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client

    async def find(self, queries: Sequence[Query]) -> Findings:
        """Run `queries`, cut to size, and gather what they find.

        A query that Salesforce refuses for an optional column is asked again without it, one that
        it refuses for the type of its values with the other type. Raises WriteFailed when a whole
        request fails.
        """
        findings = Findings()
        pending = [part for query in queries for part in query.cut()]
        while pending:
            again: list[Query] = []
            replies = await ask(self._client, [query.text for query in pending])
            for query, reply in zip(pending, replies, strict=True):
                again.extend(await self._take(query, reply, findings))
            pending = again
        return findings

    async def _take(self, query: Query, reply: Reply, findings: Findings) -> Sequence[Query]:
        """Read one reply and its further pages; return what is to be asked again."""
        kind, name = query.object_type.casefold(), query.field.casefold()
        while reply.ok:
            page = reply.body if isinstance(reply.body, Mapping) else {}
            for record in _records(page):
                mark = record.record_id if name == "id" else folded(record.values.get(name))
                for spelling in query.spellings.get(mark, (mark,)):
                    findings.records.setdefault((kind, name, spelling), []).append(record)
            next_path = page.get("nextRecordsUrl")
            if page.get("done") is not False or not isinstance(next_path, str):
                return ()
            reply = await self._client.more(next_path)
        for error in reply.errors:
            if error.wants_quotes is not None:
                retyped = query.retyped(quoted=error.wants_quotes)
                if retyped is not None:
                    return (retyped,) if retyped.values else ()
            for column in error.named_fields if error.code == "INVALID_FIELD" else ():
                reduced = query.without(column)
                if reduced is not None:
                    return (reduced,)
        where = f"lookup of {query.object_type} by {query.field}"
        findings.failures[kind, name] = outcome(reply.errors, where)
        return ()


async def ask(client: SalesforceClient, queries: Sequence[str]) -> Sequence[Reply]:
    """Run SOQL queries, five to a request; replies in their order."""
    replies: dict[int, Reply] = {}
    shared: list[int] = []
    for index, soql in enumerate(queries):
        if REFERENCE in soql:
            replies[index] = await client.query(soql)
        else:
            shared.append(index)
    for start in range(0, len(shared), QUERIES_PER_COMPOSITE):
        group = shared[start : start + QUERIES_PER_COMPOSITE]
        calls = [Call("GET", query_path(queries[i]), "lookup", writes=False) for i in group]
        replies.update(zip(group, await client.composite(calls), strict=True))
    return [replies[index] for index in range(len(queries))]


def _records(page: Mapping[str, object]) -> Iterable[Found]:
    rows = page.get("records")
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("Id"):
            values = dict(zip(_folded_columns(tuple(row)), row.values(), strict=True))
            yield Found(str(row["Id"]), str(row.get("CreatedDate") or ""), values)


@lru_cache(maxsize=64)
def _folded_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """All rows of a query have the same columns."""
    return tuple(name.casefold() for name in names)
