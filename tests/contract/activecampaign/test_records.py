"""ActiveCampaign accounts, deals and tracked events, and events through the default mapping."""

import pytest

from destinations.activecampaign.destination import KIND
from destinations.activecampaign.domains import RELOAD_SECONDS
from tests.contract.activecampaign.account import Setup, connected, new, person, record
from transformer.event import Event, ExternalId
from transformer.mapping import Options, compile_mapping
from transformer.outcome import Delivered, Reason, Rejected, Skipped
from transformer.upsert import Match, Note, Operation, Upsert

MAPPING = compile_mapping(
    KIND.mapping_file.read_text(encoding="utf-8"),
    "mapping.yaml",
    Options("off", KIND.integrations),
)


def account(name: str, **properties: object) -> Upsert:
    """An account found by name."""
    return Upsert("account", Operation.UPSERT, {"name": name, **properties}, (Match("name", name),))


async def deliver(setup: Setup, event: Event) -> list[object]:
    """Evaluate the default mapping and write what it yields."""
    upserts = MAPPING.evaluate(event)
    assert isinstance(upserts, tuple)
    assert not any(isinstance(upsert, Rejected) for upsert in upserts)
    return list(await setup.write(*(u for u in upserts if isinstance(u, Upsert))))


def identify(traits: dict[str, object], *external: ExternalId) -> Event:
    """An identify event."""
    return Event("identify", "m1", 1.0, traits, {}, {}, external, {"type": "identify"})


async def test_an_account_is_found_by_its_name_in_any_case_or_created() -> None:
    """Its id is remembered; custom fields of accounts by label, money in cents."""
    async with connected() as setup:
        setup.emulator.account_fields.add("Industry/Vertical")
        setup.emulator.account_fields.add("Annual Revenue", "currency")
        more = {"Industry/Vertical": "Retail", "Annual Revenue": "1000.10"}
        upsert = account("Acme", accountUrl="acme.io", **more)
        assert await setup.write(upsert) == [Delivered("created", "1", "account")]
        assert await setup.write(account("ACME", accountUrl=None)) == [
            Delivered("updated", "1", "account")
        ]
        [row] = setup.rows("accounts")
        assert (row["name"], row["accountUrl"]) == ("ACME", "")
        values = {row["customFieldId"]: row for row in setup.rows("accountCustomFieldData")}
        assert values["1"]["fieldValue"] == "Retail"
        assert (values["2"]["fieldValue"], values["2"]["fieldCurrency"]) == ("100010", "USD")
        assert setup.emulator.calls_by_route["GET /api/3/accounts"] == 1


def deal(title: str) -> Upsert:
    """A deal found by title."""
    properties = {"title": title, "value": 1, "contact": "a@x.io", "group": "Sales"}
    return Upsert("deal", Operation.UPSERT, properties, (Match("title", title),))


async def test_names_and_titles_are_compared_in_lower_case_not_folded() -> None:
    """`Straße` and `Strasse` are two companies, and two deals, as two match keys are."""
    async with connected() as setup:
        for make in (account, deal):
            kind = make("x").object_type
            for number, name in enumerate(("Straße", "Strasse"), 1):
                assert await setup.write(make(name)) == [Delivered("created", str(number), kind)]
                assert await setup.write(make(name.upper() if number == 2 else name)) == [
                    Delivered("updated", str(number), kind)
                ]


async def test_an_account_name_that_is_taken_becomes_an_update_of_that_account() -> None:
    """Also when the vendor's search did not find it."""
    async with connected() as setup:
        await setup.write(account("Acme"))
        outcome = await setup.write(new("account", name="Acme", accountUrl="a.io"))
        assert outcome == [Delivered("updated", "1", "account")]
        assert [row["accountUrl"] for row in setup.rows("accounts")] == ["a.io"]


def by_url(url: str, *names: str, **properties: object) -> Upsert:
    """An account found by the domain of its URL, else by name."""
    matches = (Match("accountUrl", url), *(Match("name", name) for name in names))
    return Upsert("account", Operation.UPSERT, properties, matches, required=frozenset({"name"}))


