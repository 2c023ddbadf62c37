"""Optional fields: what an org lacks or forbids is left out with a note, and asked for once."""

from dataclasses import replace

import pytest

from destinations.salesforce.destination import KIND
from destinations.salesforce.refused import REMEMBERED_SECONDS
from tests.contract.salesforce.org import (
    Connected,
    by_id,
    connected,
    contact,
    identify,
    only_lead,
    record_of,
    summary,
)
from tests.unit.mapping.events import identify as event
from tests.unit.mapping.events import salesforce
from transformer.destination import Finding
from transformer.outcome import Delivered, Outcome, Reason, Rejected, Skipped
from transformer.upsert import Note, Upsert

OPTIONAL = frozenset({"MiddleName", "Suffix", "CountryCode", "Locked__c", "Once__c"})
FIELDS = {
    "Lead": ["Locked__c:string(20):readOnly", "Plan__c:string(255)"],
    "Contact": ["Ext__c:string(40):externalId,unique"],
}


def lead(email: str = "ann@x.io", **properties: object) -> Upsert:
    """A lead by email, some of whose fields an org may lack."""
    return replace(identify(email, **properties), optional=OPTIONAL)


def notes(outcome: Outcome) -> tuple[Note, ...]:
    """What was noted on a delivery."""
    assert isinstance(outcome, Delivered)
    return outcome.notes


async def requests_of(to: Connected, *batch: Upsert) -> int:
    """How many requests a write of `batch` costs."""
    before = to.org.api_calls
    await to.write(*batch)
    return to.org.api_calls - before


async def test_an_optional_field_that_the_org_lacks_is_left_out_and_noted() -> None:
    """The lead is not lost for the sake of a middle name."""
    async with connected() as to:
        (outcome,) = await to.write(lead(MiddleName="M", Suffix="Jr.", Title="CTO"))
        assert summary(outcome) == "created"
        assert notes(outcome) == (
            Note("unknown_field", "MiddleName"),
            Note("unknown_field", "Suffix"),
        )
        assert only_lead(to)["Title"] == "CTO"


async def test_it_is_left_out_of_later_rows_at_once_and_tried_again_after_a_while() -> None:
    """A lookup and a write, as for any other row; when the field has appeared it is used."""
    async with connected() as to:
        await to.write(lead("a@x.io", middlename="M"))
        assert await requests_of(to, lead("b@x.io", MiddleName="M")) == 2
        to.clock.pass_seconds(REMEMBERED_SECONDS)
        assert await requests_of(to, lead("c@x.io", MiddleName="M")) == 3


async def test_many_rows_with_several_missing_fields_cost_a_request_per_field_once() -> None:
    """Salesforce names one column at a time."""
    async with connected() as to:
        batch = [
            lead(f"p{n}@x.io", MiddleName="M", Suffix="Jr.", CountryCode="DE") for n in range(400)
        ]
        assert await requests_of(to, *batch) == 5
        assert len(to.org.records("Lead")) == 400


async def test_what_one_row_is_refused_for_is_left_out_of_the_others_that_are_resent() -> None:
    """One more request for two fields, where two rows tell of them."""
    async with connected() as to:
        batch = [lead("a@x.io", MiddleName="M", Suffix="Jr."), lead("b@x.io", Suffix="Jr.")]
        assert await requests_of(to, *batch) == 3
        assert len(to.org.records("Lead")) == 2


@pytest.mark.parametrize("whole", [False, True])
async def test_rows_without_the_field_are_not_held_up(*, whole: bool) -> None:
    """Also where one row makes Salesforce refuse them all."""
    async with connected(parse_errors_refuse_all=whole) as to:
        outcomes = await to.write(
            lead("a@x.io"), lead("b@x.io", Suffix="Jr."), lead("c@x.io", MiddleName="M")
        )
        assert [summary(outcome) for outcome in outcomes] == ["created"] * 3
        assert [len(notes(outcome)) for outcome in outcomes] == [0, 1, 1]
        assert to.org.api_calls <= 4


async def test_a_field_that_is_not_optional_is_still_refused() -> None:
    """At once: the row is not sent again for the fields that are."""
    async with connected() as to:
        (outcome,) = await to.write(lead(Nope__c=1, MiddleName="M"))
        assert isinstance(outcome, Rejected)
        assert summary(outcome) == "unknown_field"
        assert to.org.records("Lead") == []


async def test_what_one_object_lacks_another_may_have() -> None:
    """It is remembered per object."""
    async with connected(
        custom_fields={"Contact": [*FIELDS["Contact"], "Tier__c:string(9)"]}
    ) as to:
        first = replace(lead(Tier__c="A"), optional=frozenset({"Tier__c"}))
        second = replace(contact("e1", Tier__c="A"), optional=first.optional)
        outcomes = [(await to.write(first))[0], (await to.write(second))[0]]
        assert [notes(outcome) for outcome in outcomes] == [(Note("unknown_field", "Tier__c"),), ()]


async def test_what_is_optional_for_one_mapping_row_is_refused_for_another() -> None:
    """What is known to be missing is dropped where that is allowed, and nowhere else."""
    async with connected() as to:
        await to.write(lead("a@x.io", MiddleName="M"))
        (outcome,) = await to.write(identify("b@x.io", MiddleName="M"))
        assert summary(outcome) == "unknown_field"


