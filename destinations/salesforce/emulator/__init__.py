"""A strict local Salesforce org: the client's mistakes get Salesforce's errors.

`build(...)` makes one; `README.md` beside this file says what it covers and what is unverified.
"""

from collections.abc import Mapping, Sequence
from typing import TypedDict, Unpack

from destinations.salesforce.emulator.app import Options, SalesforceEmulator
from destinations.salesforce.emulator.auth import App, User
from destinations.salesforce.emulator.duplicates import DuplicateRule
from transformer.clock import Clock

__all__ = ["App", "BuildOptions", "DuplicateRule", "SalesforceEmulator", "User", "build"]


class BuildOptions(TypedDict, total=False):
    """What `build` takes; every key has a default in `app.Options`."""

    seed: int
    clock: Clock | None
    sandbox: bool
    trusted_ip: bool
    soap_login: bool
    instance_url: str | None
    latest_version: int
    daily_limit: int
    page_records: int
    search_lag_seconds: float
    bulk_polls: int
    bulk_listed: int
    users: Sequence[User]
    apps: Sequence[App]
    custom_fields: Mapping[str, Sequence[str]]
    custom_objects: Mapping[str, Sequence[str]]
    allow_any_custom_field: bool
    duplicate_rules: Sequence[DuplicateRule]
    parse_errors_refuse_all: bool
    log_requests: int
    log_body_bytes: int
    compress: bool


def build(**options: Unpack[BuildOptions]) -> SalesforceEmulator:
    """Return an emulated org, not yet listening.

    Use it as `async with build(...).serve() as org`, with `org.url` to talk to.

    `seed` repeats chaos; `clock` moves its time. `sandbox` makes `test.` the login host;
    `trusted_ip` accepts passwords without the security token; `soap_login=False` is a new org.
    `daily_limit` is the calls per rolling 24 hours. `custom_fields` maps an object to
    `Plan__c:string(255):externalId,unique` (see `schema.read_spec`), `custom_objects` likewise
    for new objects. `allow_any_custom_field` creates unknown `__c` fields on first use, which no
    real org does: for demos. `parse_errors_refuse_all` refuses a whole collection for one row
    that does not fit its object.
    """
    return SalesforceEmulator(Options(**options))
