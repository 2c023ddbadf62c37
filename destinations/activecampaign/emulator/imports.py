"""Bulk import of the emulated account: a queue of batches, applied some time after they came.

A batch is refused as a whole for one bad row. It never subscribes again who has left a list.
"""

import uuid
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from destinations.activecampaign.emulator.accounts import Accounts
from destinations.activecampaign.emulator.answers import Refusal, json_of
from destinations.activecampaign.emulator.catalogue import SUBSCRIBED, UNSUBSCRIBED, Catalogue
from destinations.activecampaign.emulator.contacts import Contacts
from destinations.activecampaign.emulator.store import Store
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_of
from transformer.emulator.store import text

MAX_CONTACTS = 250
MAX_BYTES = 399_999
MAX_PER_MINUTE = 100
RECENT_SECONDS = 7 * 86_400.0
# Right after a batch came it has no status yet.
STATELESS_SECONDS = 1.0
NAMES = {"first_name": "firstName", "last_name": "lastName", "phone": "phone"}
TEXTS = (*NAMES, "customer_acct_name")
KNOWN = frozenset(
    {"email", *NAMES, "customer_acct_name", "exclude_automations", "tags", "fields", "subscribe",
     "unsubscribe"}
)  # fmt: skip

IMPORT_FAILURE = "import_failure"
IMPORT_STATUS = "import_status"
IMPORT_STALL = "import_stall"
IMPORT_HALF = "import_half"
IMPORT_SILENCE = "import_silence"
FAULTS = (IMPORT_FAILURE, IMPORT_STATUS, IMPORT_STALL, IMPORT_HALF, IMPORT_SILENCE)
"""Faults of the request that brings a batch; they show when it is worked on.

`import_failure` fails the rows of `options.emails`; `import_status` ends it unapplied with
`options.status`; `import_stall` never ends it; `import_half` applies half and interrupts it;
`import_silence` passes the rows of `options.emails` over and names them nowhere.
"""


@dataclass(slots=True)
class Batch:
    """One batch of the queue. `status` is `waiting` until it is worked on."""

    id: str
    rows: Sequence[Mapping[str, object]]
    day: str
    queued_at: float
    ready_at: float
    faults: Mapping[str, Mapping[str, object]]
    status: str = "waiting"
    success: list[str] = field(default_factory=list)
    failure: list[str] = field(default_factory=list)


