"""The writer: sends packed rows, reads each row's result, and follows up what is not final."""

from collections import deque
from collections.abc import Mapping, Sequence

from destinations.salesforce.answers import (
    AskContact,
    AskDuplicates,
    Judgement,
    Resend,
    culprits,
    duplicates_refused,
    failed,
    judge,
    judge_errors,
    suspects,
    temporary,
)
from destinations.salesforce.client import Call, Reply, SalesforceClient
from destinations.salesforce.keys import REFERENCE, keyed, plan_queries
from destinations.salesforce.lookup import Finder
from destinations.salesforce.pack import Collection, Row, collections, encode, requests
from destinations.salesforce.plan import Policy, Write, converted
from destinations.salesforce.reasons import outcome
from destinations.salesforce.refused import RefusedFields
from transformer.errors import RequestRefused, ServerFault, WriteFailed
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry
from transformer.upsert import Match, Operation, Upsert

SINGLES_PER_COMPOSITE = 20
_SERVER_FAULT = 500


class Writer:
    """Sends the rows of one batch; one instance per batch."""

    def __init__(
        self,
        client: SalesforceClient,
        policy: Policy,
        headers: Mapping[str, str],
        refused: RefusedFields,
    ) -> None:
        self._client = client
        self._policy = policy
        self._headers = headers
        self._refused_fields = refused
        self._outcomes: dict[int, Outcome] = {}
        self._pending: deque[Sequence[Collection]] = deque()
        self._again: list[Write] = []
        self._singles: list[Write] = []
        self._leads: list[Write] = []

    async def write(self, rows: Sequence[Row]) -> Mapping[int, Outcome]:
        """Send `rows` and return an outcome for each, by the index of its write.

        Raises WriteFailed only when the first request fails, so that nothing is known; when a
        later one does, the rows without a result come back as Retry (invariant 6).
        """
        self._plan(rows)
        try:
            while self._pending or self._again or self._singles or self._leads:
                await self._step()
        except WriteFailed as failure:
            if not self._outcomes and not self._again:
                raise
            self._give_up(failure)
        return self._outcomes

    async def _step(self) -> None:
        if self._pending:
            await self._send(self._pending[0])
            self._pending.popleft()
        elif self._again:
            self._send_again()
        elif self._singles:
            asked = next_singles(self._singles)
            await self._ask_duplicates(asked)
            del self._singles[: len(asked)]
        else:
            await self._ask_contacts()
            self._leads.clear()

    def _send_again(self) -> None:
        """Plan the rows to be resent, without any field that a row was refused for meanwhile."""
        writes, self._again = self._again, []
        rows = []
        for write in writes:
            row = encode(self._refused_fields.left_out(write))
            if isinstance(row, Row):
                rows.append(row)
            else:
                self._outcomes[write.index] = row
        self._plan(rows)

    def _plan(self, rows: Sequence[Row]) -> None:
        self._pending.extend(requests(collections(rows)))

    async def _send(self, request: Sequence[Collection]) -> None:
        calls = [part.call(self._headers) for part in request]
        if len(calls) == 1:
            replies: Sequence[Reply] = [await self._client.send(calls[0])]
        else:
            try:
                replies = await self._client.composite(calls)
            except RequestRefused:
                # One bad part refuses them all: each is sent by itself, to find it.
                self._pending.extend([part] for part in request)
                return
        for part, reply in zip(request, replies, strict=True):
            self._read(part, reply)

    def _read(self, part: Collection, reply: Reply) -> None:
        """Read one collection's reply.

        There are three cases: a result per row; fewer or more results than rows, so that nobody
        can say which is whose; or a refusal of the whole.
        """
        results = reply.body if isinstance(reply.body, list) else None
        if not reply.ok:
            self._refused(part, reply)
        elif results is None or len(results) != len(part.rows):
            for row in part.rows:
                self._outcomes[row.write.index] = _unreadable(row.write, len(part.rows))
        else:
            for row, result in zip(part.rows, results, strict=True):
                judgement = judge(row.write, result, self._policy)
                if isinstance(judgement, Delivered):
                    self._outcomes[row.write.index] = judgement
                else:
                    self._take(row.write, judgement)

    def _refused(self, part: Collection, reply: Reply) -> None:
        """Find the rows that a refusal is about, and send the others again."""
        writes = [row.write for row in part.rows]
        errors = reply.errors
        if reply.status >= _SERVER_FAULT:
            self._outcomes.update({write.index: _part_failed(write, reply) for write in writes})
            return
        if part.external_field and errors[0].code == "NOT_FOUND":
            for write in writes:
                self._outcomes[write.index] = _not_external(write, reply)
            return
        guilty = culprits(writes, errors)
        if temporary(errors) or len(writes) == 1:
            for write in writes:
                self._take(write, judge_errors(write, errors, self._policy))
        elif guilty:
            for row in part.rows:
                if row.write.index in guilty:
                    about = guilty[row.write.index]
                    self._take(row.write, judge_errors(row.write, about, self._policy))
                else:
                    self._again.append(row.write)
        else:
            self._pending.extend(requests(part.split(suspects(writes, errors))))

    def _take(self, write: Write, judgement: Judgement) -> None:
        match judgement:
            case Resend(write=smaller):
                self._refused_fields.learn(write, smaller)
                self._again.append(smaller)
            case AskDuplicates():
                self._singles.append(write)
            case AskContact():
                self._leads.append(write)
            case _:
                self._outcomes[write.index] = judgement

    async def _ask_duplicates(self, writes: Sequence[Write]) -> None:
        """Create rows one by one in one call: a single create's error names the duplicates."""
        calls = [self._single(write) for write in writes]
        if len(calls) == 1:
            replies: Sequence[Reply] = [await self._client.send(calls[0])]
        else:
            replies = await self._client.composite(calls)
        for write, reply in zip(writes, replies, strict=True):
            if reply.ok:
                self._take(write, judge(write, reply.body, self._policy))
                continue
            if reply.status >= _SERVER_FAULT:
                self._outcomes[write.index] = _part_failed(write, reply)
                continue
            judgement = judge_errors(write, reply.errors, self._policy)
            if isinstance(judgement, AskDuplicates):
                judgement = duplicates_refused(write, reply.errors[0])
            self._take(write, judgement)

    def _single(self, write: Write) -> Call:
        return Call(
            "POST",
            f"sobjects/{write.object_type}",
            "create",
            writes=True,
            body=dict(write.body),
            headers=self._headers,
        )

    async def _ask_contacts(self) -> None:
        """Look up which contacts the leads became that turned out to be converted."""
        writes = self._leads
        asked = [
            keyed(Upsert("Lead", Operation.UPDATE, {}, (Match("Id", write.record_id),)))
            for write in writes
        ]
        findings = await Finder(self._client).find(plan_queries(asked))
        for write, lead in zip(writes, asked, strict=True):
            found = findings.of(lead.keys[0])
            failure = findings.failure(lead.keys[0])
            self._outcomes[write.index] = failure or converted(
                write.record_id,
                found[0].contact_id if found else "",
                use_contact_id=self._policy.use_contact_id,
            )

    def _give_up(self, failure: WriteFailed) -> None:
        """Give every row without an outcome its Retry; only those just sent may have applied."""
        for number, request in enumerate(self._pending):
            for part in request:
                for row in part.rows:
                    outcome_of_row = failed(row.write, failure, sent=number == 0)
                    self._outcomes.setdefault(row.write.index, outcome_of_row)
        sent = not self._pending
        waiting = [*self._again, *self._singles, *self._leads]
        for write in waiting:
            self._outcomes.setdefault(write.index, failed(write, failure, sent=sent))