async def test_an_account_is_found_by_the_domain_of_its_url() -> None:
    """However the URL is spelled; all accounts are listed once, two pages of them (row C4)."""
    async with connected() as setup:
        for number in range(100):
            setup.emulator.accounts.insert({"name": f"A{number}", "accountUrl": ""})
        setup.emulator.accounts.insert({"name": "Acme", "accountUrl": "https://www.Acme.io/x"})
        for name in ("Acme Inc", "Acme Ltd"):
            assert await setup.write(by_url("acme.io", name, name=name)) == [
                Delivered("updated", "101", "account")
            ]
        assert setup.rows("accounts")[100]["name"] == "Acme Ltd"
        assert setup.emulator.calls_by_route["GET /api/3/accounts"] == 2


async def test_an_account_that_is_created_is_known_by_its_domain() -> None:
    """Without another listing, and by its new one when it gets another."""
    async with connected() as setup:
        made = by_url("acme.io", "Acme", name="Acme", accountUrl="acme.io")
        assert await setup.write(made) == [Delivered("created", "1", "account")]
        moved = by_url("www.acme.io", accountUrl="acme.com")
        assert await setup.write(moved) == [Delivered("updated", "1", "account")]
        assert await setup.write(by_url("acme.com", name="B")) == [
            Delivered("updated", "1", "account")
        ]
        assert await setup.write(by_url("acme.io", "C", name="C", accountUrl="acme.io")) == [
            Delivered("created", "2", "account")
        ]


async def test_an_unknown_domain_has_the_accounts_listed_again_after_a_while() -> None:
    """What others made is found; the listing is not repeated for every event."""
    async with connected() as setup:
        assert await setup.write(by_url("a.io", "A", name="A")) == [
            Delivered("created", "1", "account")
        ]
        setup.emulator.accounts.insert({"name": "Bee", "accountUrl": "b.io"})
        listed = setup.emulator.calls_by_route["GET /api/3/accounts"]
        await setup.write(by_url("c.io", "A", name="A"))
        assert setup.emulator.calls_by_route["GET /api/3/accounts"] == listed
        await setup.clock.sleep(RELOAD_SECONDS)
        assert await setup.write(by_url("b.io", "B", name="B")) == [
            Delivered("updated", "2", "account")
        ]


async def test_an_account_found_by_its_domain_is_not_given_another_s_name() -> None:
    """Names are unique: the rest is written, with a note."""
    async with connected() as setup:
        setup.emulator.accounts.insert({"name": "Acme", "accountUrl": ""})
        setup.emulator.accounts.insert({"name": "Acme Inc", "accountUrl": "acme.io"})
        upsert = by_url("acme.io", "Acme", name="Acme", accountUrl="https://acme.io")
        note = Note("dropped", "name", "another account has this name")
        assert await setup.write(upsert) == [Delivered("updated", "2", "account", (note,))]
        assert [(row["name"], row["accountUrl"]) for row in setup.rows("accounts")] == [
            ("Acme", ""), ("Acme Inc", "https://acme.io"),
        ]  # fmt: skip


async def test_several_accounts_of_one_domain_are_a_policy() -> None:
    """Refused with all ids, by default."""
    for policy, expected in (("refuse", None), ("first", "1"), ("newest", "2")):
        async with connected(several_matches=policy) as setup:
            for name in ("A", "B"):
                setup.emulator.accounts.insert({"name": name, "accountUrl": "a.io"})
            [outcome] = await setup.write(by_url("a.io", owner=1))
            if expected is None:
                assert isinstance(outcome, Rejected)
                assert outcome.reason is Reason.SEVERAL_MATCHES
                assert outcome.vendor == {"ids": ["1", "2"]}
            else:
                assert outcome == Delivered("updated", expected, "account")


async def test_an_account_of_a_domain_that_was_deleted_meanwhile_is_made_again() -> None:
    """The listing still had it."""
    async with connected() as setup:
        setup.emulator.accounts.insert({"name": "Acme", "accountUrl": "acme.io"})
        await setup.write(by_url("acme.io", owner=1))
        setup.emulator.store.remove("accounts", "1")
        assert await setup.write(by_url("acme.io", "Acme", name="Acme")) == [
            Delivered("created", "2", "account")
        ]


async def test_an_account_without_a_name_is_not_created() -> None:
    """Found by its domain it may do without one (row C6)."""
    async with connected() as setup:
        [outcome] = await setup.write(by_url("acme.io", owner=1))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.REQUIRED_FIELD_MISSING


