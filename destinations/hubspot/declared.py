"""The settings a HubSpot connection may have: names, types, help, defaults. Data only."""

from transformer.destination import Setting
from transformer.kit.settings import SEVERAL_MATCHES, quota, timeouts

BASE_URL = "https://api.hubapi.com"
API_VERSION = "2026-03"
API_VERSIONS = ("2026-03", "2026-09", "v3")
BURST_REQUESTS = 100

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "access_token",
        "string",
        "A private app's token or service key.",
        secret=True,
        example="${HUBSPOT_ACCESS_TOKEN}",
    ),
    Setting("client_id", "string", "An OAuth app's client id.", example="0a1b2c3d-…"),
    Setting("client_secret", "string", "Its secret.", secret=True, example="${HUBSPOT_SECRET}"),
    Setting(
        "refresh_token",
        "string",
        "The refresh token that the account's installation gave.",
        secret=True,
        example="${HUBSPOT_REFRESH_TOKEN}",
    ),
    Setting("base_url", "string", "Where the API is.", default=BASE_URL, example=BASE_URL),
    Setting(
        "api_version",
        "string",
        "The version of the paths; v3 are the legacy ones, supported until September 2027.",
        default=API_VERSION,
        choices=API_VERSIONS,
        example=API_VERSION,
    ),
    Setting(
        "contact_upserts",
        "string",
        "direct lets HubSpot find contacts itself in the write (10 requests per 1,000);"
        " read_first reads them before, so that known contacts are updated by id (20).",
        default="direct",
        choices=("direct", "read_first"),
        example="direct",
    ),
    Setting(
        "contact_key",
        "string",
        "The property contacts are upserted by where an event has a value for it: email, or a"
        " custom one that HubSpot keeps unique.",
        default="email",
        example="customer_id",
    ),
    SEVERAL_MATCHES,
    Setting(
        "unknown_properties",
        "string",
        "What to do with properties the account lacks: reject the upsert, drop them and say so"
        " in the result, or create them.",
        default="drop",
        choices=("reject", "drop", "create"),
        example="drop",
    ),
    Setting(
        "invalid_values",
        "string",
        "What to do with values that their property cannot hold (a word for a number, an unknown"
        " option): reject the upsert, or drop the value and say so in the result.",
        default="drop",
        choices=("reject", "drop"),
        example="reject",
    ),
    Setting(
        "property_group",
        "string",
        "The group of properties that are created; the object's own when left out.",
        example="contactinformation",
    ),
    Setting(
        "company_association",
        "string",
        "Link contacts to companies: off; email_domain goes by the domain of their address;"
        " company by the company's id, website, the address's domain, then its name.",
        default="off",
        choices=("off", "email_domain", "company"),
        example="company",
    ),
    Setting(
        "create_companies",
        "boolean",
        "Whether a company that a contact is to be linked to is created when there is none.",
        default=True,
        example=True,
    ),
    Setting(
        "track_events",
        "string",
        "Send track events as custom events: off; defined sends those with a definition in the"
        " account; create makes missing definitions and properties.",
        default="off",
        choices=("off", "defined", "create"),
        example="defined",
    ),
    Setting(
        "search_lag_seconds",
        "number",
        "How long a new record may be missing in searches; a create that may have happened is"
        " looked for only after it.",
        default=10.0,
        example=10.0,
    ),
    Setting(
        "burst_requests",
        "integer",
        "Requests allowed in ten seconds: 100 for Free, Starter and OAuth, 190 for Professional"
        " and Enterprise. Each of several workers sends its part.",
        default=BURST_REQUESTS,
        example=190,
    ),
    *quota("account's daily API requests", recheck_seconds=300.0),
    *timeouts(read_seconds=60.0),
)
