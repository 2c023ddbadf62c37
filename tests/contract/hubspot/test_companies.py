"""Contacts are linked to their companies: found, created once, and associated."""

import asyncio

import pytest

from tests.contract.hubspot.portal import Value, company, connected, contact
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Outcome, Reason, Retry

UNLABELED = {279: "HUBSPOT_DEFINED"}


def notes(outcome: Outcome) -> list[tuple[str, str, str]]:
    """The notes of a delivered upsert."""
    assert isinstance(outcome, Delivered)
    return [(note.code, note.field, note.detail) for note in outcome.notes]


async def test_contacts_are_linked_to_the_company_of_their_address() -> None:
    """An existing one is found, a missing one is made once for all its people."""
    async with connected({"company_association": "email_domain"}) as setup:
        known = setup.add("companies", name="Acme", domain="acme.example")
        await setup.write(
            contact("ada@acme.example"), contact("bob@new.example"), contact("eve@NEW.example")
        )
        made = setup.records("companies")[-1]
        assert made.properties["domain"] == "new.example"
        assert len(setup.records("companies")) == 2
        assert setup.linked(setup.contact("ada@acme.example")) == [(known.id, UNLABELED)]
        assert setup.linked(setup.contact("bob@new.example")) == [(made.id, UNLABELED)]
        assert setup.linked(setup.contact("eve@new.example")) == [(made.id, UNLABELED)]


@pytest.mark.parametrize("named", [True, False])
async def test_one_pair_that_is_refused_costs_the_others_nothing(*, named: bool) -> None:
    """HubSpot refuses the whole batch, and may or may not say for which record."""
    async with connected({"company_association": "company"}) as setup:
        known = setup.add("companies", name="Acme", domain="acme.example")
        bad = setup.add("companies", name="Bad", domain="bad.example")
        options = {"ids": [bad.id], "named": named}
        setup.emulator.script(Fault("link_error", options=options))
        people = [contact(f"p{n}@acme.example") for n in range(6)]
        *outcomes, last = await setup.write(*people, contact("z@bad.example"))
        assert [notes(outcome) for outcome in outcomes] == [[]] * 6
        for n in range(6):
            linked = setup.linked(setup.contact(f"p{n}@acme.example"))
            assert linked == [(known.id, UNLABELED)]
        why = "not linked: One or more associations are not valid."
        assert notes(last) == [("dropped", "company", why)]
        # All of them, then without the one at fault, and it alone; or halves of halves.
        assert len(setup.sent("/batch/associate/default")) == (3 if named else 7)


async def test_a_company_id_of_an_event_that_is_not_there_is_noted() -> None:
    """The contact is delivered: trying again would find the same."""
    async with connected({"company_association": "company"}) as setup:
        (outcome,) = await setup.write(contact("a@acme.example", associatedcompanyid="424242"))
        assert notes(outcome) == [
            ("dropped", "company", "not linked: there is no company 424242"),
        ]


async def test_mail_providers_are_nobody_s_company() -> None:
    """And cost no request."""
    async with connected({"company_association": "email_domain"}) as setup:
        await setup.write(contact("ada@gmail.com"), contact("bob@Proton.me"))
        assert setup.records("companies") == []
        assert setup.sent("/search") == []


async def test_the_company_trait_goes_by_id_then_website_then_address_then_name() -> None:
    """Row C4's order."""
    async with connected({"company_association": "company"}) as setup:
        stored = setup.add("companies", name="Stored", domain="stored.example")
        site = setup.add("companies", name="Site", domain="site.example")
        mail = setup.add("companies", name="Mail", domain="mail.example")
        named = setup.add("companies", name="Named Ltd", domain="named.example")
        website = {"website": "https://www.Site.example/about"}
        await setup.write(
            contact("a@mail.example", website, associatedcompanyid=stored.id),
            contact("b@mail.example", website),
            contact("c@mail.example", company="Other"),
            contact("d@gmail.com", company="named ltd"),
            contact("e@gmail.com", company="Brand New"),
        )
        new = setup.records("companies")[-1]
        assert new.properties["name"] == "Brand New"
        linked = {
            letter: setup.linked(setup.contact(f"{letter}@{host}"))[0][0]
            for letter, host in zip("abcde", ["mail.example"] * 3 + ["gmail.com"] * 2, strict=True)
        }
        assert linked == {"a": stored.id, "b": site.id, "c": mail.id, "d": named.id, "e": new.id}


async def test_creating_companies_can_be_off() -> None:
    """The contact is delivered, and the result says why it is not linked."""
    settings: dict[str, Value] = {
        "company_association": "email_domain",
        "create_companies": False,
    }
    async with connected(settings) as setup:
        (outcome,) = await setup.write(contact("ada@acme.example"))
        assert notes(outcome) == [
            ("dropped", "company", "no company matches, and creating them is off")
        ]
        assert setup.records("companies") == []


async def test_several_companies_of_a_domain_are_not_guessed_among() -> None:
    """Unless the connection says which one."""
    for policy, chosen in (("refuse", None), ("first", 0), ("newest", 1)):
        settings = {"company_association": "email_domain", "several_matches": policy}
        async with connected(settings) as setup:
            found = [setup.add("companies", name="A", domain="acme.example")]
            setup.clock.pass_seconds(1.0)
            found.append(setup.add("companies", name="B", domain="acme.example"))
            (outcome,) = await setup.write(contact("ada@acme.example"))
            linked = [each for each, _ in setup.linked(setup.contact("ada@acme.example"))]
            assert linked == ([] if chosen is None else [found[chosen].id])
            assert len(notes(outcome)) == (1 if chosen is None else 0)


