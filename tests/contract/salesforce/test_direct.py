"""Upserts by Email and its like, where the connection allows them: one write, no lookup."""

from dataclasses import replace

import pytest

from tests.contract.salesforce.org import Connected, connected, identify, only_lead, summary
from transformer.emulator.faults import Fault
from transformer.errors import AnswerLost
from transformer.outcome import Rejected
from transformer.upsert import FieldUse, Match, Operation, Upsert

DIRECT = {"upsert_directly": "Lead.Email, contact.EMAIL"}


def person(email: str, **more: object) -> Upsert:
    """A lead by email with all that a new one needs."""
    return identify(email, **{"LastName": "Lee", "Company": "Acme", **more})


def lookups(to: Connected) -> int:
    """How many requests looked something up."""
    routes = to.org.calls_by_route
    return (
        sum(count for route, count in routes.items() if "query" in route) + routes["POST composite"]
    )


async def test_known_and_new_people_cost_one_request() -> None:
    """Two hundred of them; whether a record was there is Salesforce's word."""
    async with connected(DIRECT) as to:
        for number in range(100):
            to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": f"P{number}@x.io"})
        outcomes = await to.write(*(person(f"p{number}@x.io") for number in range(200)))
        assert [summary(each) for each in outcomes] == ["updated"] * 100 + ["created"] * 100
        assert to.org.api_calls == 1
        assert len(to.org.records("Lead")) == 200


async def test_a_thousand_people_cost_one_request() -> None:
    """Five collections in one composite."""
    async with connected(DIRECT) as to:
        batch = [person(f"p{number}@x.io") for number in range(1_000)]
        for word in ("created", "updated"):
            before = to.org.api_calls
            assert {summary(each) for each in await to.write(*batch)} == {word}
            assert to.org.api_calls - before == 1


async def test_contacts_are_upserted_by_email_too() -> None:
    """Names count without case."""
    async with connected(DIRECT) as to:
        made = Upsert(
            "Contact",
            Operation.UPSERT,
            {"Email": "a@x.io", "LastName": "L"},
            (Match("Email", "a@x.io"),),
            required=frozenset({"LastName"}),
        )
        assert [summary(each) for each in await to.write(made)] == ["created"]
        assert [summary(each) for each in await to.write(made)] == ["updated"]
        assert (to.org.api_calls, len(to.org.records("Contact"))) == (2, 1)


@pytest.mark.parametrize("allowed", ["", "Contact.Email", "Lead.Name"])
async def test_other_fields_are_looked_up(allowed: str) -> None:
    """None is allowed by default."""
    async with connected({"upsert_directly": allowed}) as to:
        assert [summary(each) for each in await to.write(person("a@x.io"))] == ["created"]
        assert to.org.api_calls == 2


async def test_what_depends_on_the_record_is_looked_up() -> None:
    """A default for new records, one for those there are, and what is only filled."""
    async with connected(DIRECT) as to:
        to.org.add("Lead", {"LastName": "Real", "Company": "B", "Email": "a@x.io"})
        batch = (
            identify("a@x.io", Title="T"),
            replace(person("a@x.io", LastName="Real"), fill=frozenset({"Company"})),
            replace(identify("a@x.io"), on_update={"Phone": "1"}, required=frozenset()),
        )
        for made in batch:
            before = lookups(to)
            to.destination._ids.known.clear()
            assert summary((await to.write(made))[0]) == "updated"
            assert lookups(to) == before + 1
        lead = only_lead(to)
        names = ("LastName", "Company", "Title", "Phone")
        assert [lead[name] for name in names] == ["Real", "B", "T", "1"]


async def test_what_a_lookup_would_have_seen_salesforce_refuses() -> None:
    """A converted lead and several of one address; the others of the request are written."""
    async with connected(DIRECT) as to:
        for email in ("twice@x.io", "twice@x.io", "gone@x.io", "became@x.io"):
            lead = to.org.add("Lead", {"LastName": "A", "Company": "B", "Email": email})
            if email == "gone@x.io":
                to.org.delete(lead)
        to.org.convert_lead(lead)
        emails = ("twice@x.io", "became@x.io", "gone@x.io", "new@x.io")
        outcomes = await to.write(*(person(email) for email in emails))
        assert [summary(each) for each in outcomes] == [
            "several_matches",
            "record_converted",
            "created",
            "created",
        ]
        assert [each.vendor["errorCode"] for each in outcomes if isinstance(each, Rejected)] == [
            "DUPLICATE_EXTERNAL_ID",
            "CANNOT_UPDATE_CONVERTED_LEAD",
        ]
        assert to.org.api_calls == 1


async def test_a_lost_answer_doubles_nobody() -> None:
    """The second time Salesforce finds them."""
    async with connected(DIRECT) as to:
        to.org.script(Fault("reset_after", path="*/composite/sobjects/*", count=1))
        batch = [person(f"p{number}@x.io") for number in range(20)]
        with pytest.raises(AnswerLost):
            await to.write(*batch)
        again = [replace(made, repeated=True) for made in batch]
        assert {summary(each) for each in await to.write(*again)} == {"updated"}
        assert len(to.org.records("Lead")) == 20


async def test_jobs_are_for_external_ids_only() -> None:
    """By others a backlog goes the usual way, which is documented for them."""
    async with connected({**DIRECT, "bulk_threshold": 10}) as to:
        outcomes = await to.write(*(person(f"p{number}@x.io") for number in range(20)))
        assert {summary(each) for each in outcomes} == {"created"}
        assert to.org.calls_by_route["POST jobs/ingest"] == 0


@pytest.mark.parametrize(("field", "errors"), [("Email", 0), ("City", 1)])
async def test_the_check_tells_a_field_that_names_no_record(field: str, errors: int) -> None:
    """Its describe says whether it is an idLookup."""
    async with connected({"upsert_directly": f"Lead.{field}"}) as to:
        use = FieldUse("Lead", field, "mapping.yaml:1", matched=True)
        needed = [FieldUse("Lead", name, "mapping.yaml:2") for name in ("LastName", "Company")]
        found = await to.destination.check([use, *needed])
        told = [each for each in found if each.level == "error"]
        assert [each.where for each in told] == ["upsert_directly"] * errors
        assert all("Lead.City: Salesforce does not find records by it" in e.message for e in told)
