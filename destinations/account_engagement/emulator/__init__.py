"""The Account Engagement emulator: one business unit behind HTTP, strict, with scripted faults.

Built from the API v5 documentation. Not verified against a live business unit, and chosen here:

| what | chosen |
| --- | --- |
| status of codes 66 and 122 | 429 (`limit_status`) |
| status of 181 and 201; of 184; of 46 | 400; 401; 403 |
| status of an upsert | 201 when it creates, 200 when it updates (`prospects.update_status`) |
| a known address on create, without several per e-mail | code 9; on update code 54 |
| e-mail addresses of another case | another prospect |
| an upsert of a deleted prospect, without several per e-mail | it comes back |
| the field that assigns a prospect | `userId`; `assignedToId` is read only and shows it |
| text fields given a number or a truth | stored as given |
| custom fields Checkbox and MultiSelect, or with several responses | take a list |
| body of undelete | `{"email": ...}` |
| external activity of an address without a prospect | code 4 |
| extension and type that are not registered | code 154 |
| a value of an activity that is too long; a moment without offset | code 154; code 57 |
| a body without properties | code 152 |
| a list that is dynamic | code 130 on a membership |
| form of `x-api-usage` | `used/max` |
| bodies, paths and states of imports | as in version 4; done `imports.seconds` after their start |
| codes of columns: unknown; not those declared; not those of the batch before | 159; 226; 227 |
| a column that does not overwrite, where there is nothing | is set (`imports.fills_empty`) |
| a row with two match values, an unknown user, a deleted prospect | an error of the row |
| ids in `idList` | numbers, 1,000 at the most, else code 51 |

Faults beside the kit's: `stale_reads` (`seconds`, 60), `expire_tokens`, `spend_day`,
`concurrent_limit`, `code` (`options.code` with `status`), and those of `imports.py`.
"""

from destinations.account_engagement.emulator.app import AccountEngagementEmulator
from destinations.account_engagement.emulator.oauth import OAuth
from transformer.clock import Clock

__all__ = ["AccountEngagementEmulator", "build"]

BUSINESS_UNIT = "0Uv000000000001CAA"


def build(
    *,
    client_id: str = "consumer-key",
    client_secret: str = "consumer-secret",  # noqa: S107 - of the emulator, opens nothing
    refresh_token: str = "refresh-token",  # noqa: S107 - of the emulator, opens nothing
    username: str = "integration@example.com",
    public_key: str | None = None,
    business_unit_id: str = BUSINESS_UNIT,
    demo: bool = False,
    several_per_email: bool = False,
    daily_calls: int = 50_000,
    time_zone: str = "UTC",
    limit_status: int = 429,
    reports_usage: bool = True,
    seed: int = 0,
    clock: Clock | None = None,
    log_requests: int = 5_000,
) -> AccountEngagementEmulator:
    """Make a business unit with one user and one campaign.

    `demo` makes it one of a sandbox; `several_per_email` is the switch AMPSEA; `reports_usage`
    False leaves `x-api-usage` out, asked for or not.
    """
    emulator = AccountEngagementEmulator(
        oauth=OAuth(
            client_id=client_id,
            client_secret=client_secret,
            refresh_token=refresh_token,
            username=username,
            public_key=public_key,
            sandbox=demo,
        ),
        business_unit_id=business_unit_id,
        demo=demo,
        several_per_email=several_per_email,
        daily_calls=daily_calls,
        time_zone=time_zone,
        limit_status=limit_status,
        reports_usage=reports_usage,
        seed=seed,
        clock=clock,
        log_requests=log_requests,
    )
    emulator.add_first_records()
    return emulator