async def test_a_company_made_a_moment_ago_is_used_though_searches_do_not_know_it() -> None:
    """Whoever made it: a group call, or another contact, also in the same batch."""
    async with connected({"company_association": "email_domain"}, search_lag_seconds=60.0) as setup:
        await setup.write(company("acme.example", name="Acme"), contact("ada@acme.example"))
        await setup.write(contact("bob@acme.example"))
        await setup.write(company("acme.example", city="Bonn"))
        (record,) = setup.records("companies")
        assert record.properties["city"] == "Bonn"
        assert setup.linked(setup.contact("bob@acme.example")) == [(record.id, UNLABELED)]


async def test_writes_at_the_same_time_do_not_both_create_the_company() -> None:
    """Looking and creating is one step."""
    async with connected({"company_association": "email_domain"}, search_lag_seconds=60.0) as setup:
        await asyncio.gather(
            setup.write(contact("ada@acme.example")),
            setup.write(contact("bob@acme.example")),
            setup.write(company("acme.example", name="Acme")),
        )
        assert len(setup.records("companies")) == 1


async def test_what_is_linked_is_not_linked_again() -> None:
    """The next identify of the same person costs one request."""
    async with connected({"company_association": "email_domain"}) as setup:
        await setup.write(contact("ada@acme.example"))
        before = setup.emulator.api_calls
        await setup.write(contact("ada@acme.example", city="Bonn"))
        assert setup.emulator.api_calls - before == 1


async def test_a_lost_company_create_is_waited_for_and_found() -> None:
    """The contact comes back as a retry; in the end there is one company, linked."""
    settings: dict[str, Value] = {
        "company_association": "email_domain",
        "search_lag_seconds": 5.0,
    }
    async with connected(settings, search_lag_seconds=4.0) as setup:
        setup.emulator.script(Fault("reset_after", path="*/companies/batch/create", count=1))
        (first,) = await setup.write(contact("ada@acme.example"))
        assert isinstance(first, Retry)
        assert (first.reason, first.may_have_applied) == (Reason.ANSWER_LOST, True)
        (second,) = await setup.write(contact("ada@acme.example", repeated=True))
        assert isinstance(second, Retry)
        assert second.after_seconds == 5.0
        setup.clock.pass_seconds(5.0)
        (third,) = await setup.write(contact("ada@acme.example", repeated=True))
        assert isinstance(third, Delivered)
        (record,) = setup.records("companies")
        assert setup.linked(setup.contact("ada@acme.example")) == [(record.id, UNLABELED)]
        assert len(setup.records()) == 1


async def test_a_company_that_was_deleted_meanwhile_is_found_or_made_anew() -> None:
    """HubSpot's 207 says so; the contact is tried again."""
    async with connected({"company_association": "email_domain"}) as setup:
        await setup.write(contact("ada@acme.example"))
        (record,) = setup.records("companies")
        setup.emulator.portal.store.archive(record, record.history[-1])
        (first,) = await setup.write(contact("bob@acme.example"))
        assert isinstance(first, Retry)
        assert first.reason is Reason.REMATCH
        (second,) = await setup.write(contact("bob@acme.example"))
        assert isinstance(second, Delivered)
        assert len(setup.linked(setup.contact("bob@acme.example"))) == 1


async def test_a_company_hubspot_refuses_does_not_hold_the_contact_back() -> None:
    """The result says what it said."""
    async with connected({"company_association": "email_domain"}) as setup:
        fault = Fault("row_error", path="*/companies/*", options={"message": "No."})
        setup.emulator.script(fault)
        (outcome,) = await setup.write(contact("ada@acme.example"))
        ((code, field, detail),) = notes(outcome)
        assert (code, field) == ("dropped", "company")
        assert "VALIDATION_ERROR: No." in detail


@pytest.mark.parametrize("path", ["*/search", "*/associate/default"])
async def test_a_failure_while_linking_is_a_retry_of_the_contact_alone(path: str) -> None:
    """It was written; writing it again harms nobody."""
    async with connected({"company_association": "email_domain"}) as setup:
        setup.emulator.script(Fault("status", status=503, path=path, count=1))
        outcomes = await setup.write(contact("ada@acme.example"), contact("bob@gmail.com"))
        assert isinstance(outcomes[0], Retry)
        assert isinstance(outcomes[1], Delivered)
        (again,) = await setup.write(contact("ada@acme.example"))
        assert isinstance(again, Delivered)
        assert len(setup.linked(setup.contact("ada@acme.example"))) == 1


async def test_a_thousand_contacts_of_ten_companies_cost_a_handful_of_requests_more() -> None:
    """One search, one create, one association request per thousand."""
    async with connected({"company_association": "email_domain"}) as setup:
        people = [contact(f"p{n}@c{n % 10}.example") for n in range(1_000)]
        outcomes = await setup.write(*people)
        assert {type(outcome) for outcome in outcomes} == {Delivered}
        assert setup.emulator.api_calls == 11 + 3


async def test_without_the_setting_a_stored_company_id_is_only_a_read_only_property() -> None:
    """And is named so in the result."""
    async with connected() as setup:
        outcome, _ = await setup.write(
            contact("ada@acme.example", associatedcompanyid="5"), contact("bob@acme.example")
        )
        assert notes(outcome) == [("read_only", "associatedcompanyid", "")]
