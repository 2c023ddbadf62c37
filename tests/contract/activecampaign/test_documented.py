"""ActiveCampaign as its documentation allows it to be, where that differs from the comfortable."""

from dataclasses import replace

import pytest

from tests.contract.activecampaign.account import Setup, connected, new, people, person, record
from transformer.emulator.faults import Fault
from transformer.errors import Unauthorized
from transformer.outcome import Delivered, Reason, Rejected, Retry
from transformer.upsert import Match, Operation, Upsert

IMPORT = "/api/3/import/bulk_import"
SYNC = "POST /api/3/contact/sync"
IMPORTED = Delivered("updated", "", "contact")


def refused_import(position: object, *, count: int = 1) -> Fault:
    """An import that is refused whole for the contact at this position."""
    text = f'{{"success": 0, "message": "no", "failureReasons": [{{"contact": {position}}}]}}'
    return Fault("status", path=IMPORT, method="POST", status=400, text=text, count=count)


def calls(setup: Setup, route: str) -> int:
    """How often a route was called."""
    return setup.emulator.calls_by_route[route]


async def test_who_an_import_passes_over_in_silence_is_not_taken_for_delivered() -> None:
    """The vendor skips addresses on its exclusion list; a single request tells what it thinks."""
    async with connected(bulk_threshold=2) as setup:
        silence = {"emails": ["p3@example.com"]}
        setup.emulator.script(Fault("import_silence", path=IMPORT, options=silence))
        setup.emulator.blocked.add("p3@example.com")
        outcomes = await setup.write(*people(20))
        assert isinstance(outcomes[3], Rejected)
        assert sum(isinstance(outcome, Delivered) for outcome in outcomes) == 19
        assert len(setup.rows("contacts")) == 19


@pytest.mark.parametrize(
    ("fault", "imports", "singly"),
    [
        (refused_import('"4"'), 1, 1),
        (refused_import(5, count=2), 1, 3),
        (refused_import(20), 1, 1),
        (refused_import(5, count=3), 2, 3),
    ],
    ids=["text", "counted from one", "the last counted from one", "not to be believed"],
)
async def test_positions_of_a_refused_import_are_read_as_they_may_be_meant(
    fault: Fault, imports: int, singly: int
) -> None:
    """Nothing says whether they count from 0 or 1; a few requests find the contact either way.

    So many imports are accepted, after those refused.
    """
    async with connected(bulk_threshold=2) as setup:
        setup.emulator.script(fault)
        outcomes = await setup.write(*people(20))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert (calls(setup, f"POST {IMPORT}"), calls(setup, SYNC)) == (imports, singly)
        assert len(setup.rows("contacts")) == 20


async def test_a_contact_that_no_import_can_hold_goes_singly() -> None:
    """An import of more than the documented bytes is never sent."""
    async with connected(bulk_threshold=2) as setup:
        setup.emulator.catalogue.add_field("Bio")
        outcomes = await setup.write(*people(5), person("big@example.com", Bio="b" * 400_000))
        assert outcomes == [IMPORTED] * 5 + [Delivered("created", "6", "contact")]
        assert (calls(setup, f"POST {IMPORT}"), calls(setup, SYNC)) == (1, 1)


async def test_an_import_refused_with_a_200_is_no_import() -> None:
    """Some failures come as 200; the rate limit is still a wait."""
    limited = '{"success": 0, "message": "Rate limit exceeded."}'
    async with connected(bulk_threshold=2) as setup:
        setup.emulator.script(Fault("status", path=IMPORT, status=200, text=limited, count=1))
        outcomes = await setup.write(*people(3), new("account", name="Acme"))
        retries = [outcome for outcome in outcomes if isinstance(outcome, Retry)]
        assert [(r.reason, r.counts) for r in retries] == [(Reason.THROTTLED, False)] * 3
    refused = '{"success": 0, "message": "no"}'
    async with connected(bulk_threshold=2) as setup:
        setup.emulator.script(Fault("status", path=IMPORT, status=200, text=refused, count=1))
        assert all(isinstance(o, Delivered) for o in await setup.write(*people(3)))
        assert calls(setup, SYNC) == 3


