"""The Salesforce destination against its emulator, over HTTP: what ends up in the org."""

from dataclasses import replace

import pytest

from destinations.salesforce.emulator import DuplicateRule
from tests.contract.salesforce.org import (
    by_id,
    connected,
    contact,
    identify,
    new,
    only_lead,
    record_of,
    summary,
)
from transformer.outcome import Delivered, Reason, Redirect, Rejected, Retry
from transformer.upsert import Match, Operation, Upsert

# How many API requests it takes.


async def test_a_hundred_new_people_cost_two_requests() -> None:
    """One lookup, one write."""
    async with connected() as to:
        outcomes = await to.write(*(identify(f"p{number}@x.io") for number in range(100)))
        assert [summary(outcome) for outcome in outcomes] == ["created"] * 100
        assert to.org.api_calls == 2
        ids = [row.id for row in to.org.records("Lead")]
        assert [record_of(outcome) for outcome in outcomes] == ids


async def test_a_thousand_people_cost_two_requests() -> None:
    """Five queries in one composite, five collections in another."""
    async with connected({"remember_ids": 0}) as to:
        batch = [identify(f"person.number{number}@example.com") for number in range(1000)]
        assert {summary(outcome) for outcome in await to.write(*batch)} == {"created"}
        assert to.org.api_calls == 2
        assert {summary(outcome) for outcome in await to.write(*batch)} == {"updated"}
        assert to.org.api_calls == 4


@pytest.mark.parametrize(("people", "visits", "requests"), [(500, 300, 2), (501, 300, 3)])
async def test_a_thousand_mixed_writes_cost_two_or_three_requests(
    people: int, visits: int, requests: int
) -> None:
    """Creates, updates by email and by id, and visits; a sixth collection is a third request."""
    async with connected() as to:
        known = [identify(f"known{number}@x.io") for number in range(200)]
        leads = [record_of(outcome) for outcome in await to.write(*known)]
        before = to.org.api_calls
        batch = [
            *(identify(f"new{number}@x.io") for number in range(people)),
            *known[:100],
            *(by_id("Lead", lead, Title="T") for lead in leads[100:]),
            *(new("Visit__c", Page__c=f"/{number}") for number in range(visits)),
        ]
        outcomes = await to.write(*batch)
        assert [summary(outcome) for outcome in outcomes] == [
            *["created"] * people,
            *["updated"] * 200,
            *["created"] * visits,
        ]
        assert to.org.api_calls - before == requests


async def test_updates_by_id_need_no_lookup() -> None:
    """One request, straight to the collection."""
    async with connected() as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B"})
        assert [summary(o) for o in await to.write(by_id("Lead", lead, Title="T"))] == ["updated"]
        assert to.org.api_calls == 1


async def test_long_answers_are_paged_through() -> None:
    """Every page of a lookup is read before anything is created."""
    async with connected(page_records=200) as to:
        batch = [identify(f"p{number}@x.io") for number in range(450)]
        for made in batch:
            to.org.add("Lead", {"LastName": "A", "Company": "B", **made.properties})
        assert {summary(outcome) for outcome in await to.write(*batch)} == {"updated"}
        assert len(to.org.records("Lead")) == 450


# What is written.


async def test_a_new_person_becomes_a_lead_with_defaults_and_a_known_one_keeps_its_values() -> None:
    """`n/a` only on create (row S7)."""
    async with connected() as to:
        await to.write(identify(FirstName="Ann"))
        assert only_lead(to)["LastName"] == "n/a"
        await to.write(identify(LastName="Lee"))
        await to.write(identify(Title="CEO"))
        lead = only_lead(to)
        assert [lead[name] for name in ("FirstName", "LastName", "Title")] == ["Ann", "Lee", "CEO"]


