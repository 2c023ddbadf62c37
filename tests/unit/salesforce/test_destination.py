"""The destination against answers that an honest org hardly ever gives."""

from collections.abc import Mapping

import httpx
import orjson
import pytest

from destinations.salesforce.destination import SalesforceDestination, write_headers
from destinations.salesforce.repeats import comparable_fields, repeat_query
from destinations.salesforce.schema import Field, ObjectSchema, read_schema
from destinations.salesforce.settings import read
from tests.manual_clock import ManualClock
from tests.unit.salesforce.made import LEAD, LEAD_2, upsert
from transformer.budget import Budget
from transformer.destination import Finding, Settings
from transformer.errors import AnswerLost, RequestRefused, ServerFault, Unauthorized, Unreachable
from transformer.http import HttpClient
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Retry
from transformer.upsert import Match, Operation

APP: Settings = {
    "client_id": "id",
    "client_secret": "secret",
    "login_url": "https://acme.my.salesforce.com",
}
TOKEN = {"access_token": "t", "instance_url": "https://acme.my.salesforce.com"}
NOBODY: dict[str, object] = {"done": True, "totalSize": 0, "records": []}


class Org:
    """Answers in the order scripted; `sent` is what it was sent, logins aside."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, object]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        if request.url.path.endswith("/token"):
            return httpx.Response(200, json=TOKEN)
        body = orjson.loads(request.content) if request.content else None
        self.sent.append((f"{request.method} {request.url.path.rpartition('v67.0')[2]}", body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def destination(self, settings: Settings | None = None) -> SalesforceDestination:
        """A destination connected to it."""
        clock = ManualClock()
        http = HttpClient(budget=Budget(), clock=clock, transport=httpx.MockTransport(self))
        return SalesforceDestination(read({**APP, **(settings or {})}), clock, http)


def parts(*replies: object) -> dict[str, object]:
    """A composite's answer with these bodies."""
    return {
        "compositeResponse": [
            {"body": body, "httpStatusCode": 200, "referenceId": f"part{index}"}
            for index, body in enumerate(replies)
        ]
    }


def row(record_id: str, **values: object) -> dict[str, object]:
    """One success of a collection."""
    return {"id": record_id, "success": True, "errors": [], **values}


def refused(record_id: str = "") -> Mapping[str, object]:
    """A duplicate rule's refusal of a row."""
    error = {"statusCode": "DUPLICATES_DETECTED", "message": "m", "fields": []}
    return {"id": record_id, "success": False, "errors": [error]}


async def test_a_record_just_created_is_updated_although_a_lookup_misses_it() -> None:
    """Whatever lags behind, one person becomes one lead."""
    org = Org(parts(NOBODY), [row(LEAD)], parts(NOBODY), [row(LEAD)])
    subject = org.destination()
    first = await subject.write([upsert()])
    second = await subject.write([upsert(repeated=True)])
    assert [*first, *second] == [
        Delivered("created", LEAD, "Lead"),
        Delivered("updated", LEAD, "Lead"),
    ]
    assert [what for what, _ in org.sent][1::2] == [
        "POST /composite/sobjects",
        "PATCH /composite/sobjects",
    ]


async def test_an_upsert_that_must_not_get_near_a_query_is_not_sent() -> None:
    """The others of its batch are."""
    org = Org(parts(NOBODY), [row(LEAD)])
    bad = upsert({"A": 1}, matches=(Match("Email", "x" * 5000),))
    outcomes = await org.destination().write([bad, upsert({"A": 2}, required=["A"])])
    assert isinstance(outcomes[0], Rejected)
    assert outcomes[0].reason is Reason.MATCH_KEY_INVALID
    assert outcomes[1] == Delivered("created", LEAD, "Lead")
    _, body = org.sent[-1]
    assert isinstance(body, dict)
    assert [record["A"] for record in body["records"]] == [2]


@pytest.mark.parametrize("body", ["<html>", None, [{"errorCode": "UNKNOWN_EXCEPTION"}]])
async def test_a_lookup_that_failed_inside_a_composite_is_asked_again(body: object) -> None:
    """Its status says so, whether or not Salesforce names an error."""
    failed = {"compositeResponse": [{"body": body, "httpStatusCode": 503, "referenceId": "part0"}]}
    outcome = (await Org(failed).destination().write([upsert()]))[0]
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.may_have_applied) == (Reason.SERVER_ERROR, False)


