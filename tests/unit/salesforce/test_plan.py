"""The plan: every case of what was found, and what is written for it."""

import pytest

from destinations.salesforce.keys import MatchKey, keyed
from destinations.salesforce.lookup import Findings
from destinations.salesforce.plan import Decision, Policy, Write, decide
from destinations.salesforce.validity import problem
from tests.unit.salesforce.made import (
    CONTACT,
    EMAIL,
    LEAD,
    LEAD_2,
    findings,
    lead,
    upsert,
)
from transformer.outcome import Reason, Redirect, Rejected, Retry, Skipped
from transformer.upsert import Match, Note, Operation, Upsert

NOTHING = findings()
CONTACTS = Policy(use_contact_id=True)


def nothing_known(_: MatchKey) -> str | None:
    """Remember nothing."""
    return None


def decided(
    made: Upsert,
    found: Findings = NOTHING,
    policy: Policy = Policy(),  # noqa: B008 - frozen
) -> Decision:
    """What is decided for one upsert."""
    return decide(0, keyed(made), found, policy, nothing_known)


def written(decision: Decision) -> tuple[str, str, dict[str, object]]:
    """Kind, id or field, and body of a decision that writes."""
    assert isinstance(decision, Write)
    return decision.kind, decision.record_id or decision.field, dict(decision.body)


def test_one_record_found_is_updated() -> None:
    """By its id."""
    assert written(decided(upsert(), findings(lead()))) == ("update", LEAD, {"Email": "ann@x.io"})


def test_no_record_found_is_created_with_its_match_key() -> None:
    """Also when the properties do not hold it, or it would be created for ever."""
    made = upsert({"FirstName": "Ann"}, on_create={"LastName": "n/a"})
    expected = {"LastName": "n/a", "FirstName": "Ann", "Email": "ann@x.io"}
    assert written(decided(made)) == ("create", "", expected)


def test_a_match_key_is_in_the_row_once_and_an_id_never() -> None:
    """Whatever its spelling among the properties; Salesforce gives ids, nobody else does."""
    made = upsert({"EMAIL": "Ann@x.io"}, matches=(Match("Id", LEAD), EMAIL))
    assert written(decided(made)) == ("create", "", {"EMAIL": "Ann@x.io"})


def test_writes_claim_what_names_their_record() -> None:
    """So that no other of the same request touches it (invariant 4)."""
    by_email = ("lead", "email", "ann@x.io")
    made = upsert(matches=(Match("Id", LEAD), EMAIL))
    external = upsert(matches=(Match("Ext__c", "E1"),))
    claims = [decided(made), decided(upsert(), findings(lead())), decided(external)]
    assert [each.claims for each in claims if isinstance(each, Write)] == [
        (by_email,),
        (("", "id", LEAD),),
        (("lead", "ext__c", "e1"),),
    ]


@pytest.mark.parametrize(
    ("given", "created"), [("Lee", "Lee"), (None, "n/a"), ("", "n/a"), (" ", "n/a")]
)
def test_a_default_on_create_stands_in_for_what_is_empty(given: str | None, created: str) -> None:
    """Salesforce would refuse the record without it (row S7)."""
    made = upsert({"LastName": given}, on_create={"LastName": "n/a"})
    assert written(decided(made))[2]["LastName"] == created


def test_defaults_on_create_are_not_written_to_a_record_found_and_the_reverse() -> None:
    """Each has its own occasion."""
    made = upsert({"A": 1}, on_create={"B": 2}, on_update={"C": 3})
    assert written(decided(made, findings(lead())))[2] == {"A": 1, "C": 3}
    assert written(decided(made))[2] == {"A": 1, "B": 2, "Email": "ann@x.io"}


def test_null_empty_zero_and_false_are_kept_apart() -> None:
    """On their way into an update."""
    values = {"a": None, "b": "", "c": 0, "d": False}
    assert written(decided(upsert(values), findings(lead())))[2] == values


