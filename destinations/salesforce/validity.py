"""What must be true of an upsert before its names and values go near a query or a path. Pure."""

from destinations.salesforce.keys import is_id
from destinations.salesforce.soql import is_name, literal_problem, long_id
from transformer.outcome import Reason, Rejected
from transformer.upsert import Match, Operation, Upsert


def problem(upsert: Upsert) -> Rejected | None:
    """Reject what must not get near a query or a path: bad names, ids and match values."""
    if not is_name(upsert.object_type):
        return Rejected(
            Reason.INVALID_OBJECT_NAME,
            f'object: expected an API name like Lead or Visit__c, got "{upsert.object_type}".'
            " Correct the external id's type or the mapping.",
        )
    for match in upsert.matches:
        if not is_name(match.name):
            return _field_problem(upsert, match.name)
    for name in sorted(upsert.fill) if upsert.fill else ():
        if not is_name(name):
            return _field_problem(upsert, name)
    for match in upsert.matches:
        rejected = _match_problem(upsert, match)
        if rejected:
            return rejected
    if upsert.operation is Operation.UPDATE and not upsert.matches:
        return Rejected(
            Reason.MATCH_KEY_MISSING, f"{upsert.object_type}: an update needs a match key."
        )
    return None


def _field_problem(upsert: Upsert, name: str) -> Rejected:
    return Rejected(
        Reason.INVALID_FIELD_NAME,
        f'{upsert.object_type}: expected a field\'s API name, got "{name}".'
        " Correct the external id's identifierType or the mapping.",
    )


def _match_problem(upsert: Upsert, match: Match) -> Rejected | None:
    wrong = literal_problem(match.value)
    named = not is_id(match) or long_id(str(match.value)) is not None
    if named and wrong is None:
        return None
    where = f"{upsert.object_type}.{match.name}"
    if not named:
        return Rejected(
            Reason.INVALID_RECORD_ID,
            f'{where}: expected a 15 or 18 character record id, got "{match.value}".',
        )
    empty = isinstance(match.value, str) and not match.value.strip()
    reason = Reason.MATCH_KEY_MISSING if empty else Reason.MATCH_KEY_INVALID
    return Rejected(reason, f"{where}: the match key cannot be looked for: {wrong}.")