@pytest.mark.parametrize("body", ["<html>", None, [{"errorCode": "UNKNOWN_EXCEPTION"}]])
async def test_a_collection_that_failed_inside_a_composite_may_have_been_applied(
    body: object,
) -> None:
    """Like one that was sent by itself: its creates are looked for before they are sent again."""
    answer = {
        "compositeResponse": [
            {"body": body, "httpStatusCode": 500, "referenceId": "part0"},
            {"body": [row(LEAD)], "httpStatusCode": 200, "referenceId": "part1"},
        ]
    }
    create = upsert({"Page__c": "x"}, operation=Operation.CREATE, matches=())
    named = upsert({"A": 1}, operation=Operation.UPDATE, matches=(Match("Id", LEAD),))
    created, updated = await Org(answer).destination().write([create, named])
    assert updated == Delivered("updated", LEAD, "Lead")
    assert isinstance(created, Retry)
    assert (created.reason, created.may_have_applied) == (Reason.SERVER_ERROR, True)


async def test_duplicates_asked_for_in_a_part_that_failed_may_have_been_created() -> None:
    """The others of its composite have their answers."""
    singles = {
        "compositeResponse": [
            {"body": None, "httpStatusCode": 503, "referenceId": "part0"},
            {"body": row(LEAD_2), "httpStatusCode": 201, "referenceId": "part1"},
        ]
    }
    org = Org([refused(), refused()], singles)
    creates = [upsert({"A": n}, operation=Operation.CREATE, matches=()) for n in range(2)]
    lost, created = await org.destination({"duplicates": "update"}).write(creates)
    assert isinstance(lost, Retry)
    assert (lost.reason, lost.may_have_applied) == (Reason.SERVER_ERROR, True)
    assert created == Delivered("created", LEAD_2, "Lead")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(403, text="<html>"), RequestRefused),
        (httpx.Response(404, text="<html>"), Unauthorized),
        (httpx.Response(400, json=[{"errorCode": "QUERY_TIMEOUT"}]), ServerFault),
        (httpx.Response(403, json=[{"errorCode": "API_CURRENTLY_DISABLED"}]), Unreachable),
    ],
)
async def test_a_repeat_whose_object_cannot_be_described_just_now_is_not_created_again(
    answer: httpx.Response, expected: type[Exception]
) -> None:
    """Nobody can say whether it is there: that it is not is no guess to make (invariant 6)."""
    org = Org(answer)
    create = upsert({"A": 1}, operation=Operation.CREATE, matches=(), repeated=True)
    with pytest.raises(expected):
        await org.destination().write([create])
    assert [what for what, _ in org.sent] == ["GET /sobjects/Lead/describe"]


async def test_a_repeat_of_an_object_that_the_org_hides_is_left_to_the_org_to_refuse() -> None:
    """Its describe says so, and so will the create."""
    hidden = httpx.Response(404, json=[{"errorCode": "NOT_FOUND", "message": "m"}])
    error = {"statusCode": "INVALID_TYPE", "message": "m", "fields": []}
    org = Org(hidden, [{"success": False, "errors": [error]}])
    create = upsert({"A": 1}, operation=Operation.CREATE, matches=(), repeated=True)
    outcome = (await org.destination().write([create]))[0]
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNKNOWN_OBJECT


@pytest.mark.parametrize("results", [[], [row(LEAD), row(LEAD_2)], {"odd": 1}])
async def test_results_that_do_not_fit_the_rows_say_nothing_of_any(results: object) -> None:
    """They may all have been applied (invariant 6)."""
    outcome = (await Org(parts(NOBODY), results).destination().write([upsert()]))[0]
    assert isinstance(outcome, Retry)
    assert (outcome.reason, outcome.may_have_applied) == (Reason.ANSWER_LOST, True)


async def test_a_composite_with_parts_missing_says_nothing_of_any() -> None:
    """A lookup may be asked again, a write may have been applied."""
    with pytest.raises(ServerFault):
        await Org(parts()).destination().write([upsert()])
    batch = [upsert(matches=()), upsert(operation=Operation.UPDATE, matches=(Match("Id", LEAD),))]
    with pytest.raises(AnswerLost):
        await Org(parts([row(LEAD_2)])).destination().write(batch)


async def test_a_refused_composite_is_sent_part_by_part() -> None:
    """One bad part does not hold the others up."""
    batch = [upsert(matches=()), upsert(operation=Operation.UPDATE, matches=(Match("Id", LEAD),))]
    bad = [{"errorCode": "JSON_PARSER_ERROR", "message": "m"}]
    org = Org(
        httpx.Response(400, json=bad),
        [row(LEAD_2)],
        httpx.Response(400, json=bad),
    )
    outcomes = await org.destination().write(batch)
    assert outcomes[0] == Delivered("created", LEAD_2, "Lead")
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].reason is Reason.INVALID_VALUE


