"""Organizations, deals, leads, notes and activities in Pipedrive, and the links between them."""

from dataclasses import replace

import pytest

from tests.contract.pipedrive.company import (
    by_id,
    connected,
    group,
    identify,
    new,
    notes_of,
    record_of,
    summary,
)
from transformer.outcome import Delivered, Reason, Rejected
from transformer.upsert import Match

# Organizations, deals, leads, notes.


async def test_an_organization_is_found_by_name() -> None:
    """Its standard fields are formatted by type."""
    async with connected() as to:
        first = group(
            "Acme", website="https://acme.example", employee_count="12", industry="retail"
        )
        assert summary(await to.one(first)) == "created"
        assert summary(await to.one(group("ACME", address={"city": "Berlin"}))) == "updated"
        acme = to.only("organizations")
        assert (acme["employee_count"], acme["industry"]) == (12, 4)
        assert acme["address"] == {"value": "Berlin"}


async def test_an_organization_is_found_by_its_domain_field() -> None:
    """Pipedrive cannot search websites: a custom field holds the domain."""
    async with connected({"domain_field": "Domain"}) as to:
        field = to.company.schema.add("organizations", "Domain", "varchar")
        other = to.company.schema.add("organizations", "Notes", "varchar")
        matches = (Match("domain", "https://www.Acme.example/x"), Match("name", "Acme"))
        await to.one(replace(group("Acme"), matches=matches))
        assert to.only("organizations")["custom_fields"] == {field.code: "acme.example"}
        decoy = new("organizations", name="Decoy", Notes="acme.example")
        await to.one(decoy)
        assert to.records("organizations")[1]["custom_fields"] == {other.code: "acme.example"}
        to.clock.pass_seconds(7200.0)
        renamed = replace(group("Acme Inc"), matches=(Match("domain", "acme.example"),))
        assert await to.one(renamed) == Delivered("updated", "1", "organizations")


async def test_without_a_domain_field_the_name_finds_the_organization() -> None:
    """The match that Pipedrive cannot search by is passed over."""
    async with connected() as to:
        matches = (Match("domain", "acme.example"), Match("name", "Acme"))
        await to.one(group("Acme"))
        to.clock.pass_seconds(7200.0)
        assert summary(await to.one(replace(group("Acme"), matches=matches))) == "updated"


async def test_a_domain_without_a_field_for_it_is_left_out() -> None:
    """It only finds; what else it is called in the event is the mapping's."""
    async with connected() as to:
        matches = (Match("domain", "acme.example"), Match("name", "Acme"))
        outcome = await to.one(replace(group("Acme", domain="acme.example"), matches=matches))
        assert notes_of(outcome) == set()
        assert to.only("organizations")["custom_fields"] == {}


@pytest.mark.parametrize("match", [Match("domain", "n/a"), Match("name", "x" * 256)])
async def test_a_match_key_that_cannot_be_right_is_never_sent(match: Match) -> None:
    """Nor does it make a record without a key."""
    async with connected({"domain_field": "Domain"}) as to:
        outcome = await to.one(replace(group("Acme"), matches=(match,)))
        assert summary(outcome) == "match_key_invalid"
        assert to.company.request_count == 0


async def test_a_match_that_cannot_be_searched_is_rejected() -> None:
    """With what to do about it."""
    async with connected() as to:
        only = replace(group("Acme"), matches=(Match("domain", "acme.example"),))
        assert summary(await to.one(only)) == "match_key_invalid"


async def test_a_deal_is_created_for_its_person_and_updated_by_id() -> None:
    """person_email becomes person_id; amounts are in major units."""
    async with connected() as to:
        await to.one(identify())
        deal = new("deals", title="Big", value="200.50", currency="usd", person_email="Ann@x.io")
        assert summary(await to.one(replace(deal, properties={**deal.properties, "currency": "USD"})
                                    )) == "created"  # fmt: skip
        made = to.only("deals")
        assert (made["value"], made["currency"], made["person_id"]) == (200.5, "USD", 1)
        await to.one(by_id("deals", 1, status="won", lost_reason=None, person_id=None))
        changed = to.only("deals")
        assert (changed["status"], changed["lost_reason"], changed["person_id"]) == (
            "won",
            "",
            None,
        )


