"""Answers: what each result of a row means."""

from collections.abc import Sequence

import pytest

from destinations.salesforce.answers import (
    AskContact,
    AskDuplicates,
    Resend,
    culprits,
    failed,
    judge,
    judge_errors,
    suspects,
)
from destinations.salesforce.plan import Policy, Write
from destinations.salesforce.reasons import VendorError
from tests.unit.salesforce.made import CONTACT, LEAD, LEAD_2, by_field, create, update, upsert
from transformer.errors import (
    AnswerLost,
    QuotaSpent,
    RequestRefused,
    ServerFault,
    Unreachable,
    WriteFailed,
)
from transformer.outcome import Delivered, Reason, Redirect, Rejected, Retry
from transformer.upsert import Match, Note

REFUSE = Policy()
DROP = Policy(drop_unknown_fields=True)
UPDATE = Policy(duplicates="update")


def refused(code: str, message: str = "m", fields: Sequence[str] = ()) -> dict[str, object]:
    """One row's failure, as a collection gives it."""
    error = {"statusCode": code, "message": message, "fields": list(fields)}
    return {"success": False, "errors": [error]}


@pytest.mark.parametrize(
    ("write", "result", "expected"),
    [
        (create(), {"id": LEAD, "success": True}, Delivered("created", LEAD, "Lead")),
        (update(), {"id": LEAD, "success": True}, Delivered("updated", LEAD, "Lead")),
        (update(), {"success": True}, Delivered("updated", LEAD, "Lead")),
        (
            by_field(0, "a"),
            {"id": CONTACT, "success": True, "created": True},
            Delivered("created", CONTACT, "Contact"),
        ),
        (
            by_field(0, "a"),
            {"id": CONTACT, "success": True, "created": False},
            Delivered("updated", CONTACT, "Contact"),
        ),
    ],
)
def test_success_says_what_happened_and_to_which_record(
    write: Write, result: object, expected: Delivered
) -> None:
    """An upsert by external id says itself whether it created."""
    assert judge(write, result, REFUSE) == expected


def test_unknown_fields_are_dropped_and_noted_where_that_is_the_policy() -> None:
    """The row is sent again without them; otherwise it is rejected."""
    write = update(properties={"A__c": 1, "Email": "x"})
    result = refused("INVALID_FIELD", "No such column 'a__c' on sobject of type Lead")
    again = judge(write, result, DROP)
    assert isinstance(again, Resend)
    assert dict(again.write.body) == {"Email": "x"}
    assert again.write.notes == (Note("unknown_field", "A__c"),)
    assert isinstance(judge(write, result, REFUSE), Rejected)


def test_a_field_that_is_not_in_the_row_cannot_be_dropped() -> None:
    """The row is rejected rather than sent again for ever."""
    result = refused("INVALID_FIELD", "No such column 'Other__c' on sobject of type Lead")
    assert isinstance(judge(update(), result, DROP), Rejected)


def test_a_field_that_the_mapping_calls_optional_is_dropped_whatever_the_policy() -> None:
    """The note tells a field that is not there from one that may not be written."""
    made = upsert({"Suffix": "Jr.", "Email": "x"}, optional=["suffix"])
    write = Write(0, "create", made, made.properties)
    missing = refused("INVALID_FIELD", "No such column 'Suffix' on sobject of type Lead")
    forbidden = refused("INVALID_FIELD_FOR_INSERT_UPDATE", fields=["Suffix"])
    for result, note in ((missing, "unknown_field"), (forbidden, "dropped")):
        again = judge(write, result, REFUSE)
        assert isinstance(again, Resend)
        assert dict(again.write.body) == {"Email": "x"}
        assert again.write.notes == (Note(note, "Suffix"),)


