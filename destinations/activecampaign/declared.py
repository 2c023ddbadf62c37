"""The settings an ActiveCampaign connection may have: names, types, help, defaults. Data only."""

from transformer.destination import Setting
from transformer.kit.settings import SEVERAL_MATCHES, timeouts

EVENT_URL = "https://trackcmp.net"

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "base_url",
        "string",
        "The account's API address, as Settings > Developer shows it.",
        example="https://acme.api-us1.com",
    ),
    Setting(
        "api_token",
        "string",
        "The key of the user that the sync writes as.",
        secret=True,
        example="${ACTIVECAMPAIGN_TOKEN}",
    ),
    Setting(
        "requests_per_second",
        "number",
        "The account's rate limit, shared by everything that uses its API: lower it to leave some"
        " to others. Each of several workers sends its part, in whole requests, so that three send"
        " three a second.",
        default=5.0,
        example=3.0,
    ),
    Setting(
        "bulk_threshold",
        "integer",
        "From how many contacts in one write they go by bulk import instead of one by one; 0 is"
        " never. A write takes 1,000 upserts, or this many where so many wait. An import fires no"
        " webhooks and does not say which contacts were new.",
        default=100,
        example=250,
    ),
    Setting(
        "bulk_poll_seconds",
        "number",
        "How long to wait for a bulk import before asking for its state, the first time.",
        default=5.0,
        example=10.0,
    ),
    Setting(
        "bulk_timeout_seconds",
        "number",
        "How long a bulk import may take before it is sent again. For so long at the most, contacts"
        " that may be in an import of before wait for its end; it is then taken for another"
        " integration's.",
        default=1800.0,
        example=900.0,
    ),
    Setting(
        "unknown_fields",
        "string",
        "What to do with fields and lists that the account lacks: reject the upsert, drop them and"
        " say so in the result, or create the fields as text.",
        default="drop",
        choices=("reject", "drop", "create"),
        example="create",
    ),
    Setting(
        "link_accounts",
        "boolean",
        "Make a contact one of the account that its company names; one by one this takes a"
        " request more for each contact.",
        default=False,
        example=True,
    ),
    Setting(
        "match_account_domains",
        "boolean",
        "Find accounts by the domain of their URL, too. The API cannot search for it: up to 10,000"
        " accounts are listed, a request per 100, every hour, and for a domain that is not among"
        " them every quarter of an hour. Off, they are found by name alone.",
        default=True,
        example=False,
    ),
    SEVERAL_MATCHES,
    Setting(
        "currency",
        "string",
        "The currency of amounts that come without one.",
        default="usd",
        example="eur",
    ),
    Setting(
        "event_tracking",
        "boolean",
        "Send track events to the account's event tracking; off skips them.",
        default=False,
        example=True,
    ),
    Setting(
        "event_account_id",
        "string",
        "The account's number for event tracking, from Settings > Tracking.",
        example="1234567",
    ),
    Setting(
        "event_key",
        "string",
        "The key of event tracking; not the API key.",
        secret=True,
        example="${ACTIVECAMPAIGN_EVENT_KEY}",
    ),
    Setting(
        "event_url", "string", "Where tracked events go.", default=EVENT_URL, example=EVENT_URL
    ),
    *timeouts(read_seconds=60.0),
)
