"""The settings a Salesforce connection may have: names, types, help, defaults. Data only."""

from transformer.destination import Setting
from transformer.kit.settings import SEVERAL_MATCHES, quota, timeouts

API_VERSION = "67.0"

SETTINGS: tuple[Setting, ...] = (
    Setting("username", "string", "The integration user's name.", example="sync@example.com"),
    Setting("password", "string", "Its password.", secret=True, example="${SALESFORCE_PASSWORD}"),
    Setting(
        "security_token",
        "string",
        "Its security token; may be left out when the org trusts this machine's address.",
        secret=True,
        example="${SALESFORCE_TOKEN}",
    ),
    Setting("sandbox", "boolean", "Whether the org is a sandbox.", default=False, example=True),
    Setting(
        "login_url",
        "string",
        "Where to log in: the org's My Domain, else the generic host that `sandbox` says.",
        example="https://acme.my.salesforce.com",
    ),
    Setting(
        "instance_url",
        "string",
        "Where to send data requests, if not to the address that the login answers.",
        example="https://acme.my.salesforce.com",
    ),
    Setting(
        "auth",
        "string",
        "How to log in; found from the other settings when left out. password and soap end with"
        " Salesforce's retirement of them.",
        choices=("client_credentials", "jwt_bearer", "refresh_token", "password", "soap"),
        example="client_credentials",
    ),
    Setting("client_id", "string", "The app's consumer key.", example="3MVG9..."),
    Setting("client_secret", "string", "Its secret.", secret=True, example="${SALESFORCE_SECRET}"),
    Setting(
        "private_key",
        "string",
        "The PEM key whose certificate the app has, for jwt_bearer.",
        secret=True,
        example="file:/run/secrets/salesforce.pem",
    ),
    Setting(
        "refresh_token",
        "string",
        "A refresh token, for refresh_token.",
        secret=True,
        example="${SALESFORCE_REFRESH_TOKEN}",
    ),
    Setting(
        "api_version", "string", "The REST API version.", default=API_VERSION, example=API_VERSION
    ),
    Setting(
        "use_contact_id",
        "boolean",
        "Write to the contact when the lead found was converted.",
        default=False,
        example=True,
    ),
    Setting(
        "map_properties",
        "boolean",
        "Map traits to Salesforce fields; off sends them as they are.",
        default=True,
        example=True,
    ),
    Setting(
        "required_defaults",
        "string",
        "When to write n/a into required fields without a value.",
        default="create",
        choices=("create", "always"),
        example="create",
    ),
    SEVERAL_MATCHES,
    Setting(
        "duplicates",
        "string",
        "What to do when a duplicate rule objects: refuse, allow (passes rules that only alert),"
        " or update the one record it names.",
        default="refuse",
        choices=("refuse", "allow", "update"),
        example="update",
    ),
    Setting(
        "upsert_directly",
        "string",
        "Fields by which Salesforce finds or creates records itself, as Object.Field with commas:"
        " those that its describe calls idLookup. An upsert that matches on one alone, and has a"
        " value for every required field, is then one write without a lookup. What a lookup would"
        " have seen is answered by Salesforce: a lead that was converted, or several records of one"
        " value (an open lead beside a converted one are two), reject the upsert.",
        example="Lead.Email, Contact.Email",
    ),
    Setting(
        "unknown_fields",
        "string",
        "What to do with fields that the org lacks or forbids: reject the upsert, or drop them and"
        " say so in the result. Fields that the mapping calls optional are always dropped.",
        default="reject",
        choices=("reject", "drop"),
        example="drop",
    ),
    Setting(
        "assignment_rules",
        "boolean",
        "Let the org's active assignment rules choose owners of leads written.",
        default=True,
        example=False,
    ),
    Setting(
        "remember_ids",
        "integer",
        "How many record ids to remember: a person whose record is known needs no lookup. 0 looks"
        " everybody up every time.",
        default=50_000,
        example=200_000,
    ),
    Setting(
        "remember_seconds",
        "number",
        "How long to remember one. For so long it goes unnoticed when somebody else changes the"
        " match key of the record in the org, or adds another record with the same.",
        default=600.0,
        example=3600.0,
    ),
    Setting(
        "skip_unchanged",
        "boolean",
        "Skip an update with the very values that this worker last wrote to the record, as far as"
        " it remembers; what others changed in the org meanwhile then stays.",
        default=False,
        example=True,
    ),
    Setting(
        "bulk_threshold",
        "integer",
        "From how many waiting upserts on to write by Bulk API 2.0 jobs, many thousands at a time:"
        " for backlogs, as a job takes minutes. Reading runs ahead until two such backlogs are"
        " there, whatever in_flight_records says: about 5 KB of memory for each upsert of the"
        " threshold. 0 never does.",
        default=0,
        example=20_000,
    ),
    Setting(
        "bulk_wait_seconds",
        "number",
        "How long to wait for a job before aborting it and writing the rest the usual way.",
        default=600.0,
        example=600.0,
    ),
    *quota("org's daily API requests", recheck_seconds=60.0),
    *timeouts(read_seconds=120.0),
)
