"""What the fields of each CRM take, by their types and options, as the checks compare them.

Salesforce's are in `salesforce/test_check.py`.
"""

import pytest

from destinations.account_engagement import fields as engagement
from destinations.account_engagement.slots import slot_of as engagement_slot
from destinations.activecampaign.fields import Field as CampaignField
from destinations.activecampaign.slots import own_slot
from destinations.activecampaign.slots import slot_of as campaign_slot
from destinations.hubspot.schema import Property
from destinations.hubspot.slots import slot_of as hubspot_slot
from destinations.pipedrive.fields import Field as PipedriveField
from destinations.pipedrive.fields import Schema
from destinations.pipedrive.objects import DEALS, PERSONS
from destinations.pipedrive.slots import slot_of as pipedrive_slot
from transformer.kit.fit import Slot, misfits
from transformer.upsert import FieldUse, Scalar, ValueKind

YES_NO = {"true": "true", "false": "false"}


def hubspot(type_: str, field_type: str = "", **options: str) -> Slot:
    """A HubSpot property of a type, with options where it has some."""
    prop = Property("x", type_, field_type, options=options or None)
    return hubspot_slot("contacts", prop)


def pipedrive(type_: str, **options: int) -> Slot:
    """A custom field of persons."""
    field = PipedriveField("hash", "x", type_, custom=True, options=options)
    slot = pipedrive_slot(PERSONS, "x", Schema([field], 0.0))
    assert slot is not None
    return slot


def standard(name: str) -> Slot:
    """A field that every person or deal has."""
    kind = PERSONS if name in {"email", "first_name"} else DEALS
    slot = pipedrive_slot(kind, name, Schema([], 0.0))
    assert slot is not None
    return slot


def campaign(type_: str, *options: str) -> Slot:
    """A custom field of contacts."""
    return campaign_slot("contact", CampaignField("1", "x", "X", type_), options)


def prospect(name: str, type_: str = "") -> Slot:
    """A field of prospects."""
    return engagement_slot("Prospect", engagement.Field(name, type=type_))


WORDS: set[ValueKind] = {"text"}
NUMBERS: set[ValueKind] = {"integer", "number"}
MOMENTS: set[ValueKind] = {"date", "datetime"}
TRUTH: set[ValueKind] = {"boolean"}
ANY = WORDS | NUMBERS | MOMENTS | TRUTH


@pytest.mark.parametrize(
    ("slot", "takes", "reads"),
    [
        (hubspot("string"), ANY, set()),
        (hubspot("number"), NUMBERS, WORDS),
        (hubspot("bool"), TRUTH, WORDS | NUMBERS),
        (hubspot("date"), MOMENTS | NUMBERS, WORDS),
        (hubspot("datetime"), MOMENTS | NUMBERS, WORDS),
        (hubspot("enumeration"), ANY, set()),
        (hubspot("enumeration", a="a"), WORDS, NUMBERS),
        (hubspot("enumeration", **YES_NO), WORDS | TRUTH, NUMBERS),
        (pipedrive("varchar"), ANY, set()),
        (pipedrive("double"), NUMBERS | TRUTH, WORDS),
        (pipedrive("monetary"), NUMBERS | TRUTH, WORDS),
        (pipedrive("user"), TRUTH | {"integer"}, WORDS | NUMBERS),
        (pipedrive("date"), MOMENTS | NUMBERS, WORDS),
        (pipedrive("timerange"), WORDS, set()),
        (pipedrive("enum", a=1), WORDS, NUMBERS),
        (pipedrive("set", true=1, false=2), WORDS | TRUTH, NUMBERS),
        (standard("email"), WORDS | MOMENTS | {"integer"}, set()),
        (standard("first_name"), WORDS | MOMENTS, set()),
        (standard("organization_name"), WORDS | MOMENTS, set()),
        (standard("is_archived"), TRUTH, WORDS | NUMBERS),
        (campaign("text"), ANY, set()),
        (campaign("number"), NUMBERS, WORDS),
        (campaign("currency"), NUMBERS, WORDS),
        (campaign("date"), {"date"}, WORDS),
        (campaign("datetime"), {"datetime"}, WORDS),
        (campaign("dropdown"), ANY, set()),
        (campaign("dropdown", "a"), WORDS, NUMBERS),
        (own_slot("deal", "value"), NUMBERS, WORDS),
        (own_slot("deal", "status"), WORDS, NUMBERS),
        (own_slot("account", "owner"), {"integer"}, WORDS | NUMBERS),
        (own_slot("contact", "phone"), ANY, set()),
        (prospect("company"), ANY, set()),
        (prospect("score"), {"integer"}, WORDS | NUMBERS),
        (prospect("optedOut"), TRUTH, WORDS),
        (prospect("x__c", "number"), NUMBERS, WORDS),
        (prospect("x__c", "date"), MOMENTS, WORDS),
        (prospect("x__c", "dropdown"), ANY, set()),
    ],
)
def test_each_type_takes_some_kinds_and_reads_others(
    slot: Slot, takes: set[ValueKind], reads: set[ValueKind]
) -> None:
    """As the destination converts them, and the CRM takes them."""
    assert (set(slot.takes), set(slot.reads)) == (takes, reads)


@pytest.mark.parametrize(
    ("slot", "good", "bad"),
    [
        (hubspot("number"), "1.5", "few"),
        (hubspot("bool"), "yes", "maybe"),
        (hubspot("date"), "2026-11-22", "soon"),
        (hubspot("enumeration", a="a", b="b"), "b", "c"),
        (hubspot("enumeration", "checkbox", a="a", b="b"), "a;b", "a;c"),
        (hubspot("string"), "x" * 65_536, "x" * 65_537),
        (pipedrive("varchar"), "x" * 255, "x" * 256),
        (pipedrive("int"), 5, 5.5),
        (pipedrive("monetary"), "9.99", "cheap"),
        (pipedrive("enum", pro=7), "Pro", "Gold"),
        (pipedrive("enum", pro=7), 7, 8),
        (pipedrive("set", pro=7, plus=8), "Pro, Plus", "Pro, Gold"),
        (pipedrive("timerange"), "09:30/10:00", "morning"),
        (campaign("number"), "1.5", "few"),
        (campaign("date"), "2026-11-22", "soon"),
        (campaign("currency"), 9.99, 9.999),
        (campaign("radio", "a", "b"), "a", "c"),
        (campaign("checkbox", "a", "b"), "||a||b||", "||a||c||"),
        (own_slot("deal", "status"), "Won", "maybe"),
        (own_slot("deal", "percent"), "50", "half"),
        (prospect("score"), "-5", "high"),
        (prospect("optedOut"), "True", "yes"),
        (prospect("x__c", "number"), 1.5, "few"),
        (prospect("x__c", "date"), "2026-11-22", "soon"),
    ],
)
def test_a_constant_must_be_one_that_can_be_written(slot: Slot, good: Scalar, bad: Scalar) -> None:
    """The same conversion judges it that judges values of events."""
    assert misfits(FieldUse("o", "x", "m:1", constants=(good,)), slot) == []
    found = misfits(FieldUse("o", "x", "m:1", constants=(bad,)), slot)
    assert [misfit.level for misfit in found] == ["error"]


def test_a_field_that_pipedrive_has_not_takes_nothing_that_could_be_told() -> None:
    """Its absence is another finding; ids and custom_fields are no fields."""
    assert pipedrive_slot(PERSONS, "nothing", Schema([], 0.0)) is None
    assert pipedrive_slot(PERSONS, "id", Schema([], 0.0)) is None