def test_required_fields_without_value_are_all_named() -> None:
    """Before anything is sent (row C6)."""
    made = upsert({"LastName": " ", "A": 1}, required=["LastName", "Company", "A"])
    decision = decided(made)
    assert isinstance(decision, Rejected)
    assert (decision.reason, decision.vendor) == (
        Reason.REQUIRED_FIELD_MISSING,
        {"fields": ["Company", "LastName"]},
    )
    assert isinstance(decided(made, findings(lead())), Write)


def test_several_records_are_refused_with_all_their_ids() -> None:
    """By default."""
    decision = decided(upsert(), findings(lead(LEAD), lead(LEAD_2)))
    assert isinstance(decision, Rejected)
    assert decision.reason is Reason.SEVERAL_MATCHES
    assert LEAD in decision.detail
    assert decision.vendor == {"ids": [LEAD, LEAD_2]}


@pytest.mark.parametrize(("policy", "chosen"), [("first", LEAD_2), ("newest", LEAD)])
def test_several_records_can_be_settled_by_age(policy: str, chosen: str) -> None:
    """Whatever order they come back in."""
    found = findings(lead(LEAD, "2026-05-05"), lead(LEAD_2, "2026-01-01"))
    decision = decided(upsert(), found, Policy(several_matches=policy))
    assert written(decision)[1] == chosen


def test_a_converted_lead_leads_to_its_contact() -> None:
    """Where the connection says so (row S3)."""
    decision = decided(upsert(), findings(lead(contact=CONTACT)), CONTACTS)
    assert isinstance(decision, Retry)
    assert (decision.reason, decision.after_seconds, decision.counts, decision.redirect) == (
        Reason.REMATCH,
        0.0,
        False,
        Redirect("Contact", CONTACT),
    )


def test_a_converted_lead_is_rejected_with_its_ids_otherwise() -> None:
    """Salesforce would refuse the update."""
    decision = decided(upsert(), findings(lead(contact=CONTACT)))
    assert isinstance(decision, Rejected)
    assert decision.vendor == {"ids": [LEAD], "contact": CONTACT}
    assert "use_contact_id" in decision.detail


def test_a_converted_lead_whose_contact_is_gone_is_rejected() -> None:
    """There is nothing to go on to."""
    found = findings(lead(IsConverted=True, ConvertedContactId=None))
    decision = decided(upsert(), found, CONTACTS)
    assert isinstance(decision, Rejected)
    assert decision.reason is Reason.RECORD_CONVERTED


def test_a_lead_that_is_not_converted_comes_before_converted_ones() -> None:
    """Although the converted one is older."""
    found = findings(lead(LEAD, "2020", contact=CONTACT), lead(LEAD_2, "2026"))
    assert written(decided(upsert(), found, CONTACTS))[1] == LEAD_2


def test_matches_are_tried_in_order() -> None:
    """The second only when the first finds none."""
    phone = Match("Phone", "1")
    made = upsert(matches=(EMAIL, phone))
    assert written(decided(made, findings(lead(LEAD_2), match=phone)))[1] == LEAD_2
    both = findings(lead(LEAD))
    both.records |= findings(lead(LEAD_2), match=phone).records
    assert written(decided(made, both))[1] == LEAD


def test_fill_writes_only_what_the_record_has_none_of() -> None:
    """Null and blank count as none; what could not be read is left alone and noted."""
    made = upsert({"A": 1, "B": 2, "C": 3, "D": 4, "E": 5}, fill=["A", "B", "C", "D"])
    decision = decided(made, findings(lead(A="x", B=None, C=" ")))
    assert written(decision)[2] == {"B": 2, "C": 3, "E": 5}
    assert isinstance(decision, Write)
    assert [(note.code, note.field) for note in decision.notes] == [("dropped", "D")]