def next_singles(writes: Sequence[Write]) -> Sequence[Write]:
    """The first of `writes` that one call can take: one alone, if a composite would misread it."""
    plain = 0
    while plain < min(len(writes), SINGLES_PER_COMPOSITE):
        if REFERENCE.encode() in writes[plain].encoded:
            break
        plain += 1
    return writes[: max(1, plain)]


def _unreadable(write: Write, expected: int) -> Retry:
    return Retry(
        Reason.ANSWER_LOST,
        f"{write.where}: expected {expected} results, one per row, and got another number.",
        may_have_applied=True,
    )


def _part_failed(write: Write, reply: Reply) -> Retry:
    """One part of a composite failed inside: as little is known as of a request that did."""
    error = reply.errors[0]
    fault = ServerFault(
        f"collection: the answer to a part is {reply.status}.",
        detail=f"collection: {error.code}: {error.message}",
        vendor=error.vendor,
        may_have_applied=True,
    )
    return failed(write, fault, sent=True)


def _not_external(write: Write, reply: Reply) -> Outcome:
    refused = outcome(reply.errors, write.where)
    return Rejected(
        Reason.UNKNOWN_FIELD,
        f"{write.object_type}.{write.field}: not an external id that this user can see."
        " Mark the field as External ID, or grant access to it.",
        refused.vendor,
    )
