"""How values reach Pipedrive: custom fields by name, formats by field type, nothing made up."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from tests.contract.pipedrive.company import (
    Connected,
    connected,
    group,
    identify,
    new,
    notes_of,
    summary,
)
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered, Reason, Rejected, Retry

PLANS = ["Free", "Pro Plan", "Enterprise"]


def sent(to: Connected, kind: str = "persons") -> Mapping[str, Any]:
    """The body of the last write of the last record."""
    return [*to.company.store.all(kind)][-1].history[-1].body


async def stored(to: Connected, field_type: str, value: object) -> object:
    """What a custom field of a type ends up with."""
    options = PLANS if field_type in {"enum", "set"} else []
    field = to.company.schema.add("persons", f"My {field_type}", field_type, options)
    outcome = await to.one(identify(**{f"my_{field_type}": value}))
    assert summary(outcome) in {"created", "updated"}, outcome
    custom: Mapping[str, object] = sent(to)["custom_fields"]
    return custom[field.code]


@pytest.mark.parametrize(
    ("field_type", "value", "formatted"),
    [
        ("varchar", 7, "7"),
        ("varchar", True, "true"),
        ("varchar", "00123", "00123"),
        ("text", "a\nb", "a\nb"),
        ("double", "12.50", 12.5),
        ("double", 0, 0),
        ("double", False, 0),
        ("phone", "+49 30", "+49 30"),
        ("date", "2026-11-22T23:30:00+02:00", "2026-11-22"),
        ("date", 1795305600, "2026-11-22"),
        ("daterange", "2026-01-01/2026-02-01", {"value": "2026-01-01", "until": "2026-02-01"}),
        ("daterange", {"start": "2026-01-01", "end": "2026-02-01"},
         {"value": "2026-01-01", "until": "2026-02-01"}),
        ("time", "9:30", {"value": "09:30:00"}),
        ("timerange", ["09:00", "11:00:30"], {"value": "09:00:00", "until": "11:00:30"}),
        ("enum", "pro plan", 2),
        ("enum", "Pro_Plan", 2),
        ("enum", 3, 3),
        ("set", ["Free", "enterprise"], [1, 3]),
        ("set", "Free; Pro Plan", [1, 2]),
        ("set", [], None),
        ("monetary", 5, {"value": 5, "currency": "EUR"}),
        ("monetary", {"amount": "5.5", "currency": "usd"}, {"value": 5.5, "currency": "USD"}),
        ("address", "Main St 1, Berlin", {"value": "Main St 1, Berlin"}),
        ("address", {"street": "Main St 1", "city": "Berlin", "country": "DE"},
         {"value": "Main St 1, Berlin, DE"}),
        ("user", "2", 2),
    ],
)  # fmt: skip
async def test_a_custom_value_is_formatted_by_its_field_s_type(
    field_type: str, value: object, formatted: object
) -> None:
    """Found by name whatever its spelling, sent under its hash, never guessed from the value."""
    async with connected({"currency": "EUR"}) as to:
        assert await stored(to, field_type, value) == formatted


@pytest.mark.parametrize(
    ("field_type", "value", "reason"),
    [
        ("double", "about 5", Reason.INVALID_VALUE),
        ("date", "soon", Reason.INVALID_VALUE),
        ("time", "25:00", Reason.INVALID_VALUE),
        ("daterange", "2026-01-01", Reason.INVALID_VALUE),
        ("varchar", "x" * 256, Reason.VALUE_TOO_LONG),
        ("enum", "Gold", Reason.INVALID_VALUE),
        ("user", "somebody", Reason.INVALID_VALUE),
    ],
)
async def test_a_value_that_its_field_cannot_take_is_rejected_before_it_is_sent(
    field_type: str, value: object, reason: Reason
) -> None:
    """Naming the field, with invalid_values: reject; what is too long is so in any case."""
    settings = {"invalid_values": "drop" if reason is Reason.VALUE_TOO_LONG else "reject"}
    async with connected(settings) as to:
        to.company.schema.add("persons", "Mine", field_type, PLANS if field_type == "enum" else [])
        outcome = await to.one(identify(Mine=value))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor["fields"]) == (reason, ["Mine"])
        assert to.route_calls("POST") == 0


async def test_ids_of_options_that_come_as_texts_are_those_numbers() -> None:
    """The fields API may answer either; records have numbers."""
    async with connected() as to:
        code = "c" * 40
        tier = {
            "field_name": "Tier", "field_code": code, "field_type": "enum", "is_custom_field": True,
            "options": [{"id": "11", "label": "Gold"}, {"id": None, "label": "x"}, None],
        }  # fmt: skip
        text = orjson.dumps({"success": True, "data": [tier], "additional_data": None}).decode()
        to.company.script(Fault("status", path="*/personFields", status=200, text=text))
        await to.write(identify(tier="gold"))
        (call,) = [each for each in to.company.requests if each["method"] == "POST"]
        assert orjson.loads(str(call["body"]))["custom_fields"] == {code: 11}


async def test_a_value_that_its_field_cannot_take_is_dropped_by_default() -> None:
    """One odd number loses nobody; the result names it."""
    async with connected() as to:
        to.company.schema.add("persons", "Mine", "double")
        outcome = await to.one(identify(Mine="about 5"))
        assert isinstance(outcome, Delivered)
        assert [(note.code, note.field) for note in outcome.notes] == [("dropped", "Mine")]


async def test_absent_null_empty_false_and_zero_stay_five_different_things() -> None:
    """As far as Pipedrive can tell them apart: a number has no empty text, null clears both."""
    async with connected() as to:
        codes = {
            name: to.company.schema.add("persons", name, kind).code
            for name, kind in [("a", "varchar"), ("b", "varchar"), ("c", "varchar"),
                               ("d", "double"), ("e", "double"), ("f", "varchar")]
        }  # fmt: skip
        await to.one(identify(a=None, b="", c=False, d=0, e=""))
        assert sent(to)["custom_fields"] == {
            codes["a"]: None, codes["b"]: "", codes["c"]: "false", codes["d"]: 0, codes["e"]: None,
        }  # fmt: skip


async def test_null_clears_standard_fields_where_pipedrive_lets_it() -> None:
    """A field that is not nullable gets an empty text, or is left alone and named."""
    async with connected() as to:
        await to.one(group("Acme", website="https://acme.example", owner_id=2))
        outcome = await to.one(group("Acme", website=None, owner_id=None, label_ids=None))
        assert sent(to, "organizations") == {"name": "Acme", "website": None, "label_ids": []}
        assert notes_of(outcome) == {("dropped", "owner_id")}
        await to.one(identify(job_title="CTO", birthday="1990-01-02"))
        outcome = await to.one(identify(job_title=None, birthday=None, phone=None, name=" "))
        assert sent(to) == {"job_title": ""}
        assert notes_of(outcome) == {
            ("dropped", "birthday"),
            ("dropped", "phone"),
            ("dropped", "name"),
        }


async def test_what_pipedrive_writes_itself_is_left_out_and_named() -> None:
    """Ids, times of its own, and the parts of a name that it derives."""
    async with connected() as to:
        outcome = await to.one(identify(id=7, update_time="2026-01-01", custom_fields={"x": 1}))
        assert notes_of(outcome) == {
            ("read_only", "id"), ("read_only", "update_time"), ("read_only", "custom_fields"),
        }  # fmt: skip
        assert set(sent(to)) == {"name", "emails"}


async def test_what_can_only_be_set_on_create_is_left_out_of_an_update() -> None:
    """The time a person was added."""
    async with connected() as to:
        await to.one(identify(add_time="2026-01-01"))
        assert to.only("persons")["add_time"] == "2026-01-01T00:00:00Z"
        outcome = await to.one(identify(add_time="2026-02-01"))
        assert notes_of(outcome) == {("read_only", "add_time")}


async def test_fields_of_contact_sync_are_left_out_where_the_company_has_none() -> None:
    """job_title and its like exist only where contact sync was set up."""
    async with connected(features=()) as to:
        outcome = await to.one(identify(job_title="CTO", address={"city": "Berlin"}))
        assert notes_of(outcome) == {("unknown_field", "job_title"), ("unknown_field", "address")}
    async with connected() as to:
        await to.one(identify(job_title="CTO", address={"city": "Berlin"}))
        assert to.only("persons")["postal_address"] == {"value": "Berlin"}


async def test_a_trait_without_a_field_is_dropped_and_named() -> None:
    """unknown_fields: drop, the default; a list where a text belongs too."""
    async with connected() as to:
        to.company.schema.add("persons", "Tags", "varchar")
        outcome = await to.one(identify(plan="pro", Tags=["a", "b"]))
        assert notes_of(outcome) == {("unknown_field", "plan"), ("not_a_scalar", "Tags")}


async def test_a_trait_without_a_field_rejects_where_that_is_the_setting() -> None:
    """unknown_fields: reject."""
    async with connected({"unknown_fields": "reject"}) as to:
        outcome = await to.one(identify(plan="pro"))
        assert isinstance(outcome, Rejected)
        assert (outcome.reason, outcome.vendor) == (Reason.UNKNOWN_FIELD, {"fields": ["plan"]})


async def test_a_trait_without_a_field_gets_one_where_that_is_the_setting() -> None:
    """unknown_fields: create: once, however many people bring it at once; type by JSON type."""
    async with connected({"unknown_fields": "create"}) as to:
        people = [
            identify(f"p{n}@x.io", plan="pro", score=n, odd=[1], none=None) for n in range(10)
        ]
        assert {summary(o) for o in await to.write(*people)} == {"created"}
        made = {one.name: one.field_type for one in to.company.schema.custom("persons").values()}
        assert made == {"plan": "text", "score": "double"}
        assert all(len(person["custom_fields"]) == 2 for person in to.records("persons"))


async def test_a_field_whose_creation_was_not_answered_is_not_made_twice() -> None:
    """The fields are listed before one is created."""
    async with connected({"unknown_fields": "create"}) as to:
        to.company.script(Fault("reset_after", method="POST", path="*/personFields", count=1))
        outcomes = await to.settle(identify("a@x.io", plan="pro"), identify("b@x.io"))
        assert {summary(o) for o in outcomes} == {"created"}
        assert len(to.company.schema.custom("persons")) == 1


async def test_two_fields_of_almost_one_name_are_not_confused() -> None:
    """Only the exact name will do then."""
    async with connected() as to:
        first = to.company.schema.add("persons", "Lead score", "double")
        to.company.schema.add("persons", "lead_score", "varchar")
        outcome = await to.one(identify(**{"Lead score": 5, "leadScore": 6}))
        assert sent(to)["custom_fields"] == {first.code: 5}
        assert notes_of(outcome) == {("unknown_field", "leadScore")}


async def test_fields_that_changed_meanwhile_are_fetched_anew() -> None:
    """A field deleted in Pipedrive does not reject every event for an hour."""
    async with connected() as to:
        old = to.company.schema.add("persons", "Plan", "varchar")
        await to.one(identify(plan="pro"))
        to.company.schema.delete("persons", old.code)
        fresh = to.company.schema.add("persons", "Plan", "varchar")
        to.clock.pass_seconds(120.0)
        outcome = await to.one(identify(plan="free"))
        assert isinstance(outcome, Retry)
        assert outcome.reason is Reason.UNKNOWN_FIELD
        assert summary(await to.one(identify(plan="free"))) == "updated"
        assert sent(to)["custom_fields"] == {fresh.code: "free"}


async def test_a_bad_value_is_not_taken_for_a_changed_field_twice() -> None:
    """The second refusal is final."""
    async with connected() as to:
        to.company.schema.add("persons", "Boss", "people")
        await to.one(identify(Boss=None))
        to.clock.pass_seconds(120.0)
        outcomes = await to.settle(identify(Boss=99))
        assert summary(outcomes[0]) == "invalid_value"


async def test_the_user_s_own_currency_is_asked_for_once() -> None:
    """Where neither the event nor the settings have one."""
    async with connected() as to:
        to.company.schema.add("persons", "Budget", "monetary")
        await to.write(*(identify(f"p{n}@x.io", budget=5) for n in range(3)))
        assert to.route_calls("users/me") <= 3
        await to.write(*(identify(f"p{n}@x.io", budget=6) for n in range(3)))
        calls = to.route_calls("users/me")
        await to.write(*(identify(f"p{n}@x.io", budget=7) for n in range(3)))
        assert to.route_calls("users/me") == calls


async def test_a_lead_has_the_custom_fields_of_deals_as_v1_takes_them() -> None:
    """At the root of the body, with keys of their own for currency and end."""
    async with connected({"currency": "EUR"}) as to:
        money = to.company.schema.add("deals", "Budget", "monetary").code
        span = to.company.schema.add("deals", "Span", "daterange").code
        many = to.company.schema.add("deals", "Kinds", "set", PLANS).code
        await to.one(group("Acme"))
        values = {"Budget": 5, "Span": "2026-01-01/2026-02-01", "Kinds": ["Free", "Enterprise"]}
        await to.one(new("leads", title="L", org_id=1, **values))
        assert sent(to, "leads") == {
            "title": "L",
            "organization_id": 1,
            money: 5,
            f"{money}_currency": "EUR",
            span: "2026-01-01",
            f"{span}_until": "2026-02-01",
            many: "1,3",
        }
