"""The ActiveCampaign emulator: one account behind HTTP, strict, with scripted faults.

Built from the API v3 documentation. Not verified against a live account, and chosen here:

| what | chosen |
| --- | --- |
| status of contact/sync when it updates | 200 (201 when it creates) |
| body of 429 | `{"message": "Too Many Requests"}` |
| text of 403 for a bad key | `{"message": "Forbidden"}` |
| e-mails and account names of another case | the same record |
| a tag name that is there already | 422 `duplicate` |
| a tag that the contact has already | 201, nothing changes |
| status 1 for somebody who left, without sourceid 4 | 200, the status stays 2 |
| unknown attribute or filter, unknown custom field id | 422 |
| `failureReasons[].contact` of a refused import | position from 0 |
| import statuses beside `completed` | `waiting`, `failed`, `interrupted` |
| largest import | 399,999 bytes |
| tracked event of an unknown contact, or a wrong key | 200 with `success: 0` |
"""

from destinations.activecampaign.emulator.app import ActiveCampaignEmulator
from transformer.clock import Clock

__all__ = ["ActiveCampaignEmulator", "build"]


def build(
    *,
    api_token: str = "emulator-token",  # noqa: S107 - of the emulator, opens nothing
    requests_per_second: int | None = 5,
    import_seconds: float = 2.0,
    event_account_id: str = "1234567",
    event_key: str = "emulator-event-key",
    seed: int = 0,
    clock: Clock | None = None,
    log_requests: int = 5_000,
) -> ActiveCampaignEmulator:
    """Make an empty account with one pipeline, `Sales`.

    `requests_per_second` None switches the rate limit off; `import_seconds` is how long a bulk
    import waits in the queue.
    """
    return ActiveCampaignEmulator(
        api_token=api_token,
        requests_per_second=requests_per_second,
        import_seconds=import_seconds,
        event_account_id=event_account_id,
        event_key=event_key,
        seed=seed,
        clock=clock,
        log_requests=log_requests,
    )
