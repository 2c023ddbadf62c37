"""Template as a destination: settings, limits, and what is sent for a batch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from destinations._template.client import NOBODY, Reply, TemplateClient
from destinations._template.plan import MOST_ROWS, Step, steps
from destinations._template.reasons import CONTACT, outcome
from transformer.budget import Budget, Rate
from transformer.clock import Clock
from transformer.destination import FieldUse, Finding, Kind, Limits, Setting, Settings
from transformer.errors import WriteFailed
from transformer.failures import retry_of
from transformer.http import HttpClient, Timeouts
from transformer.kit.choice import Create, Update, choose
from transformer.kit.http_destination import HttpDestination
from transformer.kit.settings import Given, timeouts
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Match, Upsert

LIMITS = Limits(batch_records=MOST_ROWS, requests_in_flight=2)
MATCHED_BY = ("id", "email")
RATE = Rate(requests=20, seconds=10.0)

SETTINGS = (
    Setting(
        "base_url",
        "string",
        "The address of the API.",
        default="https://api.template.example",
        example="https://api.template.example",
    ),
    Setting(
        "api_token",
        "string",
        "The token of the integration, from Settings > API.",
        secret=True,
        example="${TEMPLATE_API_TOKEN}",
    ),
    *timeouts(read_seconds=60.0),
)


class TemplateDestination(HttpDestination):
    """One Template account. Implements `transformer.destination.Destination`."""

    limits = LIMITS

    def __init__(self, http: HttpClient, client: TemplateClient) -> None:
        super().__init__(http)
        self._client = client

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`; after a failed request nothing more is sent, and what is known is kept.

        Raises the WriteFailed of the first request: then nothing is known of any upsert.
        """
        found: dict[int, Outcome] = {}
        plan = tuple(steps(batch))
        for number, step in enumerate(plan):
            try:
                found |= await self._send(step, batch)
            except WriteFailed as failure:
                if not found:
                    raise
                found |= _left(failure, plan[number:])
                break
        return [found[index] for index in range(len(batch))]

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare the token and the mapping's fields with the account."""
        try:
            known = set(await self._client.fields())
        except WriteFailed as failure:
            return [Finding("error", "credentials", str(failure))]
        missing = [
            Finding("warning", use.where, f"{use.object_type}.{use.name} is not in this account.")
            for use in fields
            if use.name not in known
        ]
        return [Finding("ok", "credentials", "the token is accepted."), *missing]

    async def _send(self, step: Step, batch: Sequence[Upsert]) -> Mapping[int, Outcome]:
        if step.kind == "batch":
            rows = [batch[index].properties for index in step.indexes]
            results = await self._client.upsert(rows)
            return {n: _row(each) for n, each in zip(step.indexes, results, strict=True)}
        (index,) = step.indexes
        return {index: await self._send_one(step, batch[index])}

    async def _send_one(self, step: Step, upsert: Upsert) -> Outcome:
        if step.kind == "unknown":
            detail = f"{upsert.object_type}: unknown object, expected {CONTACT}."
            return Rejected(Reason.UNKNOWN_OBJECT, detail)
        if upsert.match is not None and upsert.match.name not in MATCHED_BY:
            detail = f"{CONTACT}: expected the match key id or email, got {upsert.match.name}."
            return Rejected(Reason.MATCH_KEY_INVALID, detail)
        found = await self._look_up(upsert.match)
        return await self._write(upsert, found) if found.ok else outcome(found.error, CONTACT)

    async def _look_up(self, match: Match | None) -> Reply:
        """The record that the match key names.

        A create without one is not looked for, not even when it is repeated: e-mails are unique,
        and the refusal names the record that the first try made.
        """
        if match is None:
            return NOBODY
        if match.name == "id":
            return await self._client.read(str(match.value))
        return await self._client.find(str(match.value))

    async def _write(self, upsert: Upsert, found: Reply) -> Outcome:
        record_id = str(found.record["id"]) if found.record.get("id") else None
        choice = choose(upsert, record_id, found.record)
        match choice:
            case Create():
                reply = await self._client.create(choice.values)
            case Update():
                reply = await self._client.update(record_id or "", choice.values)
            case Skipped() | Rejected():
                return choice
        if not reply.ok:
            return outcome(reply.error, CONTACT)
        return _row({"id": reply.record.get("id"), "created": isinstance(choice, Create)})


def _left(failure: WriteFailed, plan: Sequence[Step]) -> Mapping[int, Outcome]:
    """The outcomes of the step that failed, and of those that were not sent because of it."""
    return {
        index: retry_of(failure, sent=number == 0)
        for number, step in enumerate(plan)
        for index in step.indexes
    }


def _row(result: object) -> Outcome:
    row = result if isinstance(result, Mapping) else {}
    if not row.get("id"):
        return outcome(row.get("error"), CONTACT)
    return Delivered("created" if row.get("created") else "updated", str(row["id"]), CONTACT)


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    given = Given(settings, SETTINGS)
    problems = [*given.address_problems("base_url"), *given.number_problems()]
    if not given.text("api_token"):
        problems.append("api_token: missing. Set it to the integration's token.")
    return problems


def open_destination(settings: Settings, clock: Clock) -> TemplateDestination:
    """Build the destination of one connection."""
    given = Given(settings, SETTINGS)
    http = HttpClient(
        # The account's rate, of which each worker has its part.
        budget=Budget(rate=RATE.part(given.workers)),
        clock=clock,
        timeouts=Timeouts(
            given.number("connect_timeout_seconds"), given.number("read_timeout_seconds")
        ),
        gzip_over_bytes=None,
    )
    client = TemplateClient(http, given.text("base_url"), given.text("api_token"))
    return TemplateDestination(http, client)


KIND = Kind(
    name="_template",
    title="Template",
    integrations=("Template",),
    settings=SETTINGS,
    mapping_file=Path(__file__).with_name("mapping.yaml"),
    validate=validate,
    open=open_destination,
)