async def test_null_empty_zero_and_false_arrive_as_such() -> None:
    """And what is absent is left alone."""
    async with connected() as to:
        await to.write(identify(Plan__c="x", Title="t", Score__c=5, Vip__c=True, Phone="1"))
        await to.write(identify(Plan__c=None, Title="", Score__c=0, Vip__c=False))
        written = to.org.records("Lead")[0].history[-1].values
        assert {name: written.get(name) for name in ("Plan__c", "Score__c", "Vip__c")} == {
            "Plan__c": None,
            "Score__c": 0,
            "Vip__c": False,
        }
        lead = only_lead(to)
        assert (lead["Title"], lead["Phone"]) == (None, "1")
        sent = str(to.org.requests[-1])
        assert all(part in sent for part in ('"Plan__c":null', '"Title":""', '"Score__c":0'))
        assert '"Vip__c":false' in sent
        assert '"Phone"' not in sent


@pytest.mark.parametrize(
    "email",
    [
        "o'neil@x.io",
        "back\\slash@x.io",
        "x' OR Email != '@x.io",
        "a\\' OR Id != '@x.io",
        "plus+and&amp=1%20#?@x.io",
        "jörg.müller@bücher.example",
        "straße@x.io",
        "日本@x.io",
        "Mixed.Case@X.io",
    ],
)
async def test_an_email_finds_nobody_else_whatever_it_holds(email: str) -> None:
    """The lookup is answered, finds no lead of another address, and one is created."""
    async with connected() as to:
        other = to.org.add("Lead", {"LastName": "Other", "Company": "C", "Email": "o@x.io"})
        made = replace(identify(email), properties={"Email": "a@x.io", "Title": "1"})
        outcome = (await to.write(made))[0]
        assert summary(outcome) == "created"
        titles = {row.id: row.values.get("Title") for row in to.org.records("Lead")}
        assert titles == {other: None, record_of(outcome): "1"}


@pytest.mark.parametrize("email", ["o'neil@x.io", "a+b@x.io", "Mixed.Case@X.io"])
async def test_an_email_with_special_characters_finds_its_lead(email: str) -> None:
    """Escaped on the way out, compared as Salesforce compares."""
    async with connected() as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": email})
        outcomes = await to.write(identify(email, Title="T"))
        assert outcomes == [Delivered("updated", lead, "Lead")]


async def test_an_email_with_line_breaks_is_refused_by_salesforce_alone() -> None:
    """It neither breaks the lookup of the others nor gets out of its literal."""
    async with connected() as to:
        outcomes = await to.write(identify("a\r\nb@x.io"), identify("good@x.io"))
        assert [summary(outcome) for outcome in outcomes] == ["invalid_value", "created"]
        assert isinstance(outcomes[0], Rejected)
        assert outcomes[0].vendor["errorCode"] == "INVALID_EMAIL_ADDRESS"


async def test_text_that_looks_like_a_composite_reference_arrives_as_text() -> None:
    """A trait cannot read another part of the request."""
    async with connected() as to:
        batch = [identify("a@x.io", Title="@{part0.records[0].Id}"), identify("b@x.io", Title="t")]
        assert [summary(outcome) for outcome in await to.write(*batch)] == ["created"] * 2
        titles = {row.values["Email"]: row.values["Title"] for row in to.org.records("Lead")}
        assert titles == {"a@x.io": "@{part0.records[0].Id}", "b@x.io": "t"}


async def test_an_email_that_looks_like_a_composite_reference_is_looked_for_by_itself() -> None:
    """In a plain query; the others share the composite."""
    async with connected() as to:
        odd = replace(identify("@{part0.x}@x.io"), properties={"Email": "a@x.io"})
        outcomes = await to.write(odd, identify("b@x.io"))
        assert [summary(outcome) for outcome in outcomes] == ["created", "created"]
        assert [key for key in to.org.calls_by_route if "query" in key] != []


async def test_an_external_id_finds_or_creates_in_one_request() -> None:
    """Salesforce does the looking up."""
    async with connected() as to:
        first = await to.write(contact("e1", FirstName="A"), contact("e2"))
        assert [summary(outcome) for outcome in first] == ["created", "created"]
        second = await to.write(contact("e1", FirstName="B"), contact("e3"))
        assert [summary(outcome) for outcome in second] == ["updated", "created"]
        assert to.org.api_calls == 2
        assert len(to.org.records("Contact")) == 3


