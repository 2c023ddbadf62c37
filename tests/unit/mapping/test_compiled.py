"""The compiled mapping's own surface: versions, functions, redirects, fields, explanations."""

import re

import pytest

from tests.unit.mapping.events import OPEN, event, identify, salesforce
from transformer.errors import ConfigurationError
from transformer.event import Event
from transformer.mapping import CompiledMapping, Options, compile_mapping
from transformer.mapping.explain import FieldExplanation, PassedOver
from transformer.mapping.model import PythonFunction
from transformer.outcome import Reason, Redirect, Rejected, Skipped
from transformer.upsert import FieldUse, Match, Note, Operation, Upsert

CONTACT = Redirect("contact", "0035g00000ABCDE")
OWN = """
version: 1
tables:
  Thing:
    fields:
      Code: {from: code, apply: {python: "own:clean"}}
      Gone: {from: gone, read_only: true}
      Late: {from: late, writable: update}
upserts:
  - {when: {type: identify}, object: Thing, match: [{Mail: mail}]}
"""


def own(function: PythonFunction) -> CompiledMapping:
    """The mapping OWN with `function` under the name that it uses."""
    return compile_mapping(OWN, "own.yaml", OPEN, {"own:clean": function}.__getitem__)


def only(mapping: CompiledMapping, source: Event) -> Upsert | Rejected:
    """The one result of an event."""
    results = mapping.evaluate(source)
    assert isinstance(results, tuple)
    assert len(results) == 1
    return results[0]


def optional_fields(object_type: str) -> frozenset[str]:
    """The fields of an object that an org may lack, by the default mapping."""
    uses = salesforce().fields()
    return frozenset(use.name for use in uses if use.optional and use.object_type == object_type)


def test_a_version_follows_text_and_options() -> None:
    """The same for the same, another for any change of either."""
    other_text = compile_mapping(f"{OWN}\n", "own.yaml", OPEN, lambda _: lambda _, value: value)
    other_options = Options("required", ("Crm",))
    asking = compile_mapping(OWN, "own.yaml", other_options, lambda _: lambda _, value: value)
    first, again = own(lambda _, value: value), own(lambda _, value: value)
    assert first.version == again.version
    assert len({first.version, other_text.version, asking.version}) == 3


def test_a_named_function_gets_the_event_and_the_value() -> None:
    """Also lists and null; its answer is the value."""
    mapping = own(lambda source, value: f"{source.message_id}:{value}")
    found = only(mapping, event({"messageId": "m", "traits": {"mail": "x", "code": [1]}}))
    assert isinstance(found, Upsert)
    assert found.properties == {"Code": "m:[1]"}


def explode(_event: Event, value: object) -> object:
    """A function with a mistake."""
    return {"known": 1}[str(value)]


@pytest.mark.parametrize(
    ("function", "detail"),
    [
        (explode, "code: python(own:clean): 'x', got 'x'"),
        (
            lambda _, __: object(),
            "code: python(own:clean): expected a JSON value, the function returned object, got 'x'",
        ),
    ],
)
def test_a_function_that_fails_rejects_the_upsert(function: PythonFunction, detail: str) -> None:
    """Whatever it raises, or returns that is no JSON."""
    assert only(own(function), identify(mail="m", code="x")) == Rejected(
        Reason.INVALID_VALUE, detail
    )


def test_a_function_that_cannot_be_loaded_is_a_problem_of_the_file() -> None:
    """With its line and what the import said."""

    def resolve(name: str) -> PythonFunction:
        raise ImportError(f"no module {name}")

    with pytest.raises(ConfigurationError) as caught:
        compile_mapping(OWN, "own.yaml", OPEN, resolve)
    assert str(caught.value) == (
        "own.yaml:6: $.tables.Thing.fields.Code.apply: the function own:clean cannot be loaded: "
        "ImportError: no module own:clean."
    )