async def test_imports_that_take_a_while_still_cost_ten_requests_at_the_most() -> None:
    """Asked for too early once; the others are ready when the first is."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("plan")
        setup.emulator.imports.seconds = 20.0
        assert await setup.write(*people(1000, plan="pro")) == [IMPORTED] * 1000
        assert setup.emulator.api_calls <= 10


async def test_lists_with_shorter_pages_than_asked_for_are_read_to_their_total(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The total comes as text."""
    monkeypatch.setattr("destinations.activecampaign.emulator.answers.MAX_LIMIT", 20)
    async with connected() as setup:
        for number in range(45):
            setup.emulator.catalogue.add_field(f"Field {number}")
        await setup.write(person("a@x.io", **{"Field 44": "v"}))
        assert setup.contact("a@x.io")["Field 44"] == "v"
        assert calls(setup, "GET /api/3/fields") == 3


async def test_nobody_else_is_taken_from_an_account_whatever_is_listed() -> None:
    """A filter that is not honoured lists the links of all contacts."""
    async with connected(link_accounts=True) as setup:
        for name in ("a", "b"):
            await setup.write(person(f"{name}@x.io", account=name))
        link = '{"accountContacts": [{"id": "1", "account": "1", "contact": "1"}]}'
        setup.emulator.script(
            Fault("status", path="/api/3/accountContacts", method="GET", status=200, text=link)
        )
        [outcome] = await setup.write(person("b@x.io", account="c"))
        assert isinstance(outcome, Rejected)
        assert calls(setup, "DELETE /api/3/accountContacts/{id}") == 0


async def test_a_contact_is_found_by_its_own_field_whatever_is_listed() -> None:
    """A value of another field finds nobody."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("Number")
        values = '{"fieldValues": [{"contact": "9", "field": "7", "value": "x1"}]}'
        setup.emulator.script(
            Fault("status", path="/api/3/fieldValues", method="GET", status=200, text=values)
        )
        upsert = replace(person("a@x.io", Number="x1"), matches=(Match("Number", "x1"),))
        assert await setup.write(upsert) == [Delivered("created", "1", "contact")]


async def test_an_account_that_is_not_paid_for_is_waited_for() -> None:
    """402 for all is a matter of the setup; 402 for one resource rejects what needs it alone."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=402, text='{"message": "x"}'))
        with pytest.raises(Unauthorized, match="paid"):
            await setup.write(person("a@x.io"))
    async with connected() as setup:
        setup.emulator.script(Fault("status", path="/api/3/accounts", status=402, text="{}"))
        outcomes = await setup.write(new("account", name="Acme"), person("a@x.io"))
        assert [getattr(o, "reason", None) for o in outcomes] == [Reason.ACCESS_DENIED, None]


async def test_fields_that_may_only_be_filled_are_left_however_they_are_spelled() -> None:
    """Of contacts, accounts and deals; row C5."""
    async with connected(unknown_fields="reject") as setup:
        setup.emulator.catalogue.add_field("First Source")
        for book in (setup.emulator.account_fields, setup.emulator.deal_fields):
            book.add("First Source")
        deal = {"title": "Big", "value": 1, "stage": "1", "contact": "a@x.io"}
        await setup.write(
            person("a@x.io", **{"First Source": "ad"}),
            new("account", name="Acme", **{"First Source": "ad"}),
            new("deal", **deal, **{"First Source": "ad"}),
        )
        fill = frozenset({"First_Source"})
        outcomes = await setup.write(
            *(
                replace(record(kind, "1", First_Source="seo"), fill=fill)
                for kind in ("contact", "account", "deal")
            )
        )
        assert [type(outcome) for outcome in outcomes] == [Delivered] * 3
        kinds = ("accountCustomFieldData", "dealCustomFieldData")
        assert setup.contact("a@x.io")["First Source"] == "ad"
        assert [row["fieldValue"] for kind in kinds for row in setup.rows(kind)] == ["ad", "ad"]


