"""ActiveCampaign contacts one by one: fields, tags, lists, accounts, and what is looked up."""

from dataclasses import replace

import pytest

from tests.contract.activecampaign.account import connected, new, person, record
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Skipped
from transformer.upsert import Match, Note, Operation, Upsert


def created(record_id: str, *notes: Note, kind: str = "contact") -> Delivered:
    """Created, with notes."""
    return Delivered("created", record_id, kind, notes)


def updated(record_id: str, *notes: Note, kind: str = "contact") -> Delivered:
    """Updated, with notes."""
    return Delivered("updated", record_id, kind, notes)


async def test_a_contact_is_created_then_updated_by_one_request_each() -> None:
    """Both documented success shapes of sync; nothing is looked up."""
    async with connected() as setup:
        assert await setup.write(person("a@x.io", firstName="Zoë", phone="1")) == [created("1")]
        assert await setup.write(person("A@x.io", firstName="伟")) == [updated("1")]
        assert setup.contact("a@x.io") == {"email": "a@x.io", "firstName": "伟", "phone": "1"}
        assert setup.emulator.api_calls == 2


async def test_absent_null_empty_false_and_zero_reach_the_wire_as_they_are() -> None:
    """Null and "" both clear, because the API knows text alone; 0 and false are no emptiness."""
    async with connected() as setup:
        for title in ("Kept", "Null", "Empty", "False", "Zero", "Half"):
            setup.emulator.catalogue.add_field(title)
        values = dict.fromkeys(("Kept", "Null", "Empty", "False", "Zero", "Half"), "old")
        await setup.write(person("a@x.io", firstName="A", lastName="B", **values))
        later = {"Null": None, "Empty": "", "False": False, "Zero": 0, "Half": 0.5}
        await setup.write(person("a@x.io", lastName=None, **later))
        assert setup.contact("a@x.io") == {
            "email": "a@x.io",
            "firstName": "A",
            "lastName": "",
            "Kept": "old",
            "Null": "",
            "Empty": "",
            "False": "false",
            "Zero": "0",
            "Half": "0.5",
        }


async def test_custom_fields_are_found_by_title_tag_and_loose_spelling_with_one_request() -> None:
    """The list is read once; a list goes into a field that takes several."""
    async with connected() as setup:
        add = setup.emulator.catalogue.add_field
        add("Plan name", perstag="PLAN")
        add("Last seen")
        add("Colours", "listbox")
        add("Note")
        upsert = person(
            "a@x.io", **{"%PLAN%": "pro", "lastSeen": "now", "colours": ["red", "blue"]}, Note=["x"]
        )
        note = Note("not_a_scalar", "Note", "the field is of type text")
        assert await setup.write(upsert) == [created("1", note)]
        await setup.write(person("b@x.io", plan="free"))
        assert setup.contact("a@x.io") == {
            "email": "a@x.io",
            "Plan name": "pro",
            "Last seen": "now",
            "Colours": "||red||blue||",
        }
        assert setup.emulator.calls_by_route["GET /api/3/fields"] == 1


@pytest.mark.parametrize("policy", ["drop", "reject", "create"])
async def test_unknown_fields_are_dropped_rejected_or_created(policy: str) -> None:
    """As the setting says; a created one is related to all lists, so that people see it."""
    async with connected(unknown_fields=policy) as setup:
        [outcome] = await setup.write(person("a@x.io", seats=3))
        if policy == "drop":
            assert outcome == created("1", Note("unknown_field", "seats"))
        elif policy == "reject":
            assert isinstance(outcome, Rejected)
            assert outcome.reason is Reason.UNKNOWN_FIELD
            assert setup.rows("contacts") == []
        else:
            assert outcome == created("1")
            assert setup.contact("a@x.io") == {"email": "a@x.io", "seats": "3"}
            assert [row["relid"] for row in setup.rows("fieldRels")] == ["0"]


async def test_tags_are_found_or_made_once_and_attached() -> None:
    """By exact name, although the vendor's search gives everything that contains it."""
    async with connected() as setup:
        setup.emulator.catalogue.tag("vip gold")
        await setup.write(person("a@x.io", tags="vip||new"), person("b@x.io", tags=["vip"]))
        names = {str(row["id"]): row["tag"] for row in setup.rows("tags")}
        assert list(names.values()) == ["vip gold", "vip", "new"]
        attached = {(row["contact"], names[str(row["tag"])]) for row in setup.rows("contactTags")}
        assert len(attached) == 3
        assert setup.emulator.calls_by_route["POST /api/3/tags"] == 2


