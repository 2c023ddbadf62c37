"""The settings a Pipedrive connection may have: names, types, help, defaults. Data only."""

from collections.abc import Mapping

from destinations.pipedrive.plans import PLANS
from transformer.destination import Setting
from transformer.kit.settings import SEVERAL_MATCHES, quota, timeouts

OAUTH_URL = "https://oauth.pipedrive.com"
NEEDS: Mapping[str, tuple[str, ...]] = {
    "api_token": ("api_token",),
    "oauth": ("client_id", "client_secret", "refresh_token"),
}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "auth",
        "string",
        "How to sign in; found from the credentials when left out.",
        choices=tuple(NEEDS),
        example="api_token",
    ),
    Setting(
        "api_token",
        "string",
        "The integration user's personal API token.",
        secret=True,
        example="${PIPEDRIVE_API_TOKEN}",
    ),
    Setting("client_id", "string", "The OAuth app's client id.", example="0123456789abcdef"),
    Setting(
        "client_secret", "string", "Its secret.", secret=True, example="${PIPEDRIVE_CLIENT_SECRET}"
    ),
    Setting(
        "refresh_token",
        "string",
        "The refresh token of the company that installed the app.",
        secret=True,
        example="${PIPEDRIVE_REFRESH_TOKEN}",
    ),
    Setting(
        "base_url",
        "string",
        "Where to send requests: the company's own host, the emulator or a proxy. With OAuth the"
        " company's host is known from the token when left out.",
        default=None,
        example="https://acme.pipedrive.com",
    ),
    Setting(
        "oauth_url", "string", "Where to refresh OAuth tokens.", default=OAUTH_URL,
        example=OAUTH_URL,
    ),
    Setting(
        "plan",
        "string",
        "The company's plan; it decides the daily tokens and the requests in two seconds.",
        default="lite",
        choices=tuple(PLANS),
        example="growth",
    ),
    Setting("seats", "integer", "Paid seats of the company.", default=1, example=5),
    Setting(
        "daily_tokens",
        "integer",
        "The company's tokens a day, in place of what plan and seats give (with top-ups). Each of"
        " several workers uses its part. Pipedrive tells nobody how many are left, so a worker"
        " counts its own, and from none again when it is started again.",
        example=500_000,
    ),
    Setting(
        "reset_hour",
        "integer",
        "The hour (UTC) at which the daily tokens come back.",
        default=0,
        example=0,
    ),
    Setting(
        "searches",
        "integer",
        "Searches in two seconds, of all workers; Pipedrive allows 10 on every plan.",
        default=10,
        example=8,
    ),
    Setting("concurrency", "integer", "Requests of a worker at once.", default=5, example=5),
    Setting(
        "map_properties",
        "boolean",
        "Map traits to Pipedrive fields; off sends them as they are.",
        default=True,
        example=True,
    ),
    SEVERAL_MATCHES,
    Setting(
        "unknown_fields",
        "string",
        "What to do with traits that the company has no field for: reject the upsert, drop them"
        " and say so in the result, or create custom fields.",
        default="drop",
        choices=("reject", "drop", "create"),
        example="drop",
    ),
    Setting(
        "invalid_values",
        "string",
        "What to do with values that their field cannot hold (a word for a number, an unknown"
        " option): reject the upsert, or drop the value and say so in the result.",
        default="drop",
        choices=("reject", "drop"),
        example="reject",
    ),
    Setting(
        "link_organization",
        "string",
        "Link persons to their organization, found by its name or by its domain (see"
        " domain_field). Costs up to two requests for each new company.",
        default="off",
        choices=("off", "name", "domain"),
        example="name",
    ),
    Setting(
        "create_organizations",
        "boolean",
        "Create the organization to link to when there is none.",
        default=True,
        example=True,
    ),
    Setting(
        "domain_field",
        "string",
        "The custom text field of organizations that holds their domain; needed to find them by"
        " domain.",
        example="Domain",
    ),
    Setting(
        "activities",
        "boolean",
        "Write activities (from track events); off skips them.",
        default=False,
        example=True,
    ),
    Setting(
        "new_primary",
        "boolean",
        "Make an e-mail or phone that a person did not have yet the primary one. The others are"
        " always kept.",
        default=False,
        example=False,
    ),
    Setting(
        "currency",
        "string",
        "The currency of amounts that come without one; the user's own when left out.",
        example="EUR",
    ),
    Setting(
        "remember_seconds",
        "number",
        "How long the id of a record found or created is used without looking again. For so long it"
        " goes unnoticed when somebody else gives the record another name or address.",
        default=3600.0,
        example=3600.0,
    ),
    *quota("company's daily tokens", recheck_seconds=900.0),
    *timeouts(read_seconds=30.0),
)  # fmt: skip
