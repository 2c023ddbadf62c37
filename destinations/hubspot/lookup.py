"""Lookups: which records have the match keys of a batch, in as few requests as HubSpot allows.

By id and by unique properties through batch/read (100 a request, no search limit); everything
else by searches, whose index lags. Plan, then ask.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from destinations.hubspot.client import MAX_INPUTS, HubSpotClient
from destinations.hubspot.reasons import outcome, text_id
from destinations.hubspot.schema import ObjectSchema
from destinations.hubspot.shape import is_id
from transformer.outcome import Outcome
from transformer.upsert import Match, Upsert

MAX_SEARCH_CHARS = 2_500
MAX_SEARCH_VALUES = 100
MAX_RESULTS = 10_000
ADDITIONAL_EMAILS = "hs_additional_emails"
MERGED_IDS = "hs_merged_object_ids"

Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """One record that has a match key; `values` are the properties that were asked for."""

    record_id: str
    values: Mapping[str, object] = field(default_factory=dict)
    created: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: the records of an object whose property has one of these values."""

    object_type: str
    name: str
    values: tuple[str, ...]
    names: tuple[str, ...]
    search: bool


def question_about(object_type: str, name: str, values: Iterable[str]) -> Question:
    """The one request that tells which records have these values, at most 100, of a unique one."""
    names = (ADDITIONAL_EMAILS, name) if name == "email" else (name,)
    return Question(object_type, name, tuple(values), names, search=False)


class Findings:
    """What the lookups found, by match key."""

    def __init__(self) -> None:
        self._found: dict[Key, dict[str, Found]] = {}
        self._failed: dict[Key, Outcome] = {}

    def add(self, key: Key, found: Found) -> None:
        """Take a record that has the match key."""
        self._found.setdefault(key, {})[found.record_id] = found

    def fail(self, key: Key, outcome_of_lookup: Outcome) -> None:
        """Take note that the match key could not be looked for."""
        self._failed[key] = outcome_of_lookup

    def of(self, object_type: str, match: Match) -> Sequence[Found]:
        """The records with the match key, first created first."""
        found = self._found.get(match_key(object_type, match), {})
        return sorted(found.values(), key=lambda each: (each.created, int(each.record_id or 0)))

    def failure(self, object_type: str, match: Match) -> Outcome | None:
        """Why the match key could not be looked for, if it could not."""
        return self._failed.get(match_key(object_type, match))


def match_key(object_type: str, match: Match) -> Key:
    """One name for one identity, however it is spelled."""
    return (object_type, "id" if is_id(match) else match.name, match.folded)


def wire_value(match: Match, *, search: bool = False) -> str:
    """The value as it is asked for: searches and e-mail addresses go by lower case."""
    text = str(match.value).strip()
    return text.lower() if search or match.name == "email" else text


def questions(wanted: Iterable[tuple[Upsert, ObjectSchema]]) -> Sequence[Question]:
    """The requests that find the match keys of these upserts, each key asked for once."""
    grouped: dict[tuple[str, str, bool], tuple[dict[str, None], set[str]]] = {}
    for upsert, schema in wanted:
        for match in upsert.matches:
            name = "" if is_id(match) else match.name
            search = bool(name) and not schema.is_unique(name)
            values, names = grouped.setdefault((schema.name, name, search), ({}, set()))
            values[wire_value(match, search=search)] = None
            names.update(upsert.fill & schema.properties.keys())
    found: list[Question] = []
    for (object_type, name, search), (values, names) in grouped.items():
        asked = {*names, *([name] if name else [])}
        if name == "email":
            asked.add(ADDITIONAL_EMAILS)
        if not name:
            asked.add(MERGED_IDS)
        if search:
            asked.add("createdate")
        found.extend(
            Question(object_type, name, chunk, tuple(sorted(asked)), search)
            for chunk in _chunks(list(values), search=search)
        )
    return found


class Finder:
    """Asks questions and gathers what is found.

    `is_stale` says of a key and an id that a search cannot know yet what that record is now.
    """

    def __init__(
        self, client: HubSpotClient, is_stale: Callable[[Key, str], bool] | None = None
    ) -> None:
        self._client = client
        self._is_stale = is_stale

    async def find(self, asked: Sequence[Question]) -> Findings:
        """Ask every question. Raises WriteFailed when one fails: nothing is written then."""
        findings = Findings()
        for question in asked:
            if question.search:
                await self._search(question, findings)
            else:
                await self._read(question, findings)
        return findings

    async def _read(self, question: Question, findings: Findings) -> None:
        reply = await self._client.batch_read(
            question.object_type, question.name, question.values, question.names
        )
        if not reply.ok:
            error = outcome(reply.error, f"look up {question.object_type}")
            _fail(question, findings, error)
            return
        _take(question, reply.results, findings)

    async def _search(self, question: Question, findings: Findings) -> None:
        filters = [
            {"propertyName": question.name, "operator": "IN", "values": list(question.values)}
        ]
        after, seen = "0", 0
        while after and seen < MAX_RESULTS:
            reply = await self._client.search(question.object_type, filters, question.names, after)
            if not reply.ok:
                error = outcome(reply.error, f"search {question.object_type}")
                _fail(question, findings, error)
                return
            _take(question, reply.results, findings, self._is_stale)
            seen += len(reply.results)
            after = reply.after


def _take(
    question: Question,
    results: Sequence[Mapping[str, object]],
    findings: Findings,
    is_stale: Callable[[Key, str], bool] | None = None,
) -> None:
    """File each record under the values that were asked for."""
    wanted = {value.lower() for value in question.values}
    for record in results:
        record_id = text_id(record.get("id"))
        properties = record.get("properties")
        values = properties if isinstance(properties, Mapping) else {}
        created = str(values.get("createdate") or record.get("createdAt") or "")
        found = Found(record_id, dict(values), created)
        held = [str(values.get(question.name) or "")] if question.name else [record_id]
        if not question.name:
            # The id of a record that was merged into another one leads to that one.
            held += str(values.get(MERGED_IDS) or "").split(";")
        if question.name == "email":
            held += str(values.get(ADDITIONAL_EMAILS) or "").split(";")
        for value in held:
            folded = value.strip().lower()
            key = (question.object_type, question.name or "id", folded)
            if folded in wanted and not (is_stale and is_stale(key, record_id)):
                findings.add(key, found)


def _fail(question: Question, findings: Findings, error: Outcome) -> None:
    for value in question.values:
        findings.fail((question.object_type, question.name or "id", value.lower()), error)


def _chunks(values: Sequence[str], *, search: bool) -> Iterable[tuple[str, ...]]:
    """Split values so that a request stays below its limits."""
    limit = MAX_SEARCH_CHARS if search else 1_000_000
    most = MAX_SEARCH_VALUES if search else MAX_INPUTS
    chunk: list[str] = []
    size = 0
    for value in values:
        length = len(orjson.dumps(value)) + 1
        if chunk and (size + length > limit or len(chunk) >= most):
            yield tuple(chunk)
            chunk, size = [], 0
        chunk.append(value)
        size += length
    if chunk:
        yield tuple(chunk)
