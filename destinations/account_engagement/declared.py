"""The settings of an Account Engagement connection: names, types, help, defaults. Data only."""

from transformer.destination import Setting
from transformer.kit.settings import quota, timeouts

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "business_unit_id",
        "string",
        "The business unit, 18 characters from 0Uv on; one connection per business unit.",
        example="0Uv000000000001CAA",
    ),
    Setting(
        "environment",
        "string",
        "What the business unit is in: it decides where to log in and which API host to use.",
        default="production",
        choices=("production", "developer", "sandbox"),
        example="sandbox",
    ),
    Setting(
        "login_url",
        "string",
        "Where to log in: the org's My Domain, else the generic host of the environment.",
        example="https://acme.my.salesforce.com",
    ),
    Setting(
        "base_url",
        "string",
        "The API host, if not the environment's; not the login's instance_url.",
        example="https://pi.pardot.com",
    ),
    Setting(
        "auth",
        "string",
        "How to log in; found from the other settings when left out.",
        choices=("client_credentials", "jwt_bearer", "refresh_token"),
        example="client_credentials",
    ),
    Setting("client_id", "string", "The app's consumer key; its scope is pardot_api.",
            example="3MVG9..."),
    Setting("client_secret", "string", "Its secret.", secret=True, example="${PARDOT_SECRET}"),
    Setting(
        "private_key",
        "string",
        "The PEM key whose certificate the app has, for jwt_bearer.",
        secret=True,
        example="file:/run/secrets/pardot.pem",
    ),
    Setting("username", "string", "The user to log in as, for jwt_bearer.",
            example="sync@example.com"),
    Setting("refresh_token", "string", "A refresh token, for refresh_token.", secret=True,
            example="${PARDOT_REFRESH_TOKEN}"),
    Setting(
        "connector_user",
        "string",
        "The user that prospects are assigned to when the event names none, by id, Salesforce id"
        " or e-mail address. Without one such prospects are updated but never created.",
        example="marketing@example.com",
    ),
    Setting(
        "connector_user_assigns",
        "string",
        "new: only who is assigned to nobody, after the upsert, once; always: in the request of"
        " the upsert, which takes prospects that are there already from their users.",
        default="new",
        choices=("always", "new"),
        example="new",
    ),
    Setting(
        "assign_by_import_from",
        "integer",
        "From how many prospects of nobody in one write they are assigned by one import instead"
        " of by one request more for each; 0 is never. The user's role needs the abilities"
        " Prospects > Import and Prospects > Assign.",
        default=20,
        example=100,
    ),
    Setting(
        "import_timeout_seconds",
        "number",
        "How long such an import may take before its prospects are assigned one by one.",
        default=300.0,
        example=600.0,
    ),
    Setting(
        "assignment_field",
        "string",
        "The field of a prospect that assigns it.",
        default="userId",
        choices=("userId", "assignedToId"),
        example="userId",
    ),
    Setting(
        "several_matches",
        "string",
        "What to do when several prospects have the address: first is the one with the latest"
        " activity, as the API chooses; newest and refuse look first, by a request more.",
        default="first",
        choices=("first", "newest", "refuse"),
        example="refuse",
    ),
    Setting(
        "restore_deleted",
        "boolean",
        "When all prospects with the address are in the recycle bin, bring the most active back"
        " rather than create another.",
        default=True,
        example=False,
    ),
    Setting(
        "unknown_fields",
        "string",
        "What to do with fields and lists that the business unit lacks: reject the upsert, or"
        " drop them and say so in the result.",
        default="drop",
        choices=("reject", "drop"),
        example="reject",
    ),
    Setting(
        "opportunities",
        "string",
        "API v5 cannot write opportunities: skip the events for them, or reject them into the dead"
        " letters.",
        default="skip",
        choices=("skip", "reject"),
        example="reject",
    ),
    Setting("lists", "string", "Lists, by name or id with commas between, that every prospect"
            " written joins.", example="Product users"),
    Setting("tags", "string", "Tags, with commas between, that every prospect written gets.",
            example="from-events"),
    Setting(
        "external_activities",
        "boolean",
        "Send track events as external activities; off skips them.",
        default=False,
        example=True,
    ),
    Setting("activity_extension", "string", "The API name of the marketing app extension that"
            " the activities are of.", example="Product_Events"),
    Setting(
        "requests_in_flight",
        "integer",
        "Requests at once; the business unit has five for all that use its API. Each of several"
        " workers sends its part, one at the least, so have no more than five workers.",
        default=4,
        example=3,
    ),
    Setting(
        "time_zone",
        "string",
        "The account's time zone, in which its day of API requests ends; without it spent"
        " requests are asked for every recheck_seconds.",
        example="America/New_York",
    ),
    *quota("day's API requests", recheck_seconds=900.0),
    *timeouts(read_seconds=60.0),
)  # fmt: skip