async def test_who_left_a_list_is_not_subscribed_again_and_the_result_says_so() -> None:
    """New ones are; nothing is asked for those who are subscribed already."""
    async with connected() as setup:
        news = setup.emulator.catalogue.add_list("News").id
        await setup.write(person("a@x.io", lists="news"))
        setup.emulator.catalogue.set_subscription("1", news, "2", "0")
        [outcome] = await setup.write(person("a@x.io", lists="News"))
        assert isinstance(outcome, Delivered)
        assert [(note.code, note.field) for note in outcome.notes] == [("dropped", "lists")]
        assert [row["status"] for row in setup.rows("contactLists")] == ["2"]
        assert setup.emulator.calls_by_route["POST /api/3/contactLists"] == 1


@pytest.mark.parametrize(("consent", "status"), [(True, "1"), ("yes", "1"), (False, "2")])
async def test_fresh_consent_in_the_event_subscribes_again(consent: object, status: str) -> None:
    """Only when it plainly says so."""
    async with connected() as setup:
        setup.emulator.catalogue.add_list("News")
        await setup.write(person("a@x.io"))
        setup.emulator.catalogue.set_subscription("1", "1", "2", "0")
        await setup.write(person("a@x.io", lists=["News"], consent=consent))
        assert [row["status"] for row in setup.rows("contactLists")] == [status]


async def test_a_contact_leaves_a_list_and_an_unknown_list_is_noted() -> None:
    """Leaving needs nobody's consent."""
    async with connected() as setup:
        setup.emulator.catalogue.add_list("News")
        await setup.write(person("a@x.io", lists="News"))
        [outcome] = await setup.write(person("a@x.io", unsubscribe="News", lists="Nope"))
        assert isinstance(outcome, Delivered)
        assert [note.code for note in outcome.notes] == ["dropped"]
        assert [row["status"] for row in setup.rows("contactLists")] == ["2"]


async def test_a_contact_is_joined_to_its_account_and_moves_with_its_company() -> None:
    """One account for a contact; the account is made once; the job title is the link's."""
    async with connected(link_accounts=True) as setup:
        await setup.write(
            person("a@x.io", account="Acme", jobTitle="CTO"), person("b@x.io", account="ACME")
        )
        assert [row["name"] for row in setup.rows("accounts")] in (["Acme"], ["ACME"])
        await setup.write(person("a@x.io", account="Beta"))
        by_contact = {row["contact"]: row["account"] for row in setup.rows("accountContacts")}
        assert sorted(by_contact.values(), key=str) == ["1", "2"]
        await setup.write(person("a@x.io", account="Beta", jobTitle="CEO"))
        assert "CEO" in [row["jobTitle"] for row in setup.rows("accountContacts")]


async def test_without_link_accounts_a_company_costs_nothing_and_is_noted() -> None:
    """One request for one contact."""
    async with connected() as setup:
        note = Note("dropped", "account", "link_accounts is off")
        assert await setup.write(person("a@x.io", account="Acme")) == [created("1", note)]
        assert setup.emulator.api_calls == 1