def test_an_event_is_evaluated_again_for_the_record_it_moved_to() -> None:
    """An update by id with that object's table (row S3)."""
    source = identify(email="j@example.com", lastName="Doe", company="Acme", plan="pro")
    assert salesforce().evaluate_for(source, CONTACT) == Upsert(
        "Contact",
        Operation.UPDATE,
        {"Email": "j@example.com", "LastName": "Doe", "plan__c": "pro"},
        (Match("Id", "0035g00000ABCDE"),),
        notes=(Note("dropped", "Company"),),
        event_time=source.event_time,
        optional=optional_fields("Contact"),
    )


def test_a_redirect_can_be_rejected() -> None:
    """An update that empties a required field is refused there as anywhere."""
    assert salesforce().evaluate_for(identify(lastName=None), CONTACT) == Rejected(
        Reason.REQUIRED_FIELD_MISSING, "Contact: required and without a value: LastName"
    )


def test_fields_are_those_the_file_can_write_and_match_by() -> None:
    """With file and line; what is read-only is not among them."""
    assert own(lambda _, value: value).fields() == (
        FieldUse("Thing", "Code", "own.yaml:6"),
        FieldUse("Thing", "Late", "own.yaml:8"),
        FieldUse("Thing", "Mail", "own.yaml:10", matched=True, alone=True),
    )


WRITTEN = {
    "Accuracy", "AnnualRevenue", "City", "Company", "Country", "CountryCode", "Description",
    "Email", "EmailBouncedDate", "EmailBouncedReason", "FirstName", "GeocodeAccuracy", "Industry",
    "IndividualId", "IsConverted", "IsUnreadByOwner", "Jigsaw", "LastName", "Latitude",
    "LeadSource", "Longitude", "NumberOfEmployees", "OwnerId", "Phone", "PostalCode", "Rating",
    "Salutation", "State", "StateCode", "Status", "Street", "Title", "Website", "MobilePhone",
    "Fax", "MiddleName", "Suffix", "RecordTypeId", "HasOptedOutOfEmail", "HasOptedOutOfFax",
    "Division", "CurrencyIsoCode", "CompanyDunsNumber",
}  # fmt: skip
READ_ONLY = {
    "ConvertedAccountId", "ConvertedContactId", "ConvertedDate", "ConvertedOpportunityId",
    "CreatedById", "CreatedDate", "Id", "IsDeleted", "JigsawContactId", "LastActivityDate",
    "LastModifiedById", "LastModifiedDate", "LastReferencedDate", "LastViewedDate",
    "MasterRecordId", "Name", "PhotoUrl", "SystemModstamp",
}  # fmt: skip


def test_the_default_mapping_writes_every_writable_field_of_the_requirements() -> None:
    """The list of row S6, without what Salesforce writes itself."""
    lead = {use.name for use in salesforce().fields() if use.object_type == "Lead"}
    assert lead >= WRITTEN
    assert lead.isdisjoint(READ_ONLY)


def spellings(name: str) -> list[str]:
    """How people spell the trait of a field: LastName, lastName, last_name, lastname."""
    words = re.findall(r"[A-Z][a-z]*", name)
    return [name, name[0].lower() + name[1:], "_".join(words).lower(), name.lower()]


@pytest.mark.parametrize(
    ("name", "trait"),
    [(name, trait) for name in sorted(WRITTEN | READ_ONLY) for trait in spellings(name)],
)
def test_every_field_of_the_requirements_is_understood_however_it_is_spelled(
    name: str, trait: str
) -> None:
    """It never becomes a custom field, which an org would refuse (row S6)."""
    value = "j@example.com" if name == "Email" else "x"
    found = only(salesforce(), identify(**{"email": "j@example.com", trait: value}))
    assert isinstance(found, Upsert)
    written = {**found.properties, **found.on_create, **found.on_update}
    if name in READ_ONLY:
        assert Note("read_only", name) in found.notes
    else:
        assert written[name] == value
    assert not any(each.endswith("__c") for each in written)


