"""Account Engagement prospects: found, created, assigned, and everything that hangs on them."""

from dataclasses import replace

import pytest

from tests.contract.account_engagement.business_unit import (
    PROSPECTS,
    UPSERT,
    by_crm_id,
    by_id,
    connected,
    people,
    person,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Skipped
from transformer.upsert import Match, Note, Operation, Upsert


def created(prospect_id: int, *notes: Note) -> Delivered:
    """Created, with notes."""
    return Delivered("created", str(prospect_id), "Prospect", notes)


def updated(prospect_id: int, *notes: Note) -> Delivered:
    """Updated, with notes."""
    return Delivered("updated", str(prospect_id), "Prospect", notes)


async def test_a_prospect_is_created_then_updated_by_one_request_each() -> None:
    """By its address in lower case, because another case would be another prospect."""
    async with connected() as setup:
        assert await setup.write_one(person("A@x.io", firstName="Zoë", phone="1")) == created(1)
        setup.clock.pass_seconds(5)
        assert await setup.write_one(person("a@X.io", firstName="伟")) == updated(1)
        assert setup.prospect(1, "email", "firstName", "phone", "userId") == {
            "email": "a@x.io",
            "firstName": "伟",
            "phone": "1",
            "userId": 1,
        }
        assert setup.calls(f"POST {UPSERT}") == 2


async def test_created_and_updated_are_told_apart_where_both_answer_201() -> None:
    """By the moments in the answer."""
    async with connected() as setup:
        setup.emulator.prospects.update_status = 201
        assert await setup.write_one(person("a@x.io")) == created(1)
        setup.clock.pass_seconds(5)
        assert await setup.write_one(person("a@x.io")) == updated(1)


@pytest.mark.parametrize(("assigns", "there"), [("new", True), ("always", False)])
async def test_a_thousand_identifies_take_at_most_1010_requests(
    assigns: str, *, there: bool
) -> None:
    """Issue 4 item 7: everything else is read once. Those whom nobody has cost one more each."""
    async with connected(settings={"connector_user_assigns": assigns}) as setup:
        setup.add_fields(Plan="Text")
        batch = people(1_000, Plan__c="pro")
        for upsert in batch if there else ():
            setup.emulator.prospects.add(str(upsert.properties["email"]), userId=1)
        limit = setup.destination.limits.batch_records
        for start in range(0, 1_000, limit):
            outcomes = await setup.write(*batch[start : start + limit])
            assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert setup.count == 1_000
        assert setup.emulator.api_calls <= 1_010


async def test_absent_null_empty_false_and_zero_stay_five_different_things() -> None:
    """As far as the wire is concerned: each arrives as it was sent."""
    async with connected() as setup:
        names = ("Kept", "Null", "Empty", "False", "Zero")
        setup.add_fields(**dict.fromkeys(names, "Text"))
        old = {f"{name}__c": "old" for name in names}
        await setup.write(person("a@x.io", lastName="B", **old))
        new = {"Null__c": None, "Empty__c": "", "False__c": False, "Zero__c": 0}
        await setup.write(person("a@x.io", lastName=None, **new))
        assert setup.prospect(1, "lastName", *old) == {"lastName": None, "Kept__c": "old", **new}


async def test_the_crm_id_comes_first_then_the_address() -> None:
    """P1: who is known by lead or contact is that prospect, whatever the address."""
    async with connected() as setup:
        setup.emulator.prospects.add("old@x.io", salesforceId="003A")
        setup.emulator.prospects.add("new@x.io")
        one = replace(
            by_crm_id("003A", email="moved@x.io", firstName="A"),
            matches=(Match("salesforceId", "003A"), Match("email", "moved@x.io")),
        )
        assert await setup.write_one(one) == updated(1)
        assert setup.prospect(1, "email", "firstName") == {"email": "moved@x.io", "firstName": "A"}
        assert await setup.write_one(by_crm_id("003B", email="new@x.io")) == updated(2)
        before = setup.emulator.api_calls
        third = replace(by_crm_id("003C", email="third@x.io"), on_create={"salesforceId": "003C"})
        assert await setup.write_one(third) == created(3)
        assert setup.emulator.api_calls == before + 3


async def test_a_crm_id_is_looked_up_once_and_anew_when_its_prospect_is_gone() -> None:
    """Remembered; a prospect that is gone is looked for again."""
    async with connected() as setup:
        row = setup.emulator.prospects.add("a@x.io", salesforceId="003A")
        for _ in range(3):
            assert await setup.write_one(by_crm_id("003A", firstName="A")) == updated(1)
        assert setup.calls(f"GET {PROSPECTS}") == 1
        setup.emulator.store.rows["prospects"].pop(row.id)
        outcome = await setup.write_one(by_crm_id("003A", firstName="A"))
        assert getattr(outcome, "reason", None) is Reason.REMATCH
        lost = await setup.write_one(by_crm_id("003A", firstName="A"))
        assert isinstance(lost, Rejected)
        assert lost.reason is Reason.REQUIRED_FIELD_MISSING


@pytest.mark.parametrize(("policy", "expected"), [("first", 2), ("newest", 3), ("refuse", 0)])
async def test_of_several_with_the_address_the_policy_chooses(policy: str, expected: int) -> None:
    """P1: the first found, which is the one with the latest activity, as the API says."""
    async with connected(several_per_email=True, settings={"several_matches": policy}) as setup:
        add = setup.emulator.prospects.add
        add("a@x.io", lastActivityAt="2026-01-01T00:00:00+00:00")
        add("a@x.io", lastActivityAt="2026-03-01T00:00:00+00:00")
        add("a@x.io", lastActivityAt="2026-02-01T00:00:00+00:00")
        outcome = await setup.write_one(person("a@x.io", firstName="A"))
        if expected:
            assert outcome == updated(expected)
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.SEVERAL_MATCHES
            assert outcome.vendor == {"ids": ["1", "2", "3"]}


async def test_a_lookup_of_several_chooses_as_an_upsert_does() -> None:
    """The one with the latest activity, also where nobody is assigned."""
    async with connected(several_per_email=True, settings={"connector_user": None}) as setup:
        for month in (1, 3, 2):
            moment = f"2026-0{month}-01T00:00:00+00:00"
            setup.emulator.prospects.add("a@x.io", lastActivityAt=moment)
        assert await setup.write_one(person("a@x.io", firstName="A")) == updated(2)


async def test_custom_fields_are_found_by_name_and_loose_spelling() -> None:
    """Lists go where several fit; the fields are read once."""
    async with connected() as setup:
        setup.add_fields(Plan_Name="Text", Colours="MultiSelect", Note="Text")
        upsert = person(
            "a@x.io",
            planName__c="pro",
            Colours__c=["red", "blue"],
            Note__c=["x"],
            createdAt="2020-01-01",
        )
        outcome = await setup.write_one(upsert)
        notes = (Note("not_a_scalar", "Note__c"), Note("read_only", "createdAt"))
        assert outcome == created(1, *notes)
        assert setup.prospect(1, "Plan_Name__c", "Colours__c", "Note__c") == {
            "Plan_Name__c": "pro",
            "Colours__c": ["red", "blue"],
        }
        await setup.write(person("b@x.io", plan_name__c="free"))
        assert setup.calls("GET /api/v5/objects/custom-fields") == 1


@pytest.mark.parametrize("policy", ["drop", "reject"])
async def test_unknown_fields_and_lists_are_dropped_or_rejected(policy: str) -> None:
    """As the setting says; nothing is written of what is rejected."""
    async with connected(settings={"unknown_fields": policy}) as setup:
        outcome = await setup.write_one(person("a@x.io", seats__c=3, lists="News"))
        if policy == "drop":
            notes = (Note("unknown_field", "seats__c"), Note("unknown_field", "list News"))
            assert outcome == created(1, *notes)
        else:
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.UNKNOWN_FIELD
            assert setup.count == 0


async def test_lists_and_tags_of_event_and_settings_are_joined_once() -> None:
    """A member already is fine (code 58); who opted out stays so; a tag is made when missing."""
    async with connected(settings={"lists": "All", "tags": "events"}) as setup:
        everybody = setup.emulator.objects.add("lists", name="All", isDynamic=False).number
        news = setup.emulator.objects.add("lists", name="News", isDynamic=False).number
        setup.emulator.prospects.add("a@x.io")
        setup.emulator.objects.add("list-memberships", listId=news, prospectId=1, optedOut=True)
        for _ in range(2):
            upsert = person("a@x.io", lists="news", tags="vip||events")
            assert await setup.write_one(upsert) == updated(1)
        rows = setup.emulator.store.rows["list-memberships"].values()
        members = {(row.get("listId"), row.get("optedOut")) for row in rows}
        assert members == {(news, True), (everybody, None)}
        tags = [row.get("name") for row in setup.emulator.store.rows["tags"].values()]
        assert sorted(map(str, tags)) == ["events", "vip"]
        assert len(setup.emulator.store.rows["tagged-objects"]) == 2
        assert setup.calls("POST /api/v5/objects/list-memberships") == 2


async def test_a_list_is_found_on_a_later_page_and_a_dynamic_one_is_left_alone() -> None:
    """Dynamic lists choose their members themselves."""
    async with connected() as setup:
        for number in range(1_001):
            setup.emulator.objects.add("lists", name=f"L{number}", isDynamic=number == 0)
        outcome = await setup.write_one(person("a@x.io", lists="L0, L1000"))
        assert outcome == created(1, Note("unknown_field", "list L0"))
        assert setup.calls("GET /api/v5/objects/lists") == 2
        members = setup.emulator.store.rows["list-memberships"].values()
        assert [row.get("listId") for row in members] == [1_001]


async def test_an_update_with_nothing_to_say_is_not_sent() -> None:
    """Skipped, with the id."""
    async with connected() as setup:
        setup.emulator.prospects.add("a@x.io")
        outcome = await setup.write_one(by_id(1, seats__c=1))
        assert outcome == Skipped(Reason.NOTHING_TO_WRITE, record_id="1")
        assert setup.calls(f"PATCH {PROSPECTS}/{{id}}") == 0


async def test_a_deleted_prospect_comes_back_by_address_and_is_refused_by_id() -> None:
    """The recycle bin has an outcome of its own."""
    async with connected(several_per_email=True) as setup:
        setup.emulator.prospects.add("a@x.io", isDeleted=True)
        outcome = await setup.write_one(by_id(1, firstName="A"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.RECORD_DELETED
        assert await setup.write_one(person("a@x.io")) == updated(1)
        assert setup.prospect(1, "isDeleted") == {"isDeleted": False}


async def test_without_restoring_another_prospect_is_made() -> None:
    """The setting restore_deleted off, where an address may be several prospects'."""
    async with connected(several_per_email=True, settings={"restore_deleted": False}) as setup:
        setup.emulator.prospects.add("a@x.io", isDeleted=True)
        assert await setup.write_one(person("a@x.io")) == created(2)


async def test_an_id_that_is_not_there_is_rejected() -> None:
    """With the vendor's error."""
    async with connected() as setup:
        outcome = await setup.write_one(by_id(99, firstName="A"))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor["code"]) == (Reason.RECORD_NOT_FOUND, 109)


async def test_a_create_of_a_known_address_becomes_an_update_of_it() -> None:
    """Code 9 is no failure; sent again it makes no second one, even where that is allowed."""
    new = Upsert("Prospect", Operation.CREATE, {"email": "A@x.io", "firstName": "A"})
    async with connected() as setup:
        setup.emulator.prospects.add("a@x.io")
        assert await setup.write_one(new) == updated(1)
    async with connected(several_per_email=True) as setup:
        assert await setup.write_one(new) == created(1)
        setup.clock.pass_seconds(5)
        assert await setup.write_one(new) == created(2)
        assert await setup.write_one(replace(new, repeated=True)) == updated(1)
        assert setup.count == 2


async def test_create_or_update_alone_look_first() -> None:
    """What the mapping switches off is skipped."""
    async with connected() as setup:
        only_new = replace(person("a@x.io", firstName="A"), operation=Operation.CREATE)
        only_old = replace(person("b@x.io", firstName="B"), operation=Operation.UPDATE)
        assert await setup.write(only_new, only_old) == [
            created(1),
            Skipped(Reason.CREATE_DISABLED),
        ]
        assert await setup.write_one(only_new) == Skipped(Reason.UPDATE_DISABLED, record_id="1")
        assert await setup.write_one(replace(only_new, repeated=True)) == created(1)


async def test_defaults_of_new_prospects_and_fill_respect_what_is_there() -> None:
    """on_create only for new ones; fill only where there is nothing."""
    async with connected() as setup:
        setup.add_fields(Source_Detail="Text")
        upsert = replace(
            person("a@x.io", firstName="A", sourceDetail__c="ad"),
            on_create={"lastName": "n/a"},
            fill=frozenset({"firstName", "sourceDetail__c", "phone"}),
        )
        assert await setup.write_one(upsert) == created(1)
        more = {"firstName": "Z", "sourceDetail__c": "seo", "phone": "1", "email": "a@x.io"}
        assert await setup.write_one(replace(upsert, properties=more)) == updated(1)
        assert setup.prospect(1, "firstName", "lastName", "Source_Detail__c", "phone") == {
            "firstName": "A",
            "lastName": "n/a",
            "Source_Detail__c": "ad",
            "phone": "1",
        }


async def test_a_stale_read_does_not_hide_a_prospect_just_written() -> None:
    """Reads lag by a minute: what this worker wrote it remembers."""
    async with connected(settings={"several_matches": "refuse"}) as setup:
        setup.emulator.script(Fault("stale_reads", path=PROSPECTS, seconds=60))
        only_new = replace(person("a@x.io"), operation=Operation.CREATE)
        assert await setup.write_one(only_new) == created(1)
        assert await setup.write_one(only_new) == Skipped(Reason.UPDATE_DISABLED, record_id="1")


async def test_one_refused_prospect_does_not_keep_the_others_back() -> None:
    """Each has its own outcome, in order."""
    async with connected() as setup:
        outcomes = await setup.write(
            person("a@x.io"), person("no address"), person("c@x.io", score="many")
        )
        assert outcomes[0] == created(1)
        assert [(o.reason, o.vendor["code"]) for o in outcomes if isinstance(o, Rejected)] == [
            (Reason.INVALID_VALUE, 4),
            (Reason.INVALID_VALUE, 56),
        ]


async def test_two_upserts_of_one_prospect_in_a_batch_go_in_order() -> None:
    """Invariant 4: by CRM id and by address, while others go beside them."""
    async with connected() as setup:
        setup.emulator.prospects.add("p0@example.com", salesforceId="003A")
        setup.emulator.script(Fault("delay", path=PROSPECTS, method="GET", seconds=5))
        first = by_crm_id("003A", email="p0@example.com", firstName="older")
        outcomes = await setup.write(first, *people(6))
        assert all(isinstance(outcome, Delivered) for outcome in outcomes)
        assert setup.prospect(1, "firstName") == {"firstName": "P0"}


async def test_a_match_key_that_finds_no_prospect_is_refused() -> None:
    """The API filters by id, CRM id and address only."""
    async with connected() as setup:
        upsert = replace(person("a@x.io"), matches=(Match("Customer_No__c", "7"),))
        outcome = await setup.write_one(upsert)
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.MATCH_KEY_INVALID
