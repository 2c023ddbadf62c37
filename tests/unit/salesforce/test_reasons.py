"""The vendor error table: every documented code has a reason, an action and advice."""

import pytest

from destinations.salesforce.reasons import RULES, Action, VendorError, outcome, read_errors
from transformer.outcome import Reason, Rejected, Retry


@pytest.mark.parametrize("code", RULES)
def test_every_rule_says_what_to_do(code: str) -> None:
    """A sentence for people, and a reason that fits the action."""
    rule = RULES[code]
    assert rule.advice.endswith(".")
    assert rule.reason is not Reason.RETRIES_EXHAUSTED


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        ("STRING_TOO_LONG", "too large", Rejected(Reason.VALUE_TOO_LONG, "")),
        ("SOMETHING_NEW", "odd", Rejected(Reason.REFUSED, "")),
        ("UNABLE_TO_LOCK_ROW", "busy", Retry(Reason.ROW_LOCKED)),
        ("SERVER_UNAVAILABLE", "", Retry(Reason.UNREACHABLE, counts=False)),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "LeadTrigger: caused by: UNABLE_TO_LOCK_ROW",
            Retry(Reason.ROW_LOCKED),
        ),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "LeadTrigger: null pointer",
            Rejected(Reason.VALIDATION_RULE, ""),
        ),
    ],
)
def test_a_code_becomes_an_outcome(code: str, message: str, expected: Rejected | Retry) -> None:
    """Kind, reason and whether the attempt counts; the vendor's words are kept."""
    result = outcome([VendorError(code, message)], "update Lead")
    assert (type(result), result.reason) == (type(expected), expected.reason)
    if isinstance(result, Retry) and isinstance(expected, Retry):
        assert result.counts is expected.counts
    assert result.vendor == {"errorCode": code, "message": message}
    assert result.detail.startswith(f"update Lead: {code}: {message}")


def test_an_error_that_cannot_heal_decides_over_one_that_can() -> None:
    """A row with a lock and a bad value is not retried for ever."""
    errors = [VendorError("UNABLE_TO_LOCK_ROW", ""), VendorError("STRING_TOO_LONG", "long")]
    result = outcome(errors, "x")
    assert isinstance(result, Rejected)
    assert result.vendor["others"] == [{"errorCode": "UNABLE_TO_LOCK_ROW", "message": ""}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([{"errorCode": "NOT_FOUND", "message": "m"}], "NOT_FOUND"),
        ({"errorCode": "NOT_FOUND", "message": "m"}, "NOT_FOUND"),
        ([{"statusCode": "MALFORMED_ID", "message": "m", "fields": []}], "MALFORMED_ID"),
        ({"error": "invalid_grant", "error_description": "d"}, "invalid_grant"),
        ("<html>", "HTTP_418"),
        ([], "HTTP_418"),
        (None, "HTTP_418"),
    ],
)
def test_every_shape_of_error_body_is_read(body: object, code: str) -> None:
    """Arrays, bare objects, OAuth's own, and pages."""
    assert read_errors(body, 418)[0].code == code


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (VendorError("X", "", ("A", "B")), ("A", "B")),
        (VendorError("X", "\nERROR\nNo such column 'Foo__c' on entity 'Lead'."), ("Foo__c",)),
        (
            VendorError("X", "Unable to create/update fields: A__c, B. Please check the security"),
            ("A__c", "B"),
        ),
        (VendorError("X", "Something else"), ()),
    ],
)
def test_the_fields_an_error_names_are_found(error: VendorError, fields: tuple[str, ...]) -> None:
    """Listed, or in the text."""
    assert error.named_fields == fields


def test_the_record_that_has_a_duplicate_value_is_found() -> None:
    """Its field and its id, in the long form."""
    text = "duplicate value found: Ext__c duplicates value on record with id: 003RO0000035WQg"
    assert VendorError("DUPLICATE_VALUE", text).duplicate_of == ("Ext__c", "003RO0000035WQgYAM")
    assert VendorError("DUPLICATE_VALUE", "Already a campaign member.").duplicate_of is None


def test_the_records_a_duplicate_rule_found_are_read_once_each() -> None:
    """From `duplicateResult`, as a single create gives it."""
    record = {"record": {"Id": "003RO0000035WQgYAM", "attributes": {"type": "Contact"}}}
    result = {"matchResults": [{"entityType": "Contact", "matchRecords": [record, record]}]}
    body = [{"duplicateResult": result, "errorCode": "DUPLICATES_DETECTED", "message": "m"}]
    error = read_errors(body, 400)[0]
    assert error.duplicate_ids == (("Contact", "003RO0000035WQgYAM"),)
    assert error.vendor["duplicates"] == ["Contact 003RO0000035WQgYAM"]


@pytest.mark.parametrize(
    ("code", "kind", "negated", "quoted"),
    [
        ("INVALID_FIELD", "string", "", True),
        ("INVALID_FIELD", "double", "not ", False),
        ("INVALID_FIELD", "int", "not ", False),
        ("INVALID_FIELD", "date", "not ", None),
        ("INVALID_FIELD", "boolean", "not ", None),
        ("MALFORMED_QUERY", "double", "not ", None),
    ],
)
def test_a_query_is_told_whether_its_values_are_to_be_texts_or_numbers(
    code: str, kind: str, negated: str, quoted: bool | None
) -> None:
    """Of dates and booleans nothing is made."""
    text = f"value of filter criterion for field 'A' must be of type {kind} and should {negated}be"
    assert VendorError(code, f"{text} enclosed in quotes").wants_quotes is quoted


def test_a_status_of_5xx_without_an_error_is_tried_again() -> None:
    """A part of a composite may answer nothing but that."""
    assert read_errors(None, 503)[0].rule == RULES["UNKNOWN_EXCEPTION"]
    assert read_errors("<html>", 403)[0].rule.action is Action.REJECT


def test_actions_are_all_used() -> None:
    """An action that no code leads to is not a case."""
    assert {rule.action for rule in RULES.values()} == set(Action)
