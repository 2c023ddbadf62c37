"""Template as a destination: settings, limits, and what is sent for a batch."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from destinations._template.client import TemplateClient
from destinations._template.plan import MOST_ROWS, Step, steps
from destinations._template.reasons import CONTACT, outcome
from transformer.budget import Budget, Rate
from transformer.clock import Clock
from transformer.destination import FieldUse, Finding, Kind, Limits, Setting, Settings
from transformer.errors import WriteFailed
from transformer.failures import retry_of
from transformer.http import ExchangeHook, HttpClient, url_problem
from transformer.outcome import Delivered, Outcome, Reason, Rejected
from transformer.upsert import Upsert

LIMITS = Limits(batch_records=MOST_ROWS, requests_in_flight=2)
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
)


class TemplateDestination:
    """One Template account. Implements `transformer.destination.Destination`."""

    def __init__(self, http: HttpClient, client: TemplateClient) -> None:
        self._http = http
        self._client = client

    @property
    def limits(self) -> Limits:
        """How much one `write` takes."""
        return LIMITS

    @property
    def budget(self) -> Budget:
        """The account's requests."""
        return self._http.budget

    def observe_requests(self, hook: ExchangeHook) -> None:
        """Call `hook` after every request from now on."""
        self._http.on_request = hook

    async def open(self) -> None:
        """Prepare to write; nothing is asked of the CRM."""

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch`; after a failed request nothing more is sent, and what is known is kept.

        Raises the WriteFailed of the first request: then nothing is known of any upsert.
        """
        found: dict[int, Outcome] = {}
        failure: WriteFailed | None = None
        for step in steps(batch):
            if failure is None:
                try:
                    found.update(await self._send(step, batch))
                    continue
                except WriteFailed as fault:
                    if not found:
                        raise
                    failure = fault
                    found.update((n, retry_of(failure, sent=True)) for n in step.indexes)
                    continue
            found.update((n, retry_of(failure, sent=False)) for n in step.indexes)
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
        upserts = [batch[index] for index in step.indexes]
        if step.kind == "upsert":
            results = await self._client.upsert([_values(upsert) for upsert in upserts])
            return {n: _row(each) for n, each in zip(step.indexes, results, strict=True)}
        (index,), (upsert,) = step.indexes, upserts
        return {index: await self._send_one(step, upsert)}

    async def _send_one(self, step: Step, upsert: Upsert) -> Outcome:
        if step.kind == "unknown":
            detail = f"{upsert.object_type}: unknown object, expected {CONTACT}."
            return Rejected(Reason.UNKNOWN_OBJECT, detail)
        if step.kind == "update" and upsert.match is not None:
            record_id = str(upsert.match.value)
            reply = await self._client.update(record_id, _values(upsert))
            found = {**reply.body, "created": False}
        else:
            # E-mails are unique: a create that is repeated is answered with the first one's id.
            reply = await self._client.create(_values(upsert))
            found = {**reply.body, "created": True}
        return _row(found) if reply.ok else outcome(reply.error, step.kind)


def _values(upsert: Upsert) -> Mapping[str, object]:
    return {**upsert.on_create, **upsert.properties}


def _row(result: object) -> Outcome:
    row = result if isinstance(result, Mapping) else {}
    if row.get("id"):
        operation = "created" if row.get("created") else "updated"
        return Delivered(
            "created" if operation == "created" else "updated", str(row["id"]), CONTACT
        )
    return outcome(row.get("error"), CONTACT)


def validate(settings: Settings) -> Sequence[str]:
    """One problem per setting that is missing or cannot be."""
    problems = []
    wrong = url_problem(str(settings.get("base_url") or ""))
    if wrong:
        problems.append(f"base_url: {wrong}.")
    if not settings.get("api_token"):
        problems.append("api_token: missing. Set it to the integration's token.")
    return problems


def open_destination(settings: Settings, clock: Clock) -> TemplateDestination:
    """Build the destination of one connection."""
    http = HttpClient(budget=Budget(rate=RATE), clock=clock, gzip_over_bytes=None)
    client = TemplateClient(http, str(settings["base_url"]), str(settings["api_token"]))
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