def test_an_update_without_anything_to_write_makes_no_request() -> None:
    """It is skipped, with the record's id."""
    decision = decided(upsert({"A": 1}, fill=["A"]), findings(lead(A="x")))
    assert isinstance(decision, Skipped)
    assert (decision.reason, decision.record_id) == (Reason.NOTHING_TO_WRITE, LEAD)


def test_an_update_by_id_needs_no_lookup() -> None:
    """The id is brought to 18 characters."""
    made = upsert({"A": 1}, operation=Operation.UPDATE, matches=(Match("Id", "001D000000IqhSL"),))
    assert written(decided(made)) == ("update", "001D000000IqhSLIAZ", {"A": 1})


def test_an_update_by_another_field_creates_nothing() -> None:
    """Creating is off; by id, the record is missing."""
    by_email = decided(upsert(operation=Operation.UPDATE))
    assert isinstance(by_email, Skipped)
    assert by_email.reason is Reason.CREATE_DISABLED
    by_id = decided(upsert(operation=Operation.UPDATE, matches=(Match("Id", LEAD),), fill=["A"]))
    assert isinstance(by_id, Rejected)
    assert by_id.reason is Reason.RECORD_NOT_FOUND


def test_a_create_with_a_match_key_updates_nothing() -> None:
    """Updating is off."""
    decision = decided(upsert(operation=Operation.CREATE), findings(lead()))
    assert isinstance(decision, Skipped)
    assert (decision.reason, decision.record_id) == (Reason.UPDATE_DISABLED, LEAD)


def test_a_custom_field_alone_is_left_to_salesforce_to_find() -> None:
    """An upsert by external id; the field is in the row once, whatever its casing there."""
    made = upsert({"EXT__C": "old", "A": 1}, matches=(Match("Ext__c", "e1"),))
    assert written(decided(made)) == ("upsert", "Ext__c", {"A": 1, "Ext__c": "e1"})


def test_names_that_would_change_which_record_is_meant_are_left_out() -> None:
    """An `id` or `attributes` among the properties is never sent, and noted."""
    made = upsert({"ID": LEAD_2, "Attributes": {"type": "User"}, "A": 1})
    decision = decided(made, findings(lead()))
    assert written(decision) == ("update", LEAD, {"A": 1})
    assert isinstance(decision, Write)
    assert decision.notes == (Note("read_only", "ID"), Note("read_only", "Attributes"))


def test_a_record_just_created_is_updated_although_the_lookup_missed_it() -> None:
    """What is remembered stands in for what was not found yet."""
    decision = decide(0, keyed(upsert()), NOTHING, Policy(), lambda _: LEAD)
    assert written(decision)[:2] == ("update", LEAD)


def test_a_failed_lookup_decides_for_its_upserts() -> None:
    """Nothing is created on a guess."""
    failure = Retry(Reason.SERVER_ERROR)
    found = Findings(failures={("lead", "email"): failure})
    assert decided(upsert(), found) == failure


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (upsert(object_type="../Lead"), Reason.INVALID_OBJECT_NAME),
        (upsert(object_type="Lead Contact"), Reason.INVALID_OBJECT_NAME),
        (upsert(matches=(Match("Email = '' OR Id", "x"),)), Reason.INVALID_FIELD_NAME),
        (upsert(fill=["A, (SELECT Id FROM Contacts)"]), Reason.INVALID_FIELD_NAME),
        (upsert(matches=(Match("Id", "00Q' OR '1'='1"),)), Reason.INVALID_RECORD_ID),
        (upsert(matches=(Match("Email", "  "),)), Reason.MATCH_KEY_MISSING),
        (upsert(matches=(Match("Email", "x" * 5000),)), Reason.MATCH_KEY_INVALID),
        (upsert(operation=Operation.UPDATE, matches=()), Reason.MATCH_KEY_MISSING),
    ],
)
def test_what_must_not_get_near_a_query_is_rejected(made: Upsert, reason: Reason) -> None:
    """Names, ids and values are checked before anything is built of them."""
    rejected = problem(made)
    assert rejected is not None
    assert rejected.reason is reason