async def test_a_refused_lookup_is_a_refused_request() -> None:
    """The engine splits the batch."""
    bad = httpx.Response(400, json=[{"errorCode": "JSON_PARSER_ERROR", "message": "m"}])
    with pytest.raises(RequestRefused):
        await Org(bad).destination().write([upsert()])


async def test_duplicates_that_nobody_names_are_refused() -> None:
    """Also when the row was sent by itself to learn their names."""
    body = [{"errorCode": "DUPLICATES_DETECTED", "message": "m"}]
    org = Org(parts(NOBODY), [refused()], httpx.Response(400, json=body))
    outcome = (await org.destination({"duplicates": "update"}).write([upsert()]))[0]
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.DUPLICATE_DETECTED


async def test_rows_asked_for_their_duplicates_may_go_through_meanwhile() -> None:
    """The record in the way was deleted in between; text like a reference goes by itself."""
    emails = [Match("Email", f"{name}@x.io") for name in "abc"]
    batch = [upsert({"Title": "@{x}"}, matches=(emails[0],))]
    batch += [upsert(matches=(match,)) for match in emails[1:]]
    org = Org(
        parts(NOBODY),
        [refused(), refused()],
        [refused()],
        parts(row(LEAD), row(LEAD_2)),
        row(LEAD_2),
    )
    outcomes = await org.destination({"duplicates": "update"}).write(batch)
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert [what for what, _ in org.sent[3:]] == ["POST /composite", "POST /sobjects/Lead"]


async def test_a_row_whose_second_request_fails_is_tried_again_and_the_others_are_settled() -> None:
    """It may have been created by it."""
    batch = [upsert(), upsert(matches=(Match("Email", "b@x.io"),))]
    org = Org(parts(NOBODY), [row(LEAD), refused()], httpx.ReadError("x"))
    outcomes = await org.destination({"duplicates": "update"}).write(batch)
    assert outcomes[0] == Delivered("created", LEAD, "Lead")
    assert isinstance(outcomes[1], Retry)
    assert (outcomes[1].reason, outcomes[1].may_have_applied) == (Reason.ANSWER_LOST, True)


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (401, "INVALID_SESSION_ID", "refused a fresh session"),
        (403, "API_DISABLED_FOR_ORG", "Enable the API"),
        (410, "GONE", "set api_version"),
    ],
)
async def test_a_wrong_setup_is_said_and_costs_no_event(status: int, code: str, said: str) -> None:
    """The engine waits and alerts; nothing goes to the dead letters."""
    body = [{"errorCode": code, "message": "m"}]
    org = Org(*(httpx.Response(status, json=body) for _ in range(2)))
    with pytest.raises(Unauthorized, match=said) as caught:
        await org.destination().write([upsert()])
    assert caught.value.vendor["errorCode"] == code
    assert len(org.sent) == (2 if status == 401 else 1)


async def test_a_converted_lead_is_tried_again_when_its_contact_cannot_be_looked_up() -> None:
    """It is not known yet where it went."""
    converted = {"statusCode": "CANNOT_UPDATE_CONVERTED_LEAD", "message": "m", "fields": []}
    timeout = {
        "body": [{"errorCode": "QUERY_TIMEOUT", "message": "m"}],
        "httpStatusCode": 400,
        "referenceId": "part0",
    }
    org = Org([{"success": False, "errors": [converted]}], {"compositeResponse": [timeout]})
    made = upsert(operation=Operation.UPDATE, matches=(Match("Id", LEAD),))
    outcome = (await org.destination({"use_contact_id": True}).write([made]))[0]
    assert isinstance(outcome, Retry)
    assert outcome.reason is Reason.SERVER_ERROR


async def test_a_lost_answer_concerns_the_request_it_belongs_to() -> None:
    """The one before has its results, the one after was never sent."""
    by_id = (Match("Id", LEAD),)
    batch = [
        upsert({"A": 1}, matches=()),
        upsert({"A": "@{x}"}, matches=()),
        upsert({"A": "@{x}"}, operation=Operation.UPDATE, matches=by_id),
    ]
    org = Org([row(LEAD_2)], httpx.ReadError("x"))
    outcomes = await org.destination().write(batch)
    shown: list[tuple[str, bool, bool]] = []
    for outcome in outcomes[1:]:
        assert isinstance(outcome, Retry)
        shown.append((outcome.reason, outcome.may_have_applied, outcome.counts))
    assert outcomes[0] == Delivered("created", LEAD_2, "Lead")
    assert shown == [("answer_lost", True, True), ("answer_lost", False, False)]
    assert len(org.sent) == 2