# What every org has: the Lead and Contact of the Object Reference that describe always shows.
ALWAYS_THERE = {
    "AnnualRevenue", "City", "Company", "Country", "Description", "Email", "EmailBouncedDate",
    "EmailBouncedReason", "Fax", "FirstName", "Industry", "IsConverted", "IsUnreadByOwner",
    "LastName", "LeadSource", "MobilePhone", "NumberOfEmployees", "OwnerId", "Phone", "PostalCode",
    "Rating", "Salutation", "State", "Status", "Street", "Title", "Website",
    "AccountId", "AssistantName", "AssistantPhone", "Birthdate", "Department", "HomePhone",
    "MailingCity", "MailingCountry", "MailingPostalCode", "MailingState", "MailingStreet",
    "OtherCity", "OtherCountry", "OtherPhone", "OtherPostalCode", "OtherState", "OtherStreet",
    "ReportsToId",
}  # fmt: skip


def test_what_some_orgs_lack_is_optional_in_the_default_mapping() -> None:
    """And nothing else is."""
    needed = {use.name for use in salesforce().fields() if not use.optional}
    assert needed == ALWAYS_THERE


def test_a_field_that_records_are_found_by_is_not_optional() -> None:
    """Without it, nothing could be looked up."""
    text = OWN.replace("Late: {from: late, writable: update}", "Mail: {from: mail, optional: true}")
    mapping = compile_mapping(text, "own.yaml", OPEN, lambda _: lambda _, value: value)
    use = FieldUse("Thing", "Mail", "own.yaml:8", optional=False, matched=True, alone=True)
    assert use in mapping.fields()


def test_an_explanation_names_sources_directives_and_what_was_passed_over() -> None:
    """Field by field, with what went nowhere."""
    source = identify(
        email="j@example.com", name="Jane Doe", company={"name": ["x"], "color": "red"}, userId="u"
    )
    explanation = salesforce().explain(source)
    assert explanation.skipped is None
    (one,) = explanation.upserts
    found = {field.name: field for field in one.fields}
    where = {use.name: use.where for use in salesforce().fields() if use.object_type == "Lead"}
    assert found["FirstName"] == FieldExplanation(
        "FirstName", where["FirstName"], "properties", "Jane", "name", ("first_name",)
    )
    assert found["Name"].goes == "left out"
    assert found["Name"].note == Note("read_only", "Name")
    assert found["Company"] == FieldExplanation(
        "Company", where["Company"], "on_create", "n/a", None,
        passed_over=(
            PassedOver("company.name", "expected a scalar, got a list"),
            PassedOver("company", "expected a scalar, got an object"),
        ),
    )  # fmt: skip
    assert one.unmapped == ("company.name", "company.color", "userId")


def test_names_learned_from_events_are_bounded() -> None:
    """A flood of trait names does not fill the memory, and changes no result."""
    mapping = salesforce()
    for number in range(50):
        traits = {f"t{number}x{each}": each for each in range(100)}
        found = only(mapping, identify(email="j@example.com", **traits))
        assert isinstance(found, Upsert)
        assert len(found.properties) == 101
    table = mapping._tables.of("Lead")
    assert len(table._direct) <= 4096


def test_a_match_value_is_explained_as_it_is_sent() -> None:
    """Without the white space that the trait had."""
    (one,) = salesforce().explain(identify(email=" j@example.com ")).upserts
    found = {field.name: field.value for field in one.fields}
    assert found == {"Email": "j@example.com", "LastName": "n/a", "Company": "n/a"}


def test_a_field_whose_sources_were_all_passed_over_is_explained() -> None:
    """It is left out, and each source says why."""
    (one,) = salesforce().explain(identify(email="j@example.com", city=["x"], name="Cher")).upserts
    found = {field.name: field for field in one.fields}
    assert (found["City"].goes, found["City"].passed_over) == (
        "left out", (PassedOver("city", "expected a scalar, got a list"),),
    )  # fmt: skip
    assert found["FirstName"].passed_over == (PassedOver("name", "first_name left nothing of it"),)


def test_a_skipped_event_is_explained_as_skipped() -> None:
    """There are no fields to explain."""
    explanation = salesforce(opt_in="required").explain(identify(email="j@example.com"))
    assert (explanation.skipped, explanation.upserts) == (Skipped(Reason.NOT_OPTED_IN), ())