async def test_an_optional_field_that_may_not_be_written_is_left_out_and_noted() -> None:
    """Remembered for creates and for updates by themselves."""
    async with connected(custom_fields=FIELDS) as to:
        (outcome,) = await to.write(lead(Locked__c="x", Plan__c="pro"))
        assert notes(outcome) == (Note("dropped", "Locked__c"),)
        assert only_lead(to)["Plan__c"] == "pro"
        assert await requests_of(to, lead("b@x.io", Locked__c="x")) == 2
        assert await requests_of(to, lead("b@x.io", Locked__c="x", Plan__c="p")) == 2
        assert await requests_of(to, lead("b@x.io", Locked__c="x", Plan__c="q")) == 1


async def test_a_field_that_can_only_be_set_on_create_is_left_out_of_updates_alone() -> None:
    """An update that was refused says nothing about creates."""
    async with connected() as to:
        first = lead("a@x.io", Title="T")
        record_id = record_of((await to.write(first))[0])
        update = by_id("Lead", record_id, IsConverted=False, Title="U")
        update = replace(update, optional=frozenset({"IsConverted"}))
        assert notes((await to.write(update))[0]) == (Note("dropped", "IsConverted"),)
        create = replace(lead("b@x.io", IsConverted=False), optional=update.optional)
        assert notes((await to.write(create))[0]) == ()


async def test_an_update_of_which_nothing_is_left_is_skipped() -> None:
    """It is not sent empty; neither the first time nor later."""
    async with connected() as to:
        record_id = record_of((await to.write(lead()))[0])
        for requests in (1, 0):
            update = replace(by_id("Lead", record_id, MiddleName="M"), optional=OPTIONAL)
            before = to.org.api_calls
            (outcome,) = await to.write(update)
            text = "update Lead: every field of it was left out: MiddleName."
            assert outcome == Skipped(Reason.NOTHING_TO_WRITE, text, record_id)
            assert to.org.api_calls - before == requests


async def test_the_default_mapping_passes_the_check_against_a_plain_org() -> None:
    """One line per object says what is left out; it is a warning."""
    async with connected(custom_fields={}, custom_objects={}) as to:
        findings = await to.destination.check(salesforce().fields())
    assert [one for one in findings if one.level == "error"] == []
    left_out = [one for one in findings if "optional fields left out" in one.message]
    beginning = "optional fields left out, not in this org or not writable by this user:"
    lead_lacks = (
        "Accuracy, CountryCode, CurrencyIsoCode, Division, DoNotCall, HasOptedOutOfEmail,"
        " HasOptedOutOfFax, MiddleName, RecordTypeId, StateCode, Suffix"
    )
    contact_lacks = (
        "CurrencyIsoCode, DoNotCall, HasOptedOutOfEmail, HasOptedOutOfFax, MailingCountryCode,"
        " MailingStateCode, MiddleName, RecordTypeId, Suffix"
    )
    assert [(one.level, one.message) for one in left_out] == [
        ("warning", f"Lead: {beginning} {lead_lacks}."),
        ("warning", f"Contact: {beginning} {contact_lacks}."),
    ]
    assert [one.where.partition(":")[0] for one in left_out] == ["mapping.yaml"] * 2


async def test_every_trait_of_the_default_mapping_makes_a_lead_in_a_plain_org() -> None:
    """With numbers where people send numbers."""
    traits = {
        "email": "ann@x.io", "lastName": "Lee", "company": 1984, "phone": 49301234567, "fax": 2,
        "mobile": 4917, "zip": 10115, "street": 7, "state": 9, "jigsaw": 3, "middleName": "M",
        "suffix": "Jr.", "countryCode": "DE", "stateCode": 1, "currencyIsoCode": "EUR",
        "division": "North", "accuracy": "Zip", "companyDunsNumber": 123456789,
        "hasOptedOutOfEmail": True, "hasOptedOutOfFax": False, "doNotCall": True,
        "recordTypeId": "012000000000000AAA",
    }  # fmt: skip
    made = salesforce().evaluate(event(**traits))
    assert isinstance(made, tuple)
    (upsert,) = made
    assert isinstance(upsert, Upsert)
    async with connected(custom_fields={}) as to:
        (outcome,) = await to.write(upsert)
        assert summary(outcome) == "created"
        values = only_lead(to)
    assert (values["Company"], values["Phone"], values["PostalCode"]) == (
        "1984", "49301234567", "10115",
    )  # fmt: skip
    assert {note.field for note in notes(outcome)} == {
        "Accuracy", "CountryCode", "CurrencyIsoCode", "Division", "DoNotCall",
        "HasOptedOutOfEmail", "HasOptedOutOfFax", "MiddleName", "RecordTypeId", "StateCode",
        "Suffix",
    }  # fmt: skip


async def test_findings_of_optional_fields_point_into_the_mapping() -> None:
    """So that they can be removed there."""
    fields = [use for use in salesforce().fields() if use.name in {"Email", "Suffix"}]
    async with connected() as to:
        findings = await to.destination.check([use for use in fields if use.object_type == "Lead"])
    (suffix,) = [use for use in fields if (use.object_type, use.name) == ("Lead", "Suffix")]
    assert (
        Finding(
            "warning",
            suffix.where,
            "Lead: optional fields left out, not in this org or not writable by this user: Suffix.",
        )
        in findings
    )


def test_the_kind_says_what_may_be_done_with_other_unknown_fields() -> None:
    """`unknown_fields` is for those that are not optional."""
    (setting,) = [one for one in KIND.settings if one.name == "unknown_fields"]
    assert "optional" in setting.help
