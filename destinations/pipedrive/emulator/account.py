"""What the company says of itself: the user, its activity types and currencies. Data only."""

from collections.abc import Sequence

from destinations.pipedrive.emulator.rules import ACTIVITY_TYPES, CURRENCIES
from destinations.pipedrive.emulator.store import plain_stamp

USER_ID = 1
USERS = frozenset({USER_ID, 2})
COMPANY = "Emulated Company"


def me() -> dict[str, object]:
    """Return the user whose token it is, as `GET /v1/users/me` shows them."""
    return {
        "id": USER_ID,
        "name": "Emulated User",
        "email": "user@example.com",
        "default_currency": CURRENCIES[0],
        "locale": "en_US",
        "active_flag": True,
        "is_you": True,
        "timezone_name": "Etc/UTC",
        "timezone_offset": "+00:00",
        "company_id": 1,
        "company_name": COMPANY,
        "company_domain": "emulated",
    }


def activity_types() -> Sequence[dict[str, object]]:
    """Return the kinds of activity there are."""
    at = plain_stamp(0.0)
    return [
        {
            "id": number,
            "name": key.title(),
            "icon_key": key,
            "color": "FFFFFF",
            "order_nr": number,
            "key_string": key,
            "active_flag": True,
            "is_custom_flag": False,
            "add_time": at,
            "update_time": at,
        }
        for number, key in enumerate(ACTIVITY_TYPES, 1)
    ]


def currencies() -> Sequence[dict[str, object]]:
    """Return the currencies there are."""
    return [
        {
            "id": number,
            "code": code,
            "name": code,
            "decimal_points": 2,
            "symbol": code,
            "active_flag": True,
            "is_custom_flag": False,
        }
        for number, code in enumerate(CURRENCIES, 1)
    ]