class Imports:
    """The import resources."""

    def __init__(
        self,
        store: Store,
        contacts: Contacts,
        catalogue: Catalogue,
        accounts: Accounts,
        *,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._catalogue = catalogue
        self._accounts = accounts
        self._clock = clock
        self.seconds = seconds
        self._recent: deque[float] = deque()
        self._waiting: deque[Batch] = deque()
        self.batches: dict[str, Batch] = {}

    def routes(self, root: str) -> Iterable[tuple[str, str, Handler]]:
        """The routes below `root`."""
        yield "POST", f"{root}/import/bulk_import", self._accept
        yield "GET", f"{root}/import/bulk_import", self._overview
        yield "GET", f"{root}/import/info", self._info

    def work(self) -> None:
        """Apply every batch whose time has come, in order."""
        while self._waiting and self._waiting[0].ready_at <= self._clock.now():
            self._apply(self._waiting.popleft())

    def queue(
        self,
        rows: Sequence[Mapping[str, object]],
        faults: Mapping[str, Mapping[str, object]] | None = None,
    ) -> str:
        """Take a batch over; it is worked on when its time has come. Return its id."""
        batch_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"batch {len(self.batches)}"))
        now = self._clock.now()
        batch = Batch(batch_id, rows, self._store.now()[:10], now, now + self.seconds, faults or {})
        self.batches[batch_id] = batch
        self._waiting.append(batch)
        return batch_id

    def clear(self) -> None:
        """Forget every batch."""
        self._waiting.clear()
        self.batches.clear()

    def _accept(self, call: Call, _params: Mapping[str, str]) -> Answer:
        if len(call.body) > MAX_BYTES:
            raise _refused(f"Payload exceeds {MAX_BYTES} bytes.", [])
        self._count_request()
        rows = json_of(call).get("contacts")
        if not isinstance(rows, list) or not rows:
            raise _refused("'contacts' is a required field.", [])
        if len(rows) > MAX_CONTACTS:
            raise _refused(f"Up to {MAX_CONTACTS} contacts may be imported per request.", [])
        reasons = [
            {"contact": index, "failureReason": reason}
            for index, row in enumerate(rows)
            if (reason := self._problem(row)) is not None
        ]
        if reasons:
            raise _refused(
                "JSON payload did not pass validation. Please fix failure Reasons and retry."
                " The import was not queued for processing.",
                reasons,
            )
        batch_id = self.queue(rows, {hit.kind: hit.options for hit in call.faults})
        return json_answer(
            {
                "Success": 1,
                "queued_contacts": len(rows),
                "batchId": batch_id,
                "message": "Contact import queued",
            }
        )

    def _count_request(self) -> None:
        now = self._clock.now()
        while self._recent and self._recent[0] <= now - 60.0:
            self._recent.popleft()
        if len(self._recent) >= MAX_PER_MINUTE:
            words = (
                "Up to 100 imports may be requested per minute.Please batch contacts into larger"
                " requests, or retry this request in a minute."
            )
            raise _refused("Rate limit exceeded.", [words])
        self._recent.append(now)

    def _problem(self, row: object) -> str | None:
        if not isinstance(row, dict):
            return "Contact must be an object"
        unknown = sorted(set(row) - KNOWN)
        if unknown:
            return f"Field '{unknown[0]}' is not known"
        email = row.get("email")
        if not isinstance(email, str) or not self._contacts.is_acceptable(email):
            return "Field 'email' incorrect format"
        wrong = [
            *(name for name in TEXTS if not isinstance(row.get(name, ""), str)),
            *("tags" for tag in _listed(row, "tags") if not isinstance(tag, str)),
            *("subscribe" for each in _listed(row, "subscribe") if not self._is_list(each)),
            *("unsubscribe" for each in _listed(row, "unsubscribe") if not self._is_list(each)),
            *("fields" for each in _listed(row, "fields") if not self._is_field(each)),
        ]
        return f"Field '{wrong[0]}' incorrect format" if wrong else None

    def _is_list(self, given: object) -> bool:
        known = isinstance(given, dict) and self._store.get("lists", given.get("listid"))
        return bool(known)

    def _is_field(self, given: object) -> bool:
        if not isinstance(given, dict) or not isinstance(given.get("value"), str):
            return False
        return self._store.get("fields", given.get("id")) is not None

    def _apply(self, batch: Batch) -> None:
        if IMPORT_STALL in batch.faults:
            return
        if IMPORT_STATUS in batch.faults:
            batch.status = text(batch.faults[IMPORT_STATUS].get("status")) or "failed"
            return
        failing = _emails(batch, IMPORT_FAILURE)
        passed_over = _emails(batch, IMPORT_SILENCE)
        rows = batch.rows
        if IMPORT_HALF in batch.faults:
            rows = rows[: len(rows) // 2]
        for row in rows:
            email = text(row["email"])
            if email in passed_over:
                continue
            if email in failing or self._contacts.is_blocked(email):
                batch.failure.append(email)
            else:
                batch.success.append(self._import(row))
        batch.status = "interrupted" if IMPORT_HALF in batch.faults else "completed"

    def _import(self, row: Mapping[str, object]) -> str:
        email = text(row["email"])
        values = {ours: row[theirs] for theirs, ours in NAMES.items() if theirs in row}
        contact = self._contacts.by_email(email)
        if contact is None:
            contact = self._contacts.insert({"email": email.strip(), **values}, "import")
        else:
            self._contacts.change(contact, values, "import")
        for each in _listed(row, "fields"):
            if isinstance(each, dict):
                self._contacts.set_value(contact.id, text(each["id"]), each["value"])
        for tag in _listed(row, "tags"):
            self._catalogue.attach_tag(contact.id, self._catalogue.tag(str(tag)).id)
        for name, status in (("subscribe", SUBSCRIBED), ("unsubscribe", UNSUBSCRIBED)):
            for each in _listed(row, name):
                if isinstance(each, dict):
                    listed = text(each["listid"])
                    self._catalogue.set_subscription(contact.id, listed, status, "0")
        if row.get("customer_acct_name"):
            self._join(contact.id, text(row["customer_acct_name"]))
        return contact.id

    def _join(self, contact_id: str, name: str) -> None:
        account = self._accounts.by_name(name) or self._accounts.insert({"name": name}, "import")
        for link in self._store.where("accountContacts", contact=contact_id):
            if link.get("account") == account.id:
                return
            self._store.remove("accountContacts", link.id)
        self._accounts.join(account.id, contact_id)

    def _overview(self, _call: Call, _params: Mapping[str, str]) -> Answer:
        recent = self._clock.now() - RECENT_SECONDS
        waiting = [batch for batch in self.batches.values() if batch.status == "waiting"]
        ended = [
            batch
            for batch in self.batches.values()
            if batch.status != "waiting" and batch.queued_at >= recent
        ]
        return json_answer({"outstanding": _sums(waiting), "recentlyCompleted": _sums(ended)})

    def _info(self, call: Call, _params: Mapping[str, str]) -> Answer:
        batch_id = query_of(call).get("batchId", "")
        if not batch_id:
            raise Refusal(
                json_answer({"success": 0, "message": "'batchId' is a required field."}, 400)
            )
        batch = self.batches.get(batch_id)
        if batch is None:
            raise Refusal(json_answer({"success": 0, "message": "Unknown batchId."}, 400))
        young = self._clock.now() - batch.queued_at < STATELESS_SECONDS
        return json_answer(
            {
                "status": False if young and batch.status == "waiting" else batch.status,
                "success": batch.success,
                "failure": batch.failure,
            }
        )


def _emails(batch: Batch, fault: str) -> frozenset[str]:
    found = batch.faults.get(fault, {}).get("emails")
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()


def _listed(row: Mapping[str, object], name: str) -> list[object]:
    found = row.get(name, [])
    return found if isinstance(found, list) else [found]


def _sums(batches: Sequence[Batch]) -> list[dict[str, str]]:
    """Day by day, as texts."""
    days = sorted({batch.day for batch in batches})
    of_day = {day: [batch for batch in batches if batch.day == day] for day in days}
    return [
        {
            "forDate": day,
            "batches": str(len(found)),
            "contacts": str(sum(len(batch.rows) for batch in found)),
        }
        for day, found in of_day.items()
    ]


def _refused(words: str, reasons: Sequence[object]) -> Refusal:
    return Refusal(
        json_answer({"success": 0, "message": words, "failureReasons": list(reasons)}, 400)
    )
