"""Lookups: asks the queries of a batch, and gathers the records found. By query, never by search.

A search index lags behind writes; a query does not, so a record just created is found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from destinations.salesforce.client import Call, Reply, SalesforceClient
from destinations.salesforce.keys import REFERENCE, MatchKey
from destinations.salesforce.reasons import outcome
from destinations.salesforce.soql import Query, folded, query_path
from transformer.outcome import Rejected, Retry

QUERIES_PER_COMPOSITE = 5

_SEVERAL = 2


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
