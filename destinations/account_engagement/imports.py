"""One import job that sets a field of many prospects where it is empty. Knows no upserts.

The vendor documents that an import can assign users and that a field may keep what is there
(`overwrite`); the bodies follow those of version 4 where version 5's could not be read. So whatever
goes otherwise ends in `ImportFailed`, and nobody may rely on a job that says it is complete.
Sources: the vendor's Import API, versions 4 and 5, read 2026-11-22.
"""

from collections.abc import Mapping

from destinations.account_engagement.client import AccountEngagementClient, Form, Reply
from destinations.account_engagement.reasons import IMPORT_LIMITS, code_in, read_error
from transformer.clock import Clock
from transformer.errors import QuotaSpent, Throttled, Unauthorized, Unreachable, WriteFailed
from transformer.kit.json_api import segment

MATCH = "matchId"
POLL_SECONDS = 5.0
LONGEST_POLL_SECONDS = 120.0
# The vendor asks for few polls; most imports are to be met by the first or the second.
PATIENCE_GROWTH = 5
GOING_ON = frozenset({"ready", "waiting", "processing"})
COMPLETE = "complete"
# No cell holds anything but digits: it cannot occur in them.
BOUNDARY = "account-engagement-import"


class ImportFailed(Exception):
    """The job did not come to its end; the text is safe to log."""


class Importer:
    """Runs one import after the other; remembers how long the last one took."""

    def __init__(
        self, client: AccountEngagementClient, clock: Clock, *, timeout_seconds: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._expected_seconds = POLL_SECONDS

    async def fill(self, field: str, values: Mapping[str, int]) -> int:
        """Give these prospects, by id, their value of `field` where they have none.

        Returns how many rows the job counts as errors once it is complete; what it did to the
        others has to be looked at. An import sent twice does no harm.
        Raises ImportFailed for all that has to do with imports, at once or when the time is up,
        and WriteFailed for what stops every request.
        """
        try:
            job = await self._started(field, values)
            return await self._ended(job)
        except WriteFailed as failure:
            if _is_general(failure):
                raise
            raise ImportFailed(str(failure)) from None

    async def _started(self, field: str, values: Mapping[str, int]) -> str:
        """Open a job, give it its rows and start it; its path."""
        keep = {"overwrite": False, "nullOverwrite": False}
        job = {
            "operation": "Upsert",
            "object": "Prospect",
            "restoreDeleted": False,
            "createOnNoMatch": False,
            "fields": [{"fieldName": MATCH}, {"fieldName": field, **keep}],
        }
        made = _accepted(await self._client.post("imports", "import_create", job), "create")
        number = made.record.get("id")
        if not number or isinstance(number, dict | list):
            raise ImportFailed("import_create: the answer names no id.")
        path = f"imports/{segment(str(number))}"
        form = _form(field, values)
        _accepted(await self._client.upload(f"{path}/batches", "import_upload", form), "upload")
        ready = {"status": "Ready"}
        _accepted(await self._client.patch(path, "import_start", ready), "start")
        return path

    async def _ended(self, path: str) -> int:
        """Ask for the job's state until it is complete."""
        started = self._clock.now()
        deadline = started + self._timeout_seconds
        wait = self._expected_seconds
        while self._clock.now() + wait <= deadline:
            await self._clock.sleep(wait)
            wait = min(LONGEST_POLL_SECONDS, wait * PATIENCE_GROWTH)
            try:
                found = await self._client.get(
                    path, "import_info", fields="id,status,isExpired,errorCount"
                )
            except (QuotaSpent, Unauthorized):
                raise
            except WriteFailed as failure:
                wait = max(wait, failure.after_seconds or 0.0)
                continue
            reply = _accepted(found, "info")
            status = str(reply.record.get("status") or "").casefold()
            if status == COMPLETE:
                self._learn(self._clock.now() - started)
                return _count(reply.record.get("errorCount"))
            expired = str(reply.record.get("isExpired")).casefold() in {"true", "1"}
            if expired or status not in GOING_ON:
                raise ImportFailed("import_info: the import has ended and is not complete.")
        raise ImportFailed(
            "import_info: the import has not ended in time."
            " Raise import_timeout_seconds if this goes on."
        )

    def _learn(self, seconds: float) -> None:
        """Ask the next import first when it is likely to have ended."""
        likely = min(0.9 * seconds, LONGEST_POLL_SECONDS, self._timeout_seconds / 2)
        self._expected_seconds = max(POLL_SECONDS, likely)


def _is_general(failure: WriteFailed) -> bool:
    """Whether it would have met any other request as well."""
    if isinstance(failure, Throttled):
        return code_in(failure.detail) not in IMPORT_LIMITS
    return isinstance(failure, QuotaSpent | Unreachable)


def _accepted(reply: Reply, step: str) -> Reply:
    if not reply.ok:
        said = read_error(reply.body, reply.status).word
        raise ImportFailed(f"import_{step}: Account Engagement answered {said}.")
    return reply


def _form(field: str, values: Mapping[str, int]) -> Form:
    """The rows as CSV, in the one part that the vendor expects."""
    rows = [f"{MATCH},{field}", *(f"{number},{value}" for number, value in values.items())]
    lines = (
        f"--{BOUNDARY}",
        'Content-Disposition: form-data; name="importFile"; filename="assign.csv"',
        "Content-Type: text/csv",
        "",
        *rows,
        f"--{BOUNDARY}--",
        "",
    )
    return Form("\r\n".join(lines).encode(), BOUNDARY)


def _count(value: object) -> int:
    text = str(value)
    return int(text) if text.isdecimal() else 0
