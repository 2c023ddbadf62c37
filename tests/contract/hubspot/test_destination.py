"""The HubSpot destination against its emulator: what is written, and what that costs."""

from dataclasses import replace

import orjson
import pytest

from tests.contract.hubspot.portal import (
    by_id,
    company,
    connected,
    contact,
    create,
    ids,
)
from transformer.outcome import Delivered, Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Match, Operation, Upsert


def people(count: int, **properties: object) -> list[Upsert]:
    """So many different people."""
    return [contact(f"p{n}@acme.example", properties, firstname=f"P{n}") for n in range(count)]


@pytest.mark.parametrize("version", ["v3", "2026-03", "2026-09"])
async def test_a_new_person_is_created_and_the_next_event_updates_them(version: str) -> None:
    """Under the paths of every version, with the id that HubSpot gives."""
    async with connected({"api_version": version}) as setup:
        first = await setup.write(contact("ada@acme.example", firstname="Ada"))
        again = await setup.write(contact("ADA@acme.example", lastname="Lovelace"))
        record = setup.contact("ada@acme.example")
        assert first == [Delivered("created", record.id, "contacts")]
        assert again == [Delivered("updated", record.id, "contacts")]
        assert record.properties["firstname"] == "Ada"
        assert record.properties["lastname"] == "Lovelace"
        assert setup.emulator.unknown_count == 0


async def test_a_thousand_identifies_take_at_most_twelve_requests() -> None:
    """Ten batches of 100 and one look at the properties; the same again takes ten."""
    async with connected() as setup:
        first = await setup.write(*people(1_000))
        calls = setup.emulator.api_calls
        assert {type(outcome) for outcome in first} == {Delivered}
        assert calls == 11
        again = await setup.write(*people(1_000, lastname="Smith"))
        assert ids(again) == ids(first)
        assert setup.emulator.api_calls - calls == 10


async def test_no_batch_is_ever_larger_than_a_hundred() -> None:
    """Whatever the engine hands over."""
    async with connected() as setup:
        await setup.write(*people(250), *[company(f"c{n}.example", name="C") for n in range(120)])
        sizes = [
            len(orjson.loads(str(each["body"]))["inputs"]) for each in setup.sent("/batch/upsert")
        ]
        created = [
            len(orjson.loads(str(each["body"]))["inputs"]) for each in setup.sent("/batch/create")
        ]
        assert sizes == [100, 100, 50]
        assert created == [100, 20]


@pytest.mark.parametrize("echo", [True, False])
async def test_every_row_s_answer_is_matched_with_and_without_its_trace_id(*, echo: bool) -> None:
    """The emulator answers in another order than it was asked."""
    async with connected(echo_trace_ids=echo) as setup:
        outcomes = await setup.write(*people(30))
        emails = [setup.contact(f"p{n}@acme.example").id for n in range(30)]
        assert ids(outcomes) == emails