async def test_accounts_are_not_listed_where_that_is_off() -> None:
    """Then the name is all that finds them."""
    async with connected(match_account_domains=False) as setup:
        setup.emulator.accounts.insert({"name": "Acme", "accountUrl": "acme.io"})
        assert await setup.write(by_url("acme.io", "Other", name="Other")) == [
            Delivered("created", "2", "account")
        ]


async def test_an_account_that_was_deleted_meanwhile_is_made_again() -> None:
    """The remembered id is looked up anew; by id it is a rejection."""
    async with connected() as setup:
        await setup.write(account("Acme"))
        setup.emulator.store.remove("accounts", "1")
        assert await setup.write(account("Acme", accountUrl="a.io")) == [
            Delivered("created", "2", "account")
        ]
        [gone] = await setup.write(record("account", "1", accountUrl="b.io"))
        assert isinstance(gone, Rejected)
        assert gone.reason is Reason.RECORD_NOT_FOUND


async def test_a_deal_is_made_in_cents_with_names_resolved() -> None:
    """Pipeline, stage, contact and account by name; status by word; then changed by id."""
    async with connected() as setup:
        setup.emulator.deal_fields.add("Source")
        deal = {
            "title": "Big",
            "value": 1234.56,
            "currency": "EUR",
            "group": "sales",
            "stage": "In Contact",
            "contact": "a@x.io",
            "account": "Acme",
            "status": "won",
            "Source": "ad",
        }
        assert await setup.write(new("deal", **deal)) == [Delivered("created", "1", "deal")]
        [row] = setup.rows("deals")
        wanted = {"value": "123456", "currency": "eur", "group": "1", "stage": "2", "status": "1"}
        assert {name: row[name] for name in wanted} == wanted
        assert (row["contact"], row["account"]) == ("1", "1")
        assert await setup.write(record("deal", "1", value=0)) == [
            Delivered("updated", "1", "deal")
        ]
        assert [row["value"] for row in setup.rows("deals")] == ["0"]
        cleared = record("deal", "1", value=None, owner="", description=None)
        [outcome] = await setup.write(cleared)
        assert isinstance(outcome, Delivered)
        assert [note.field for note in outcome.notes] == ["value", "owner"]
        [gone] = await setup.write(record("deal", "9", title="x"))
        assert isinstance(gone, Rejected)
        assert gone.reason is Reason.RECORD_NOT_FOUND


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"value": 19.999}, Reason.INVALID_VALUE),
        ({"value": "1,000"}, Reason.INVALID_VALUE),
        ({"value": None}, Reason.REQUIRED_FIELD_MISSING),
        ({"group": "Nowhere"}, Reason.INVALID_REFERENCE),
        ({"status": "maybe"}, Reason.INVALID_VALUE),
        ({"owner": "9" * 30}, Reason.INVALID_VALUE),
        ({"contact": ""}, Reason.REQUIRED_FIELD_MISSING),
    ],
)
async def test_a_deal_that_cannot_be_is_rejected_before_it_is_sent(
    wrong: dict[str, object], reason: Reason
) -> None:
    """Money is never rounded; nothing is guessed."""
    async with connected() as setup:
        deal = {"title": "D", "value": 1, "contact": "7", "group": "Sales", **wrong}
        [outcome] = await setup.write(new("deal", **deal))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is reason
        assert setup.emulator.calls_by_route["POST /api/3/deals"] == 0


async def test_a_deal_is_found_by_title_where_the_mapping_says_so() -> None:
    """Exactly that title, although the vendor's filter gives those that contain it."""
    async with connected() as setup:
        upsert = deal("Big")
        await setup.write(new("deal", **{**upsert.properties, "title": "Big deal"}))
        assert await setup.write(upsert) == [Delivered("created", "2", "deal")]
        assert await setup.write(upsert) == [Delivered("updated", "2", "deal")]


async def test_track_events_are_skipped_unless_the_setting_says_so() -> None:
    """Without a request."""
    async with connected() as setup:
        [outcome] = await setup.write(new("event", event="Signed Up", email="a@x.io"))
        assert isinstance(outcome, Skipped)
        assert setup.emulator.request_count == 0