def test_a_row_is_rejected_at_once_when_one_of_its_refused_fields_is_not_optional() -> None:
    """Sending it without the others would cost a request and change nothing."""
    made = upsert({"Suffix": "Jr.", "Plan__c": "x"}, optional=["Suffix"])
    write = Write(0, "create", made, made.properties)
    result = refused("INVALID_FIELD_FOR_INSERT_UPDATE", fields=["Suffix", "Plan__c"])
    rejected = judge(write, result, REFUSE)
    assert isinstance(rejected, Rejected)
    assert rejected.reason is Reason.FIELD_NOT_WRITABLE


def test_the_field_that_names_the_record_is_never_dropped() -> None:
    """Without it there is no telling which record is meant."""
    result = refused("INVALID_FIELD", "No such column 'Ext__c' on sobject of type Contact")
    assert isinstance(judge(by_field(0, "a"), result, DROP), Rejected)


def test_a_lead_converted_meanwhile_is_followed() -> None:
    """Its contact is looked up."""
    assert judge(update(), refused("CANNOT_UPDATE_CONVERTED_LEAD"), REFUSE) == AskContact(update())


def test_a_unique_value_taken_by_another_record_means_that_record_where_it_is_the_key() -> None:
    """Somebody created it between the lookup and the write."""
    made = upsert({}, matches=(Match("Ext__c", "e"), Match("Email", "x")))
    text = f"duplicate value found: Ext__c duplicates value on record with id: {LEAD_2[:15]}"
    judged = judge(Write(0, "create", made, {}), refused("DUPLICATE_VALUE", text), REFUSE)
    assert isinstance(judged, Retry)
    assert (judged.reason, judged.redirect) == (Reason.REMATCH, Redirect("Lead", LEAD_2))


def test_a_unique_value_taken_by_another_record_is_refused_with_its_id_otherwise() -> None:
    """The event's record and that one are two."""
    text = f"duplicate value found: Vat__c duplicates value on record with id: {LEAD_2[:15]}"
    judged = judge(update(), refused("DUPLICATE_VALUE", text), REFUSE)
    assert isinstance(judged, Rejected)
    assert (judged.reason, judged.vendor["ids"]) == (Reason.DUPLICATE_VALUE, [LEAD_2])


@pytest.mark.parametrize(
    ("ids", "redirect"),
    [
        ((("Lead", LEAD_2),), Redirect("Lead", LEAD_2)),
        ((("Lead", LEAD), ("Lead", LEAD_2)), None),
        ((("Contact", CONTACT),), None),
    ],
)
def test_a_duplicate_rule_that_names_one_record_of_the_object_leads_to_it(
    ids: tuple[tuple[str, str], ...], redirect: Redirect | None
) -> None:
    """Several, or another object, are for a person to decide (row C8)."""
    errors = [VendorError("DUPLICATES_DETECTED", "Use one of these records?", (), ids)]
    judged = judge_errors(create(), errors, UPDATE)
    if redirect:
        assert isinstance(judged, Retry)
        assert judged.redirect == redirect
    else:
        assert isinstance(judged, Rejected)
        assert all(record_id in judged.detail for _, record_id in ids)
    assert isinstance(judge_errors(create(), errors, REFUSE), Rejected)


def test_a_collection_does_not_name_duplicates_so_they_are_asked_for() -> None:
    """Only where they would be used."""
    result = refused("DUPLICATES_DETECTED")
    assert judge(create(), result, UPDATE) == AskDuplicates(create())
    assert isinstance(judge(create(), result, REFUSE), Rejected)


@pytest.mark.parametrize(
    ("code", "found", "expected"),
    [
        ("ENTITY_IS_DELETED", False, Reason.RECORD_DELETED),
        ("NOT_FOUND", False, Reason.RECORD_NOT_FOUND),
        ("INVALID_CROSS_REFERENCE_KEY", False, Reason.RECORD_NOT_FOUND),
        ("ENTITY_IS_DELETED", True, Reason.REMATCH),
        ("INVALID_CROSS_REFERENCE_KEY", True, Reason.INVALID_REFERENCE),
    ],
)
def test_a_record_that_is_gone_is_looked_for_again_if_it_was_looked_for(
    code: str, *, found: bool, expected: Reason
) -> None:
    """One named by its id in the event is rejected."""
    judged = judge(update(found=found), refused(code), REFUSE)
    assert isinstance(judged, Rejected | Retry)
    assert judged.reason is expected