async def test_an_id_that_is_text_finds_its_record_in_a_field_of_numbers() -> None:
    """Events have ids as texts; one that is no number is in no such field."""
    async with connected(custom_fields={"Lead": ["Ref__c:double(18,0):externalId"]}) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Ref__c": 42})
        people = [identify(f"{ref}@x.io", Title="T") for ref in ("0042", "43", "x")]
        batch = [
            replace(each, matches=(Match("Ref__c", ref),))
            for each, ref in zip(people, ("0042", "43", "x"), strict=True)
        ]
        known, created, refused = await to.write(*batch)
        assert known == Delivered("updated", lead, "Lead")
        assert [summary(created), summary(refused)] == ["created", "invalid_value"]
        assert [row.values["Ref__c"] for row in to.org.records("Lead")] == [42, 43]
        assert await to.write(batch[0]) == [known]
        assert [summary(outcome) for outcome in await to.write(batch[2])] == ["invalid_value"]


async def test_an_id_that_is_a_number_finds_its_record_in_a_field_of_texts() -> None:
    """The other way round."""
    async with connected(custom_fields={"Lead": ["Ref__c:string(40):externalId"]}) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Ref__c": "42"})
        found = replace(identify(Title="T"), matches=(Match("Ref__c", 42),))
        assert await to.write(found) == [Delivered("updated", lead, "Lead")]


async def test_a_field_that_is_no_external_id_is_said_to_be_none() -> None:
    """With what to do."""
    async with connected() as to:
        outcome = (
            await to.write(
                Upsert("Contact", Operation.UPSERT, {"LastName": "A"}, (Match("Plan__c", "x"),))
            )
        )[0]
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNKNOWN_FIELD
        assert "Mark the field as External ID" in outcome.detail


async def test_fill_writes_only_where_the_record_has_nothing() -> None:
    """Read in the same lookup (row C5)."""
    async with connected() as to:
        to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io", "Title": "CEO"})
        made = identify(Title="x", Phone="1", City="Bern")
        await to.write(replace(made, fill=frozenset({"Title", "Phone"})))
        lead = only_lead(to)
        assert [lead[name] for name in ("Title", "Phone", "City")] == ["CEO", "1", "Bern"]
        assert to.org.api_calls == 2


async def test_a_field_to_fill_that_the_org_lacks_does_not_break_the_lookup() -> None:
    """It is left out of the query, not written, and noted."""
    async with connected() as to:
        to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io"})
        made = identify(Nope__c="x", Title="T")
        outcomes = await to.write(replace(made, fill=frozenset({"Nope__c"})))
        assert [summary(outcome) for outcome in outcomes] == ["updated"]
        assert isinstance(outcomes[0], Delivered)
        assert [(note.code, note.field) for note in outcomes[0].notes] == [("dropped", "Nope__c")]


# Which record is meant.


async def test_a_converted_lead_leads_to_its_contact() -> None:
    """The engine maps the event again for it (row S3)."""
    async with connected({"use_contact_id": True}) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io"})
        made = to.org.convert_lead(lead)
        outcome = (await to.write(identify()))[0]
        assert isinstance(outcome, Retry)
        assert outcome.redirect == Redirect("Contact", made["Contact"])
        assert len(to.org.records("Lead")) == 1


async def test_a_converted_lead_is_rejected_where_contacts_are_not_to_be_written() -> None:
    """With the ids of both."""
    async with connected() as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io"})
        made = to.org.convert_lead(lead)
        outcome = (await to.write(identify()))[0]
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor) == (
            Reason.RECORD_CONVERTED,
            {"ids": [lead], "contact": made["Contact"]},
        )


async def test_an_update_by_id_of_a_converted_lead_is_followed_to_its_contact() -> None:
    """The refusal does not name it, so it is looked up; the other row goes through."""
    async with connected({"use_contact_id": True}) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B"})
        other = to.org.add("Lead", {"LastName": "C", "Company": "D"})
        made = to.org.convert_lead(lead)
        outcomes = await to.write(by_id("Lead", lead, Title="T"), by_id("Lead", other, Title="T"))
        assert isinstance(outcomes[0], Retry)
        assert outcomes[0].redirect == Redirect("Contact", made["Contact"])
        assert outcomes[1] == Delivered("updated", other, "Lead")