async def test_creates_without_trace_ids_in_their_results_are_made_once() -> None:
    """HubSpot's guide shows results without them: told by what was set, equal ones in any order."""
    async with connected() as setup:
        deals = [create("deals", dealname=f"Deal {n % 7}", amount=n // 7) for n in range(20)]
        outcomes = await setup.write(*deals, create("deals", dealname="Deal 0", amount=0))
        made = {record.id: record.properties for record in setup.records("deals")}
        assert len(made) == 21
        assert {type(outcome) for outcome in outcomes} == {Delivered}
        assert sorted(ids(outcomes), key=int) == list(made)
        told = [made[record_id]["dealname"] for record_id in ids(outcomes)]
        assert told == [f"Deal {n % 7}" for n in range(20)] + ["Deal 0"]


async def test_an_upsert_by_address_always_carries_the_address_itself() -> None:
    """In lower case, also where the mapping gave it as the match key alone."""
    async with connected() as setup:
        upsert = Upsert(
            "contacts", Operation.UPSERT, {"city": "B"}, (Match("email", " Ada@Acme.example "),)
        )
        (outcome,) = await setup.write(upsert)
        assert outcome == Delivered("created", setup.contact("ada@acme.example").id, "contacts")
        body = orjson.loads(str(setup.sent("/batch/upsert")[0]["body"]))
        assert body == {
            "inputs": [
                {
                    "id": "ada@acme.example",
                    "idProperty": "email",
                    "properties": {"city": "B", "email": "ada@acme.example"},
                    "objectWriteTraceId": "row-0",
                }
            ]
        }


async def test_an_external_id_updates_exactly_that_record_of_any_object() -> None:
    """Deals, tickets and custom objects; singular names and type ids too."""
    async with connected(custom_objects={"pets": ["breed\tstring"]}) as setup:
        deal = setup.add("deals", dealname="D", dealstage="closedwon")
        pet = setup.add("pets", name="Rex")
        outcomes = await setup.write(
            by_id("deal", deal.id, amount="100"),
            by_id(pet.kind.type_id, pet.id, breed="Dachshund"),
            create("deals", dealname="New", dealstage="qualifiedtobuy", pipeline="default"),
        )
        made = setup.records("deals")[-1]
        assert outcomes == [
            Delivered("updated", deal.id, "deals"),
            Delivered("updated", pet.id, pet.kind.type_id),
            Delivered("created", made.id, "deals"),
        ]
        assert deal.properties["amount"] == "100"
        assert pet.properties["breed"] == "Dachshund"


async def test_a_custom_unique_property_is_upserted_by() -> None:
    """An identifierType names it; contact_key does so for every contact that has a value."""
    extra = {"contacts": ["customer_id\tstring\ttext\tu"]}
    async with connected({"contact_key": "customer_id"}, properties=extra) as setup:
        own = contact("old@acme.example", customer_id="C-1", firstname="A")
        (first,) = await setup.write(own)
        moved = contact("new@acme.example", customer_id="C-1")
        (second,) = await setup.write(moved)
        by_field = Upsert(
            "contacts", Operation.UPSERT, {"lastname": "B"}, (Match("customer_id", "C-1"),)
        )
        (third,) = await setup.write(by_field)
        record = setup.contact("new@acme.example")
        assert [first, second, third] == [
            Delivered("created", record.id, "contacts"),
            Delivered("updated", record.id, "contacts"),
            Delivered("updated", record.id, "contacts"),
        ]
        assert record.properties["lastname"] == "B"


async def test_read_first_updates_known_contacts_by_id_and_creates_the_others() -> None:
    """An account that clears what an upsert by e-mail does not mention loses nothing by it."""
    async with connected({"contact_upserts": "read_first"}, clear_partial_upserts=True) as setup:
        known = setup.add("contacts", email="ada@acme.example", city="Bonn")
        outcomes = await setup.write(
            contact("Ada@Acme.example", firstname="Ada"), contact("bob@acme.example")
        )
        assert outcomes == [
            Delivered("updated", known.id, "contacts"),
            Delivered("created", setup.contact("bob@acme.example").id, "contacts"),
        ]
        assert known.properties["city"] == "Bonn"
        assert setup.sent("/search") == []
    async with connected(clear_partial_upserts=True) as setup:
        known = setup.add("contacts", email="ada@acme.example", city="Bonn")
        await setup.write(contact("ada@acme.example", firstname="Ada"))
        assert "city" not in known.properties


async def test_read_first_finds_a_contact_by_a_secondary_address() -> None:
    """The address that found it does not become its primary one."""
    async with connected({"contact_upserts": "read_first"}) as setup:
        known = setup.add("contacts", email="ada@acme.example", hs_additional_emails="a@b.example")
        (outcome,) = await setup.write(
            Upsert("contacts", Operation.UPSERT, {"city": "Bonn"}, (Match("email", "a@b.example"),))
        )
        assert outcome == Delivered("updated", known.id, "contacts")
        assert known.properties["email"] == "ada@acme.example"


async def test_fill_and_create_only_values_read_the_record_first() -> None:
    """By batch/read with the e-mail, never by search."""
    async with connected() as setup:
        known = setup.add("contacts", email="ada@acme.example", city="Bonn")
        upsert = replace(
            contact("ada@acme.example", city="Kiel", state="SH"),
            fill=frozenset({"city", "state"}),
            on_create={"hs_lead_status": "NEW"},
        )
        other = replace(upsert, matches=(Match("email", "b@acme.example"),))
        other = replace(other, properties={"email": "b@acme.example", "city": "Kiel"})
        outcomes = await setup.write(upsert, other)
        assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered]
        assert (known.properties["city"], known.properties["state"]) == ("Bonn", "SH")
        assert "hs_lead_status" not in known.properties
        assert setup.contact("b@acme.example").properties["hs_lead_status"] == "NEW"
        assert setup.sent("/search") == []


async def test_create_off_and_update_off_skip_what_they_should() -> None:
    """Creating off costs no lookup: HubSpot says itself that nobody has the address."""
    async with connected() as setup:
        known = setup.add("contacts", email="ada@acme.example")
        update_only = replace(contact("x@acme.example", city="B"), operation=Operation.UPDATE)
        create_only = replace(contact("ada@acme.example", city="B"), operation=Operation.CREATE)
        outcomes = await setup.write(update_only, create_only)
        assert [getattr(outcome, "reason", None) for outcome in outcomes] == [
            Reason.CREATE_DISABLED, Reason.UPDATE_DISABLED,
        ]  # fmt: skip
        assert isinstance(outcomes[1], Skipped)
        assert outcomes[1].record_id == known.id
        assert len(setup.records()) == 1


async def test_companies_are_found_by_domain_and_created_once_though_searches_lag() -> None:
    """A company made a moment ago is remembered, because the index does not know it yet."""
    async with connected(search_lag_seconds=5.0) as setup:
        (first,) = await setup.write(company("acme.example", name="Acme"))
        (second,) = await setup.write(company("acme.example", city="Bonn"))
        setup.clock.pass_seconds(6.0)
        (third,) = await setup.write(company("ACME.example", state="NRW"))
        (record,) = setup.records("companies")
        assert [first, second, third] == [
            Delivered("created", record.id, "companies"),
            Delivered("updated", record.id, "companies"),
            Delivered("updated", record.id, "companies"),
        ]


@pytest.mark.parametrize(("policy", "chosen"), [("refuse", None), ("first", 0), ("newest", 1)])
async def test_several_companies_of_one_domain_follow_the_policy(
    policy: str, chosen: int | None
) -> None:
    """Refused with every id by default."""
    async with connected({"several_matches": policy}) as setup:
        found = [setup.add("companies", name="A", domain="acme.example")]
        setup.clock.pass_seconds(10.0)
        found.append(setup.add("companies", name="B", domain="acme.example"))
        (outcome,) = await setup.write(company("acme.example", city="Bonn"))
        if chosen is None:
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.SEVERAL_MATCHES
            assert outcome.vendor == {"ids": [record.id for record in found]}
        else:
            assert outcome == Delivered("updated", found[chosen].id, "companies")


async def test_two_writes_of_one_record_never_share_a_request() -> None:
    """The second one comes back to be sent after the first (invariant 4)."""
    async with connected() as setup:
        known = setup.add("companies", name="A", domain="acme.example")
        outcomes = await setup.write(
            company("acme.example", city="Bonn"), by_id("companies", known.id, city="Kiel")
        )
        assert isinstance(outcomes[0], Delivered)
        assert isinstance(outcomes[1], Retry)
        assert outcomes[1].reason is Reason.SAME_RECORD
        assert known.properties["city"] == "Bonn"


async def test_an_address_that_exists_already_turns_a_create_into_an_update_of_that_record() -> (
    None
):
    """HubSpot names the record; the engine maps the event again for it."""
    async with connected() as setup:
        known = setup.add("contacts", email="ada@acme.example")
        rows = [create("contacts", email=f"n{n}@acme.example") for n in range(6)]
        outcomes = await setup.write(*rows, create("contacts", email="ada@acme.example"))
        assert {type(outcome) for outcome in outcomes[:-1]} == {Delivered}
        last = outcomes[-1]
        assert isinstance(last, Retry)
        assert (last.reason, last.redirect) == (Reason.REMATCH, Redirect("contacts", known.id))
        assert len(setup.records()) == 7


async def test_a_unique_value_that_another_record_has_rejects_an_update() -> None:
    """With both ids, so that a person can merge them."""
    async with connected() as setup:
        holder = setup.add("contacts", email="ada@acme.example")
        other = setup.add("contacts", email="bob@acme.example")
        (outcome,) = await setup.write(by_id("contacts", other.id, email="ada@acme.example"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.DUPLICATE_VALUE
        assert outcome.vendor["ids"] == [holder.id]


async def test_a_deleted_record_is_rejected_by_id_and_created_anew_by_address() -> None:
    """HubSpot does not tell deleted from never there."""
    async with connected() as setup:
        first = await setup.write(contact("ada@acme.example"))
        setup.emulator.portal.store.archive(
            setup.contact("ada@acme.example"),
            setup.contact("ada@acme.example").history[-1],
        )
        gone, again = await setup.write(
            by_id("contacts", ids(first)[0], city="Bonn"), contact("ada@acme.example")
        )
        assert isinstance(gone, Rejected)
        assert gone.reason is Reason.RECORD_NOT_FOUND
        assert again == Delivered("created", setup.contact("ada@acme.example").id, "contacts")


@pytest.mark.parametrize(
    ("upsert", "reason"),
    [
        (by_id("../contacts", "1", city="B"), Reason.INVALID_OBJECT_NAME),
        (by_id("contacts", "1 OR 1=1", city="B"), Reason.INVALID_RECORD_ID),
        (by_id("unicorns", "1", city="B"), Reason.UNKNOWN_OBJECT),
        (
            Upsert("contacts", Operation.UPSERT, {"city": "B"}, (Match("a b/c", "1"),)),
            Reason.INVALID_FIELD_NAME,
        ),
        (
            Upsert("contacts", Operation.UPSERT, {"city": "B"}, (Match("nothing", "1"),)),
            Reason.UNKNOWN_FIELD,
        ),
        (
            Upsert("contacts", Operation.UPSERT, {"city": "B"}, (Match("email", " "),)),
            Reason.MATCH_KEY_MISSING,
        ),
        (Upsert("contacts", Operation.UPDATE, {"city": "B"}), Reason.MATCH_KEY_MISSING),
    ],
)
async def test_names_and_ids_that_are_none_never_reach_a_path(
    upsert: Upsert, reason: Reason
) -> None:
    """They are rejected with their own reason."""
    async with connected() as setup:
        (outcome,) = await setup.write(upsert)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is reason
        assert setup.emulator.unknown_count == 0


async def test_a_required_property_is_named_before_anything_is_sent() -> None:
    """Row C6."""
    async with connected() as setup:
        upsert = replace(company("acme.example"), required=frozenset({"name"}))
        (outcome,) = await setup.write(upsert)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.REQUIRED_FIELD_MISSING
        assert outcome.vendor == {"fields": ["name"]}


async def test_a_company_with_a_domain_is_never_found_by_its_name() -> None:
    """Different companies share a name; one without a domain has nothing better."""
    async with connected() as setup:
        other = setup.add("companies", name="Acme", domain="acme.example")
        both = (Match("domain", "acme.org.example"), Match("name", "Acme"))
        upsert = Upsert("companies", Operation.UPSERT, {"name": "Acme"}, both)
        (made,) = await setup.write(upsert)
        assert made == Delivered("created", setup.records("companies")[-1].id, "companies")
        setup.emulator.portal.store.archive(setup.records("companies")[-1], other.history[-1])
        named = Upsert("companies", Operation.UPSERT, {"city": "B"}, (Match("name", "ACME"),))
        (found,) = await setup.write(named)
        assert found == Delivered("updated", other.id, "companies")