async def test_the_limit_header_is_read_in_its_extended_form() -> None:
    """The first pair is the org's (row S8)."""
    header = {"Sforce-Limit-Info": "api-usage=25/5000; per-app-api-usage=17/250(appName=x)"}
    subject = Org(httpx.Response(200, json=parts(NOBODY), headers=header), [row(LEAD)])
    destination = subject.destination()
    await destination.write([upsert()])
    assert (destination.budget.used, destination.budget.limit) == (26, 5000)


@pytest.mark.parametrize("sandbox", [True, False])
async def test_the_check_compares_the_org_with_the_sandbox_switch(*, sandbox: bool) -> None:
    """By what the org says of itself (row S1)."""
    organization = {"done": True, "records": [{"Id": "00D", "IsSandbox": sandbox}]}
    org = Org([{"version": "67.0"}], organization, {})
    findings = await org.destination().check([])
    assert [finding.level for finding in findings if finding.where == "sandbox"] == [
        "error" if sandbox else "ok"
    ]


async def test_the_check_names_the_newest_version_that_the_org_has() -> None:
    """When ours is not among them."""
    org = Org([{"version": "66.0"}, {"version": "9.0"}], NOBODY, {})
    findings = await org.destination().check([])
    expected = (
        '67.0 is not supported by this org, expected one up to 66.0. Set api_version: "66.0".'
    )
    assert Finding("error", "api_version", expected) in findings


@pytest.mark.parametrize(
    ("settings", "headers"),
    [
        ({}, {"Sforce-Mru": "updateMru=false"}),
        (
            {"assignment_rules": False, "duplicates": "allow"},
            {
                "Sforce-Mru": "updateMru=false",
                "Sforce-Auto-Assign": "FALSE",
                "Sforce-Duplicate-Rule-Header": "allowSave=true",
            },
        ),
    ],
)
def test_the_headers_of_writes_follow_the_settings(
    settings: Settings, headers: dict[str, str]
) -> None:
    """Integrations never fill people's lists of recent records."""
    assert dict(write_headers(read({**APP, **settings}))) == headers


def field(name: str, kind: str, *, filterable: bool = True) -> Field:
    """A field of a schema."""
    item = {"name": name, "type": kind, "filterable": filterable}
    return read_schema({"name": "X", "fields": [item]}).fields[name.casefold()]


def test_only_fields_stored_as_sent_are_compared_to_find_a_repeat() -> None:
    """Not what cannot be filtered, was rounded, trimmed, or is of another type."""
    kinds = {"A": "string", "B": "double", "C": "boolean", "D": "date", "F": "email"}
    fields = {name.casefold(): field(name, kind) for name, kind in kinds.items()}
    fields["e"] = field("E", "string", filterable=False)
    schema = ObjectSchema("X", createable=True, updateable=True, fields=fields)
    body = {"A": "x", "B": 5, "C": False, "D": "2026-01-01", "E": "long", "F": "f@x.io", "Z": 1}
    assert comparable_fields(body, schema) == [("A", "x"), ("B", 5), ("C", False), ("F", "f@x.io")]
    inexact = {"A": " x ", "B": 1.5, "C": 1, "F": None}
    assert comparable_fields(inexact, schema) == []


def test_a_repeat_is_looked_for_within_a_day() -> None:
    """Oldest first."""
    assert repeat_query("X", [("A", "x'")], 86_400.0) == (
        "SELECT Id FROM X WHERE A = 'x\\'' AND CreatedDate >= 1970-01-01T00:00:00Z"
        " ORDER BY CreatedDate LIMIT 200"
    )


async def test_a_lookup_that_is_refused_decides_for_its_own_upserts_only() -> None:
    """The others of the batch are written."""
    wrong = {
        "body": [{"errorCode": "INVALID_FIELD", "message": "No such column 'Nope' on"}],
        "httpStatusCode": 400,
        "referenceId": "part1",
    }
    found = parts(NOBODY)
    answers = found["compositeResponse"]
    assert isinstance(answers, list)
    answers.append(wrong)
    batch = [upsert(), upsert(matches=(Match("Nope", "1"),))]
    outcomes: list[Outcome] = list(await Org(found, [row(LEAD)]).destination().write(batch))
    assert outcomes[0] == Delivered("created", LEAD, "Lead")
    assert isinstance(outcomes[1], Rejected)
    assert outcomes[1].reason is Reason.UNKNOWN_FIELD
