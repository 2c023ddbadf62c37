"""The online check: token, business unit, abilities, fields and the budget. Changes nothing."""

from collections.abc import Awaitable, Callable, Sequence

from destinations.account_engagement import activities, prospects
from destinations.account_engagement.catalogue import Lists
from destinations.account_engagement.client import AccountEngagementClient
from destinations.account_engagement.fields import READ_ONLY, WRITABLE, CustomFields, Field
from destinations.account_engagement.prospect_plan import LISTS, SPECIAL, names_of
from destinations.account_engagement.reasons import refused
from destinations.account_engagement.settings import AccountEngagementSettings
from destinations.account_engagement.slots import slot_of
from destinations.account_engagement.users import Users
from transformer.budget import Budget
from transformer.destination import FieldUse, Finding
from transformer.errors import QuotaSpent, Throttled, TransformerError, Unreachable
from transformer.failures import Declined
from transformer.kit.fit import misfits
from transformer.outcome import Rejected, Retry

KNOWN_OBJECTS = (prospects.OBJECT, activities.OBJECT)


async def run(
    client: AccountEngagementClient,
    settings: AccountEngagementSettings,
    *,
    users: Users,
    custom: CustomFields,
    lists: Lists,
    budget: Budget,
    uses: Sequence[FieldUse],
) -> Sequence[Finding]:
    """Check the connection; a token or business unit that is refused ends it.

    Raises Unreachable, Throttled and QuotaSpent, when nobody can tell.
    """
    try:
        account = await client.usage()
    except (Unreachable, Throttled, QuotaSpent):
        raise
    except TransformerError as error:
        return [Finding("error", "credentials", str(error))]
    findings = [_account(settings, account.record.get("company")), *_budget(budget)]
    steps: Sequence[Callable[[], Awaitable[Sequence[Finding]]]] = (
        lambda: _abilities(client, settings),
        lambda: _connector(users, settings),
        lambda: _lists(lists, settings),
        lambda: _fields(custom, settings, uses),
    )
    for step in steps:
        try:
            findings.extend(await step())
        except Declined as declined:
            findings.append(Finding("error", "abilities", _words(declined)))
    return [*findings, *_objects(uses)]


def _account(settings: AccountEngagementSettings, company: object) -> Finding:
    text = f"logged in with auth {settings.auth} to the business unit of {company or 'unknown'}."
    return Finding("ok", "credentials", text)


def _budget(budget: Budget) -> Sequence[Finding]:
    if budget.limit is None:
        text = "the account does not say how many API requests its day has."
        return [Finding("warning", "api_share", text)]
    text = (
        f"{budget.used} of {budget.limit} API requests of the day are used;"
        f" this connection stops at {budget.allowed}."
    )
    return [Finding("error" if budget.exhausted else "ok", "api_share", text)]


async def _abilities(
    client: AccountEngagementClient, settings: AccountEngagementSettings
) -> Sequence[Finding]:
    """Read one of each kind that will be read; whether writing is allowed only writing shows."""
    paths = ["objects/prospects"]
    if settings.external_activities:
        paths.append("external-activities")
    if settings.tags:
        paths.append("objects/tags")
    findings = []
    for path in paths:
        name = path.rpartition("/")[2]
        reply = await client.get(path, "check", fields="id", limit="1")
        if reply.ok:
            findings.append(Finding("ok", "abilities", f"{name} may be read."))
        else:
            declined = Declined(refused(reply.body, reply.status, name))
            findings.append(Finding("error", "abilities", _words(declined)))
    return findings


async def _connector(users: Users, settings: AccountEngagementSettings) -> Sequence[Finding]:
    name = settings.connector_user
    if not name:
        text = "not set: prospects whose event names no user are updated but never created."
        return [Finding("warning", "connector_user", text)]
    if await users.find(name) is None:
        text = "no such user in the business unit. Name one by id, Salesforce id or e-mail address."
        return [Finding("error", "connector_user", text)]
    return [Finding("ok", "connector_user", "the user is in the business unit.")]


async def _lists(lists: Lists, settings: AccountEngagementSettings) -> Sequence[Finding]:
    missing = [name for name in names_of(settings.lists) if await lists.find(name) is None]
    text = "no such static list in the business unit. Create it, or fix its name."
    return [Finding("error", f"{LISTS}: {name}", text) for name in missing]


async def _fields(
    custom: CustomFields, settings: AccountEngagementSettings, uses: Sequence[FieldUse]
) -> Sequence[Finding]:
    findings: list[Finding] = []
    mine = [use for use in uses if use.object_type == prospects.OBJECT]
    for use in mine:
        if use.matched and use.name not in prospects.KEYS:
            findings.append(_unmatchable(use))
        if use.name in SPECIAL or use.name in READ_ONLY:
            continue
        field = Field(use.name) if use.name in WRITABLE else await custom.find(use.name)
        if field is None:
            findings.append(_missing(use, settings))
        else:
            found = misfits(use, slot_of(use.object_type, field))
            findings.extend(Finding(each.level, use.where, each.message) for each in found)
    if mine and not findings:
        text = f"{len(mine)} fields of the mapping are there."
        findings.append(Finding("ok", prospects.OBJECT, text))
    return findings


def _unmatchable(use: FieldUse) -> Finding:
    return Finding(
        "error",
        use.where,
        f"{use.object_type}.{use.name}: prospects cannot be found by it, expected"
        f" {', '.join(sorted(prospects.KEYS))}. Match on one of these.",
    )


def _missing(use: FieldUse, settings: AccountEngagementSettings) -> Finding:
    drops = settings.unknown_fields == "drop"
    then = "It is left out of every write." if drops else "Writes with it are rejected."
    return Finding(
        "warning" if drops else "error",
        f"{use.where}: {use.object_type}.{use.name}",
        f"the business unit has no such field. {then} Create it, or fix its name.",
    )


def _objects(uses: Sequence[FieldUse]) -> Sequence[Finding]:
    strange = {use.object_type: use for use in uses if use.object_type not in KNOWN_OBJECTS}
    return [
        Finding(
            "error",
            f"{use.where}: {name}",
            f"it cannot be written, expected one of {', '.join(KNOWN_OBJECTS)}. Fix the mapping.",
        )
        for name, use in strange.items()
    ]


def _words(declined: Declined) -> str:
    outcome = declined.outcome
    if not isinstance(outcome, Rejected | Retry):
        return "refused."
    # Of its detail only where it was: the rest are the vendor's words, which may echo the token.
    where = outcome.detail.partition(":")[0]
    return f"{where}: Account Engagement refused it: {outcome.reason}."
