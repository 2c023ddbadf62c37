"""Backlogs through Bulk API 2.0 against the emulator: what a job takes, costs and answers."""

import asyncio
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from destinations.salesforce.emulator import DuplicateRule
from tests.contract.salesforce.org import (
    Connected,
    by_id,
    connected,
    contact,
    identify,
    new,
    record_of,
    summary,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Outcome, Rejected, Retry
from transformer.upsert import Note, Upsert

BULK = {"bulk_threshold": 10}


def people(count: int, **values: object) -> list[Upsert]:
    """So many different people."""
    return [identify(f"person.number{number}@example.com", **values) for number in range(count)]


def words(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How often which outcome."""
    return dict(Counter(summary(outcome) for outcome in outcomes))


def jobs(to: Connected) -> int:
    """How many jobs were made."""
    return to.org.calls_by_route["POST jobs/ingest"]


def uploads(to: Connected) -> list[list[list[str]]]:
    """The files that were uploaded, read."""
    return [
        list(csv.reader(io.StringIO(str(request["body"])), delimiter="^"))
        for request in to.org.requests
        if str(request["path"]).endswith("/batches")
    ]


# What it costs.


async def test_five_thousand_known_and_new_people_cost_few_requests() -> None:
    """Lookups by the thousands, two jobs; the second time no lookups at all."""
    async with connected({"bulk_threshold": 5_000}) as to:
        batch = people(5_000, Title="1")
        for made in batch[:2_500]:
            to.org.add("Lead", {"LastName": "A", "Company": "B", **made.properties})
        assert words(await to.write(*batch)) == {"updated": 2_500, "created": 2_500}
        lookups = to.org.calls_by_route["POST composite"]
        # Two jobs of six calls each, the object's description, and its assignment rule.
        assert (jobs(to), to.org.api_calls - lookups, lookups <= 5) == (2, 14, True)
        before = to.org.api_calls
        assert words(await to.write(*batch)) == {"updated": 5_000}
        assert (jobs(to), to.org.api_calls - before) == (3, 6)
        assert len(to.org.records("Lead")) == 5_000


async def test_fewer_than_the_threshold_go_the_usual_way() -> None:
    """And none at all do otherwise by default."""
    async with connected(BULK) as to:
        await to.write(*people(9))
        assert (jobs(to), to.destination.limits.backlog_records) == (0, 10)
    async with connected() as to:
        await to.write(*people(50))
        assert (jobs(to), to.destination.limits.backlog_records) == (0, None)


# What is written.


async def test_null_zero_and_false_arrive_as_such_and_the_absent_is_left_alone() -> None:
    """In one file with rows of other columns; text that CSV has no form for goes the usual way."""
    async with connected(BULK) as to:
        full = people(12, Title="t", Score__c=5, Vip__c=True, Plan__c="p", Phone="1")
        await to.write(*full)
        batch = people(12)
        batch[0] = replace(batch[0], properties={"Title": None, "Score__c": 0, "Vip__c": False})
        batch[1] = replace(batch[1], properties={"Title": "", "Plan__c": "x"})
        batch[2] = replace(batch[2], properties={"Plan__c": "#N/A"})
        batch[3] = replace(batch[3], properties={"Plan__c": 'a^b,"c"\nd\r\n é ', "Score__c": 1.5})
        assert words(await to.write(*batch)) == {"updated": 12}
        rows = [dict(row.values) for row in to.org.records("Lead")]
        names = ("Title", "Score__c", "Vip__c", "Plan__c", "Phone")
        assert [[row[name] for name in names] for row in rows[:5]] == [
            [None, 0, False, "p", "1"],
            [None, 5, True, "x", "1"],
            ["t", 5, True, "#N/A", "1"],
            ["t", 1.5, True, 'a^b,"c"\nd\r\n é ', "1"],
            ["t", 5, True, "p", "1"],
        ]
        assert len(uploads(to)[1]) == 11


async def test_every_kind_of_write_has_its_job() -> None:
    """Creates by e-mail, updates by id, upserts by external id; plain creates the usual way."""
    async with connected(BULK) as to:
        leads = [to.org.add("Lead", {"LastName": "A", "Company": "B"}) for _ in range(10)]
        known = to.org.add("Contact", {"LastName": "A", "Ext__c": "e3"})
        batch = [
            *people(10),
            *(by_id("Lead", lead, Title="T") for lead in leads),
            *(contact(f"e{number}", FirstName="F") for number in range(10)),
            *(new("Visit__c", Page__c=f"/{number}") for number in range(10)),
        ]
        outcomes = await to.write(*batch)
        assert words(outcomes) == {"created": 29, "updated": 11}
        assert outcomes[23] == Delivered("updated", known, "Contact")
        assert [record_of(outcome) for outcome in outcomes[10:20]] == leads
        emails = {row.id: row.values.get("Email") for row in to.org.records("Lead")}
        assert [emails[record_of(o)] for o in outcomes[:10]] == [
            made.properties["Email"] for made in batch[:10]
        ]
        assert (jobs(to), len(to.org.records("Visit__c"))) == (3, 10)


async def test_rows_that_nothing_tells_apart_go_the_usual_way() -> None:
    """Two creates with one e-mail: results come in any order."""
    async with connected(BULK) as to:
        batch = people(12)
        same = {"Email": "same@x.io"}
        batch[3:5] = [replace(made, properties=same) for made in batch[3:5]]
        outcomes = await to.write(*batch)
        assert words(outcomes) == {"created": 12}
        assert [len(rows) for rows in uploads(to)] == [11]


async def test_fields_that_the_org_lacks_do_not_fail_the_job() -> None:
    """The rows that have one go the usual way."""
    async with connected({**BULK, "unknown_fields": "drop"}) as to:
        batch = people(12)
        batch[2] = identify("odd@x.io", Nope__c=1)
        outcomes = await to.write(*batch)
        assert words(outcomes) == {"created": 12}
        assert isinstance(outcomes[2], Delivered)
        assert outcomes[2].notes == (Note("unknown_field", "Nope__c"),)
        assert len(uploads(to)[0]) == 12


@pytest.mark.parametrize("applied", [True, False])
async def test_a_job_names_the_active_assignment_rule(applied: bool) -> None:
    """As other writes run it by themselves."""
    async with connected({**BULK, "assignment_rules": applied}) as to:
        rule = to.org.add_assignment_rule("Lead")
        await to.write(*people(10))
        opened = next(str(r["body"]) for r in to.org.requests if '"operation"' in str(r["body"]))
        assert (rule in opened) is applied
        asked = sum("AssignmentRule" in str(r["query"]) for r in to.org.requests)
        assert asked == applied


# What the rows came to.


async def test_refused_rows_have_their_own_error_by_the_same_table() -> None:
    """Code, message and fields, whatever the order of the results."""
    async with connected(BULK) as to:
        batch = people(12)
        batch[1] = identify("p1@x.io", Title="x" * 200)
        batch[4] = identify("not an email")
        outcomes = await to.write(*batch)
        assert words(outcomes) == {"created": 10, "value_too_long": 1, "invalid_value": 1}
        assert summary(outcomes[1]) == "value_too_long"
        assert isinstance(outcomes[1], Rejected)
        assert outcomes[1].vendor["errorCode"] == "STRING_TOO_LONG"
        assert outcomes[1].vendor["fields"] == ["Title"]


async def test_a_locked_row_is_tried_again() -> None:
    """Alone."""
    async with connected(BULK) as to:
        jobs_only = "*/jobs/ingest/*"
        to.org.script(Fault("row_lock", path=jobs_only, skip=2, count=1, options={"rows": [5]}))
        outcomes = await to.write(*people(12))
        assert words(outcomes) == {"created": 11, "row_locked": 1}


async def test_a_duplicate_found_by_a_rule_is_followed_as_configured() -> None:
    """A job does not name the record it found, so the row is sent by itself."""
    rule = DuplicateRule("Lead", ("Phone",), "block")
    async with connected({**BULK, "duplicates": "update"}, duplicate_rules=[rule]) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Phone": "1"})
        batch = people(12)
        batch[7] = identify("p7@x.io", Phone="1")
        outcomes = await to.write(*batch)
        assert isinstance(outcomes[7], Retry)
        assert outcomes[7].redirect is not None
        assert outcomes[7].redirect.record_id == lead


async def test_known_leads_that_changed_meanwhile_are_found_out() -> None:
    """Deleted ones are made anew, converted ones followed."""
    async with connected({**BULK, "use_contact_id": True}) as to:
        batch = people(12)
        leads = [record_of(outcome) for outcome in await to.write(*batch)]
        to.org.delete(leads[0])
        made = to.org.convert_lead(leads[1])
        assert words(await to.write(*batch)) == {"updated": 10, "rematch": 2}
        outcomes = await to.write(*batch[:2])
        assert summary(outcomes[0]) == "created"
        assert isinstance(outcomes[1], Retry)
        assert outcomes[1].redirect is not None
        assert outcomes[1].redirect.record_id == made["Contact"]


@pytest.mark.parametrize("kind", ["job_failed", "job_aborted"])
@pytest.mark.parametrize("applied", [0, 5])
async def test_rows_that_a_job_did_not_come_to_go_the_usual_way(kind: str, applied: int) -> None:
    """What it did write is not written again."""
    async with connected(BULK) as to:
        to.org.script(Fault(kind, method="PATCH", options={"rows": applied}))
        outcomes = await to.write(*people(12))
        assert words(outcomes) == {"created": 12}
        assert len(to.org.records("Lead")) == 12
        assert to.org.calls_by_route["GET jobs/ingest/{id}/unprocessedrecords"] == 1


async def test_a_job_that_takes_too_long_is_aborted() -> None:
    """Its rows so far count, the others go the usual way."""
    async with connected({**BULK, "bulk_wait_seconds": 10}, bulk_polls=20) as to:
        outcomes = await to.write(*people(21))
        assert words(outcomes) == {"created": 21}
        assert len(to.org.records("Lead")) == 21
        assert sum(to.clock.slept) == pytest.approx(10.0)


async def test_a_slow_job_is_asked_ever_more_rarely() -> None:
    """The calls are bounded."""
    async with connected(BULK, bulk_polls=20) as to:
        assert words(await to.write(*people(12))) == {"created": 12}
        assert max(to.clock.slept) == 30.0
        assert to.org.calls_by_route["GET jobs/ingest/{id}"] == 21


async def test_two_backlogs_at_once_have_one_job_in_flight_per_object() -> None:
    """The second waits for the first."""
    async with connected(BULK) as to:
        states: list[str] = []
        batch = people(20)
        outcomes = await asyncio.gather(to.write(*batch[:10]), to.write(*batch[10:]))
        assert [words(each) for each in outcomes] == [{"created": 10}] * 2
        for request in to.org.requests:
            path, method = str(request["path"]), str(request["method"])
            if path.endswith("/jobs/ingest"):
                states.append("open")
            if path.endswith("/successfulResults") and method == "GET":
                states.append("read")
        assert states == ["open", "read", "open", "read"]