async def test_a_track_event_is_sent_beside_the_api() -> None:
    """By the default mapping; a refusal in a 200 is a rejection."""
    async with connected(event_tracking=True) as setup:
        await setup.write(person("a@x.io"))
        event = Event(
            "track",
            "m1",
            1.0,
            {"email": "a@x.io"},
            {"value": 12},
            {},
            (),
            {"event": "Order Completed", "properties": {"value": 12}},
        )
        assert await deliver(setup, event) == [Delivered("created", "", "event")]
        assert setup.rows("trackedEvents") == [
            {"id": "1", "contact": "1", "event": "Order Completed", "eventdata": "12"}
        ]
        [outcome] = await setup.write(new("event", event="X", email="nobody@x.io"))
        assert isinstance(outcome, Rejected)
        assert outcome.vendor == {"status": 200, "message": "Contact not found"}
        assert (setup.emulator.api_calls, setup.emulator.tracking_count) == (1, 2)


async def test_an_identify_becomes_a_contact_with_its_customary_traits() -> None:
    """Aliases, full names, and custom fields of whatever else there is."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("Plan")
        setup.emulator.catalogue.add_field("Job Title")
        event = identify(
            {
                "email_address": "a@x.io",
                "name": "Zoë van Berg",
                "phone_number": "+1",
                "job_title": "CTO",
                "plan": "pro",
                "tags": ["vip"],
                "address": {"city": "Köln"},
            }
        )
        [outcome] = await deliver(setup, event)
        assert isinstance(outcome, Delivered)
        assert setup.contact("a@x.io") == {
            "email": "a@x.io",
            "firstName": "Zoë",
            "lastName": "van Berg",
            "phone": "+1",
            "Plan": "pro",
            "Job Title": "CTO",
        }
        assert [row["tag"] for row in setup.rows("tags")] == ["vip"]


async def test_external_ids_write_one_record_each() -> None:
    """A contact by id and a new deal from one event; an unknown object is rejected."""
    async with connected() as setup:
        await setup.write(person("a@x.io"))
        traits: dict[str, object] = {
            "firstName": "A", "title": "Deal", "amount": 5, "pipeline": "Sales", "contactId": "1",
        }  # fmt: skip
        outcomes = await deliver(
            setup,
            identify(
                traits,
                ExternalId("ActiveCampaign-Contact", "1", None),
                ExternalId("ActiveCampaign-deal", None, None),
                ExternalId("ActiveCampaign-ticket", None, None),
            ),
        )
        assert isinstance(outcomes[0], Delivered)
        assert outcomes[1] == Delivered("created", "1", "deal", outcomes[1].notes)  # type: ignore[attr-defined]
        assert isinstance(outcomes[2], Rejected)
        assert outcomes[2].reason is Reason.UNKNOWN_OBJECT
        assert setup.contact("a@x.io")["firstName"] == "A"


async def test_a_group_without_a_website_is_found_by_the_domain_of_the_address() -> None:
    """After the name, which is unique; never by a mail provider's (row C4)."""
    async with connected() as setup:
        setup.emulator.accounts.insert({"name": "Acme", "accountUrl": "acme.io"})
        for email, name in (("a@acme.io", "Acme Inc"), ("a@gmail.com", "Gee"), ("a@b.io", "Bee")):
            traits: dict[str, object] = {"name": name, "email": email}
            event = Event("group", "m1", 1.0, traits, {}, {}, (), {"type": "group"})
            [outcome] = await deliver(setup, event)
            assert isinstance(outcome, Delivered)
        assert [(row["name"], row.get("accountUrl", "")) for row in setup.rows("accounts")] == [
            ("Acme Inc", "acme.io"), ("Gee", ""), ("Bee", "b.io"),
        ]  # fmt: skip


async def test_a_group_becomes_an_account() -> None:
    """Found by its name."""
    async with connected() as setup:
        traits: dict[str, object] = {"name": "Acme", "website": "acme.io", "employees": 12}
        event = Event("group", "m1", 1.0, traits, {}, {}, (), {"type": "group"})
        [outcome] = await deliver(setup, event)
        assert isinstance(outcome, Delivered)
        assert [note.field for note in outcome.notes] == ["Number of Employees"]
        assert [row["accountUrl"] for row in setup.rows("accounts")] == ["acme.io"]