async def test_fields_of_dates_and_of_several_options_get_the_documented_form() -> None:
    """A day, and bars around even one option."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("Born", "date")
        setup.emulator.catalogue.add_field("Colours", "checkbox")
        await setup.write(person("a@x.io", Born="2001-02-03T04:05:06.000Z", Colours="red"))
        contact = setup.contact("a@x.io")
        assert (contact["Born"], contact["Colours"]) == ("2001-02-03", "||red||")


async def test_the_owner_of_a_deal_goes_as_text() -> None:
    """As all ids of a deal do."""
    async with connected() as setup:
        setup.emulator.script(
            Fault("status", path="/api/3/deals", contains='"owner":"7"', status=422, text="{}")
        )
        deal = new("deal", title="Big", value=1, stage="1", contact="a@x.io", owner=7)
        assert [type(outcome) for outcome in await setup.write(deal)] == [Rejected]


async def test_a_repeated_deal_is_known_where_the_answer_does_not_tell_its_account() -> None:
    """Its contact does; older answers have neither `account` nor `customerAccount`."""
    async with connected() as setup:
        deal = new("deal", title="Big", value=1, stage="1", contact="a@x.io", account="Acme")
        await setup.write(person("a@x.io"), new("account", name="Acme"))
        there = (
            '{"deals": [{"id": "5", "title": "Big", "value": "100", "currency": "usd",'
            ' "contact": 1}]}'
        )
        setup.emulator.script(
            Fault("status", path="/api/3/deals", method="GET", status=200, text=there)
        )
        repeated = replace(deal, repeated=True)
        assert await setup.write(repeated) == [Delivered("created", "5", "deal")]


@pytest.mark.parametrize("threshold", [0, 2])
async def test_an_event_waits_for_the_contact_that_comes_with_it(threshold: int) -> None:
    """In either order, singly and by import: of somebody unknown it would be refused."""
    async with connected(event_tracking=True, bulk_threshold=threshold) as setup:
        event = new("event", event="Signed Up", email="P1@example.com")
        outcomes = await setup.write(event, *people(3))
        assert [type(outcome) for outcome in outcomes] == [Delivered] * 4
        assert len(setup.rows("trackedEvents")) == 1


async def test_an_event_waits_while_its_contact_is_open() -> None:
    """A contact whose import failed will come again, and its event with it."""
    async with connected(event_tracking=True, bulk_threshold=2) as setup:
        setup.emulator.script(Fault("status", path=IMPORT, status=500))
        event = new("event", event="Signed Up", email="p1@example.com")
        outcomes = await setup.write(event, new("account", name="Acme"), *people(3))
        assert outcomes[0] == Retry(Reason.SAME_RECORD, counts=False)
        assert setup.emulator.tracking_count == 0


async def test_an_event_whose_name_is_too_long_is_told_before_it_is_sent() -> None:
    """32 characters are documented."""
    async with connected(event_tracking=True) as setup:
        [outcome] = await setup.write(new("event", event="x" * 33, email="a@x.io"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.VALUE_TOO_LONG
        assert setup.emulator.request_count == 0


async def test_an_upsert_of_a_deal_that_may_not_be_read_is_not_overwritten() -> None:
    """What may only be filled is left where nobody can tell whether it is empty."""
    async with connected() as setup:
        setup.emulator.script(
            Fault("status", path="/api/3/deals/1", method="GET", status=404, text="{}")
        )
        fill = Upsert(
            "deal",
            Operation.UPDATE,
            {"title": "New"},
            (Match("id", "1"),),
            fill=frozenset({"title"}),
        )
        [outcome] = await setup.write(fill)
        assert isinstance(outcome, Rejected)
        assert calls(setup, "PUT /api/3/deals/{id}") == 0
