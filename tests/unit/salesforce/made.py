"""Short ways to make the values that the Salesforce tests speak of."""

from collections.abc import Mapping, Sequence

from destinations.salesforce.keys import match_key
from destinations.salesforce.lookup import Findings, Found
from destinations.salesforce.plan import Write
from transformer.upsert import Match, Operation, Upsert

LEAD = "00Q000000000001EAA"
LEAD_2 = "00Q000000000002EAA"
CONTACT = "003000000000001AAA"
EMAIL = Match("Email", "ann@x.io")


def upsert(
    properties: Mapping[str, object] | None = None,
    *,
    object_type: str = "Lead",
    operation: Operation = Operation.UPSERT,
    matches: tuple[Match, ...] = (EMAIL,),
    on_create: Mapping[str, object] | None = None,
    on_update: Mapping[str, object] | None = None,
    fill: Sequence[str] = (),
    required: Sequence[str] = (),
    optional: Sequence[str] = (),
    repeated: bool = False,
) -> Upsert:
    """An upsert of a lead by email, unless said otherwise."""
    return Upsert(
        object_type,
        operation,
        {"Email": "ann@x.io"} if properties is None else properties,
        matches,
        on_create=on_create or {},
        on_update=on_update or {},
        fill=frozenset(fill),
        required=frozenset(required),
        repeated=repeated,
        optional=frozenset(optional),
    )


def lead(
    record_id: str = LEAD, created: str = "2026-01-01", contact: str = "", **values: object
) -> Found:
    """A lead that a lookup found; converted when it has a contact."""
    known: dict[str, object] = {name.casefold(): value for name, value in values.items()}
    if contact:
        known |= {"isconverted": True, "convertedcontactid": contact}
    return Found(record_id, created, known)


def findings(*records: Found, match: Match = EMAIL, object_type: str = "Lead") -> Findings:
    """What a lookup by `match` found."""
    return Findings({match_key(object_type, match): list(records)} if records else {})


def create(
    index: int = 0,
    properties: Mapping[str, object] | None = None,
    *,
    object_type: str = "Lead",
) -> Write:
    """A create of one row."""
    made = upsert(properties, object_type=object_type, operation=Operation.CREATE, matches=())
    return Write(index, "create", made, made.properties)


def update(
    index: int = 0,
    record_id: str = LEAD,
    properties: Mapping[str, object] | None = None,
    *,
    object_type: str = "Lead",
    found: bool = False,
) -> Write:
    """An update of one record."""
    made = upsert(properties, object_type=object_type)
    claims = (("", "id", record_id),)
    return Write(index, "update", made, made.properties, record_id, found=found, claims=claims)


def by_field(index: int, value: str, object_type: str = "Contact", field: str = "Ext__c") -> Write:
    """An upsert by an external-id field."""
    match = Match(field, value)
    made = upsert({}, object_type=object_type, matches=(match,))
    claims = (match_key(object_type, match),)
    return Write(index, "upsert", made, {field: value}, field=field, claims=claims)