async def test_a_link_to_nobody_is_rejected() -> None:
    """An identify that comes later and a replay mend it."""
    async with connected() as to:
        outcome = await to.one(new("notes", content="x", person_email="no@x.io"))
        assert summary(outcome) == "invalid_reference"
        assert to.records("notes") == []


async def test_leads_and_notes_are_written_by_v1() -> None:
    """A lead's value has its currency, its id is a UUID; its custom fields are at the root."""
    async with connected() as to:
        score = to.company.schema.add("deals", "Score", "enum", ["Hot", "Cold"])
        await to.one(identify())
        lead = await to.one(new("leads", title="L", person_email="ann@x.io", value=5, score="hot"))
        assert to.only("leads")["value"] == {"amount": 5, "currency": "EUR"}
        assert to.only("leads")[score.code] == 1
        await to.one(by_id("leads", record_of(lead), title="M"))
        assert to.only("leads")["title"] == "M"
        note = await to.one(new("notes", content="<b>hi</b>", person_email="ann@x.io"))
        await to.one(by_id("notes", record_of(note), content="bye", pinned_to_person_flag=True))
        assert (to.only("notes")["content"], to.only("notes")["pinned_to_person_flag"]) == (
            "bye",
            True,
        )


async def test_activities_are_skipped_until_their_setting_is_on() -> None:
    """Row C9: track events become activities where wanted."""
    event = new("activities", subject="Signed Up", type="task", done=True, person_email="ann@x.io",
                due_date="2026-11-22T10:00:00Z")  # fmt: skip
    async with connected() as to:
        assert summary(await to.one(event)) == "event_type_not_mapped"
        assert to.company.request_count == 0
    async with connected({"activities": True}) as to:
        await to.one(identify())
        assert summary(await to.one(event)) == "created"
        activity = to.only("activities")
        assert activity["participants"] == [{"person_id": 1, "primary": True}]
        assert (activity["due_date"], activity["done"]) == ("2026-11-22", True)


async def test_an_unknown_object_is_rejected() -> None:
    """An external id of type Pipedrive-planet."""
    async with connected() as to:
        assert summary(await to.one(new("planet", name="x"))) == "unknown_object"


@pytest.mark.parametrize("kind", ["deals", "leads", "notes"])
async def test_what_is_required_is_checked_before_it_is_sent(kind: str) -> None:
    """Row C6, naming the field."""
    async with connected() as to:
        outcome = await to.one(new(kind, owner_id=1))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.REQUIRED_FIELD_MISSING
        assert outcome.vendor["fields"] == ["content" if kind == "notes" else "title"]
        assert to.route_calls("POST") == 0


# Linked organizations.


async def test_a_person_is_linked_to_the_organization_of_that_name() -> None:
    """Created once for all its people, however many come at once."""
    async with connected({"link_organization": "name"}) as to:
        people = [identify(f"p{n}@x.io", organization_name="Acme") for n in range(10)]
        assert {summary(o) for o in await to.write(*people)} == {"created"}
        assert to.only("organizations")["name"] == "Acme"
        assert {person["org_id"] for person in to.records("persons")} == {1}


async def test_a_person_is_linked_by_the_domain_of_the_e_mail() -> None:
    """Free mail hosts say nothing of the company."""
    async with connected({"link_organization": "domain", "domain_field": "Domain"}) as to:
        to.company.schema.add("organizations", "Domain", "varchar")
        await to.one(identify("a@acme.example", organization_name="Acme"))
        await to.one(identify("b@gmail.com", organization_name="Nobody"))
        await to.one(identify("c@x.io", organization_domain="https://www.acme.example/about"))
        assert to.only("organizations")["name"] == "Acme"
        assert [person["org_id"] for person in to.records("persons")] == [1, None, 1]


async def test_several_organizations_of_a_name_leave_the_person_unlinked() -> None:
    """The person is written all the same, and the result says why."""
    async with connected({"link_organization": "name"}) as to:
        await to.write(new("organizations", name="Acme"))
        await to.write(new("organizations", name="acme"))
        outcome = await to.one(identify(organization_name="Acme"))
        assert notes_of(outcome) == {("dropped", "organization_name")}


async def test_organizations_are_not_created_where_that_is_off() -> None:
    """The setting create_organizations."""
    async with connected({"link_organization": "name", "create_organizations": False}) as to:
        outcome = await to.one(identify(organization_name="Acme"))
        assert notes_of(outcome) == {("dropped", "organization_name")}
        assert to.records("organizations") == []