async def test_a_deleted_lead_is_created_anew() -> None:
    """A query does not see the recycle bin; also when this worker created the deleted one."""
    async with connected() as to:
        first = record_of((await to.write(identify()))[0])
        to.org.delete(first)
        outcome = (await to.settle(identify()))[0]
        assert summary(outcome) == "created"
        assert record_of(outcome) != first
        assert len(to.org.records("Lead")) == 1


async def test_an_update_by_id_of_a_deleted_record_is_rejected() -> None:
    """The event names it, nothing else can be meant."""
    async with connected() as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B"})
        to.org.delete(lead)
        missing = "00Q000000009999EAA"
        outcomes = await to.write(by_id("Lead", lead, Title="T"), by_id("Lead", missing, Title="T"))
        assert [summary(outcome) for outcome in outcomes] == ["record_deleted", "record_not_found"]


@pytest.mark.parametrize("policy", ["refuse", "first", "newest"])
async def test_several_leads_with_one_email_follow_the_policy(policy: str) -> None:
    """Refused with every id by default."""
    async with connected({"several_matches": policy}) as to:
        values = {"LastName": "A", "Company": "B", "Email": "ann@x.io"}
        leads = [to.org.add("Lead", values) for _ in range(3)]
        outcome = (await to.write(identify(Title="T")))[0]
        if policy == "refuse":
            assert isinstance(outcome, Rejected)
            assert (outcome.reason, outcome.vendor) == (Reason.SEVERAL_MATCHES, {"ids": leads})
        else:
            assert record_of(outcome) == leads[0 if policy == "first" else -1]


async def test_two_keys_of_one_record_are_written_one_after_the_other() -> None:
    """Never in one request (invariant 4)."""
    async with connected() as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": "ann@x.io"})
        batch = [identify(Title="1"), by_id("Lead", lead[:15], Title="2")]
        outcomes = await to.write(*batch)
        assert [summary(outcome) for outcome in outcomes] == ["updated", "same_record"]
        await to.settle(*batch)
        history = to.org.records("Lead")[0].history
        assert len({write.request for write in history}) == len(history)


async def test_a_unique_value_of_somebody_else_names_the_record() -> None:
    """Where it is not the match key, it is for a person to decide."""
    async with connected() as to:
        first = record_of((await to.write(contact("e1")))[0])
        outcome = (await to.write(new("Contact", LastName="B", Ext__c="e1")))[0]
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor["ids"]) == (Reason.DUPLICATE_VALUE, [first])


@pytest.mark.parametrize(
    ("duplicates", "action", "expected"),
    [
        ("refuse", "alert", "duplicate_detected"),
        ("allow", "alert", "created"),
        ("allow", "block", "duplicate_detected"),
        ("update", "block", "rematch"),
    ],
)
async def test_a_duplicate_rule_is_met_as_configured(
    duplicates: str, action: str, expected: str
) -> None:
    """Refused, passed where the rule lets it, or turned into an update (row C8)."""
    rule = DuplicateRule("Lead", ("Phone",), "alert" if action == "alert" else "block")
    async with connected({"duplicates": duplicates}, duplicate_rules=[rule]) as to:
        lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Phone": "1"})
        outcomes = await to.write(identify(Phone="1"), identify("b@x.io", Phone="2"))
        assert [summary(outcome) for outcome in outcomes] == [expected, "created"]
        if isinstance(outcomes[0], Retry):
            assert outcomes[0].redirect == Redirect("Lead", lead)


async def test_duplicates_are_allowed_in_every_part_of_a_request_alike() -> None:
    """Each collection of a composite says so for itself."""
    rule = DuplicateRule("Lead", ("Phone",), "alert")
    async with connected({"duplicates": "allow"}, duplicate_rules=[rule]) as to:
        to.org.add("Lead", {"LastName": "A", "Company": "B", "Phone": "1"})
        batch = [identify(f"p{number}@x.io", Phone="1") for number in range(201)]
        assert {summary(outcome) for outcome in await to.write(*batch)} == {"created"}
        assert to.org.api_calls == 2