async def test_an_update_by_id_changes_that_contact_and_only_if_it_is_there() -> None:
    """A deleted one is a rejection with its reason."""
    async with connected() as setup:
        await setup.write(person("a@x.io"))
        assert await setup.write(record("contact", "1", email="new@x.io", lastName="Ü")) == [
            updated("1")
        ]
        assert setup.contact("new@x.io") == {"email": "new@x.io", "lastName": "Ü"}
        [outcome] = await setup.write(record("contact", "9", lastName="x"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.RECORD_NOT_FOUND


async def test_an_address_that_another_contact_has_is_a_duplicate_value() -> None:
    """The vendor's error goes into the dead letter."""
    async with connected() as setup:
        await setup.write(person("a@x.io"), person("b@x.io"))
        other = setup.emulator.contacts.by_email("b@x.io")
        assert other is not None
        [outcome] = await setup.write(record("contact", other.id, email="a@x.io"))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor["code"]) == (Reason.DUPLICATE_VALUE, "duplicate")


async def test_a_new_contact_that_is_there_already_is_updated() -> None:
    """There already: that contact is updated."""
    async with connected() as setup:
        await setup.write(person("a@x.io", firstName="A"))
        assert await setup.write(new("contact", email="a@x.io", lastName="B")) == [updated("1")]
        assert setup.contact("a@x.io") == {"email": "a@x.io", "firstName": "A", "lastName": "B"}
        [outcome] = await setup.write(new("contact", firstName="Nobody"))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.REQUIRED_FIELD_MISSING


async def test_with_update_or_create_off_the_other_is_skipped() -> None:
    """Without writing anything."""
    async with connected() as setup:
        update = replace(person("a@x.io", firstName="A"), operation=Operation.UPDATE)
        assert await setup.write(update) == [Skipped(Reason.CREATE_DISABLED)]
        create = replace(update, operation=Operation.CREATE)
        assert await setup.write(create) == [created("1")]
        assert await setup.write(create) == [Skipped(Reason.UPDATE_DISABLED, record_id="1")]
        assert await setup.write(replace(create, repeated=True)) == [created("1")]
        assert await setup.write(update) == [updated("1")]


async def test_defaults_and_fill_need_a_look_at_what_is_there() -> None:
    """On create the default; later neither default nor a filled value is written."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("Source")
        upsert = replace(
            person("a@x.io", firstName="A", Source="ad"),
            on_create={"lastName": "n/a"},
            fill=frozenset({"firstName", "Source"}),
        )
        assert await setup.write(upsert) == [created("1")]
        changed = replace(upsert, properties={"email": "a@x.io", "firstName": "Z", "Source": "seo"})
        assert await setup.write(changed) == [updated("1")]
        assert setup.contact("a@x.io") == {
            "email": "a@x.io",
            "firstName": "A",
            "lastName": "n/a",
            "Source": "ad",
        }


async def test_a_contact_is_found_by_email_then_phone_then_custom_field() -> None:
    """The first key with a hit decides; several hits are the policy's matter."""
    async with connected() as setup:
        setup.emulator.catalogue.add_field("Customer no")
        await setup.write(person("a@x.io", phone="+1 555", **{"Customer no": "C7"}))
        by_phone = Upsert(
            "contact",
            Operation.UPSERT,
            {"email": "moved@x.io"},
            (Match("email", "moved@x.io"), Match("phone", "+1 555")),
        )
        assert await setup.write(by_phone) == [updated("1")]
        by_number = Upsert(
            "contact", Operation.UPSERT, {"firstName": "F"}, (Match("Customer no", "c7"),)
        )
        assert await setup.write(by_number) == [updated("1")]
        await setup.write(person("b@x.io", phone="+1 555"))
        [outcome] = await setup.write(replace(by_phone, matches=(Match("phone", "+1 555"),)))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor["ids"]) == (Reason.SEVERAL_MATCHES, ["1", "2"])


async def test_one_refused_contact_does_not_keep_the_others_back() -> None:
    """Each has its own outcome, in order."""
    async with connected() as setup:
        setup.emulator.blocked.add("b@x.io")
        outcomes = await setup.write(person("a@x.io"), person("b@x.io"), person("c@x.io"))
        assert isinstance(outcomes[0], Delivered)
        assert isinstance(outcomes[2], Delivered)
        refused = outcomes[1]
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.INVALID_VALUE
        assert refused.vendor["code"] == "field_invalid"


async def test_a_resource_without_permission_rejects_what_needs_it_alone() -> None:
    """403 for lists is not a wrong key: the contact without lists is delivered."""
    async with connected() as setup:
        setup.emulator.forbidden.add("lists")
        outcomes = await setup.write(person("a@x.io"), person("b@x.io", lists="News"))
        assert isinstance(outcomes[0], Delivered)
        refused = outcomes[1]
        assert isinstance(refused, Rejected)
        assert refused.reason is Reason.ACCESS_DENIED


async def test_a_sporadic_403_is_tried_once_more() -> None:
    """The vendor gives them without a reason."""
    async with connected() as setup:
        setup.emulator.script(Fault("status", status=403, text="{}", count=1))
        assert await setup.write(person("a@x.io")) == [created("1")]