def test_a_bad_lookup_field_is_told_from_a_missing_record_by_the_fields_named() -> None:
    """The same code means both."""
    judged = judge(update(), refused("INVALID_CROSS_REFERENCE_KEY", "m", ["OwnerId"]), REFUSE)
    assert isinstance(judged, Rejected)
    assert judged.reason is Reason.INVALID_REFERENCE


@pytest.mark.parametrize("result", [{}, None, "?", {"success": False, "errors": []}])
def test_a_result_that_says_nothing_is_refused_not_delivered(result: object) -> None:
    """Success must be said."""
    judged = judge(update(), result, REFUSE)
    assert isinstance(judged, Rejected)
    assert judged.reason is Reason.REFUSED


def test_a_refusal_of_the_whole_is_about_the_rows_that_have_the_field_it_names() -> None:
    """The others are sent again."""
    writes = [create(0, {"A__c": 1}), create(1, {"B": 2}), create(2, {"a__C": 3})]
    error = VendorError("INVALID_FIELD", "No such column 'A__c' on sobject of type Lead")
    assert culprits(writes, [error]) == {0: (error,), 2: (error,)}


@pytest.mark.parametrize(
    ("token", "likely"),
    [
        ("VALUE_STRING value soon", {1}),
        ("VALUE_STRING value two\nlines", {2}),
        ("VALUE_NUMBER_INT value 7", {3, 4}),
        ("VALUE_TRUE value true", {5}),
        ("VALUE_STRING value elsewhere", set()),
    ],
)
def test_a_value_that_a_refusal_quotes_points_to_the_rows_that_have_it(
    token: str, likely: set[int]
) -> None:
    """As Salesforce words it, with and without the half sentence in the middle."""
    values = ["x", "soon", "two\nlines", 7, "7", True, None]
    writes = [create(index, {"A__c": value}) for index, value in enumerate(values)]
    for middle in ("", " or request may be missing a required field"):
        text = f"Cannot deserialize instance of date from {token}{middle} at [line:1, column:179]"
        assert suspects(writes, [VendorError("JSON_PARSER_ERROR", text)]) == likely


def test_only_values_that_do_not_fit_are_quoted() -> None:
    """Other refusals name no value."""
    writes = [create(0, {"A__c": "soon"}), create(1, {"A__c": None})]
    text = "no date from VALUE_STRING value soon at [line:1, column:2]"
    for error in (VendorError("INVALID_FIELD", text), VendorError("JSON_PARSER_ERROR", "soon")):
        assert suspects(writes, [error]) == frozenset()


@pytest.mark.parametrize(
    ("failure", "sent", "expected"),
    [
        (AnswerLost("x", may_have_applied=True), True, (Reason.ANSWER_LOST, True, True)),
        (AnswerLost("x", may_have_applied=True), False, (Reason.ANSWER_LOST, False, False)),
        (ServerFault("x", may_have_applied=True), True, (Reason.SERVER_ERROR, True, True)),
        (QuotaSpent("x", after_seconds=9.0), True, (Reason.QUOTA_SPENT, False, False)),
        (Unreachable("x"), True, (Reason.UNREACHABLE, False, False)),
        (RequestRefused("x"), True, (Reason.REFUSED, True, False)),
    ],
)
def test_a_failed_request_makes_a_retry_of_each_of_its_rows(
    failure: WriteFailed, *, sent: bool, expected: tuple[Reason, bool, bool]
) -> None:
    """Only what was sent may have been applied, and uses up an attempt."""
    retry = failed(update(), failure, sent=sent)
    assert (retry.reason, retry.counts, retry.may_have_applied) == expected
    assert retry.after_seconds == failure.after_seconds
