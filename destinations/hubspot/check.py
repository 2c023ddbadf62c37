"""The online check: token, scopes, objects, properties, their rights and types, and the budget.

Says everything it finds, never just the first; changes nothing in the account.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from urllib.parse import urlencode

from destinations.hubspot.auth import Session
from destinations.hubspot.client import Call, HubSpotClient
from destinations.hubspot.companies import STORED_ID
from destinations.hubspot.events import CUSTOM_EVENT, Events
from destinations.hubspot.paths import object_name
from destinations.hubspot.schema import ObjectSchema, Property, Schemas
from destinations.hubspot.settings import HubSpotSettings
from destinations.hubspot.shape import RECORD_ID
from destinations.hubspot.slots import slot_of
from transformer.budget import Budget
from transformer.destination import FieldUse, Finding
from transformer.errors import TransformerError
from transformer.http import HttpClient, Request
from transformer.kit.fit import misfits

PRIVATE_APP_INFO = "/oauth/v2/private-apps/get/access-token-info"
_SCOPED = frozenset({"contacts", "companies", "deals"})
# By domain, and by name where there is none (row C4).
_TOLD_APART = frozenset({("companies", "domain"), ("companies", "name")})


async def run(
    options: HubSpotSettings,
    *,
    http: HttpClient,
    session: Session,
    client: HubSpotClient,
    schemas: Schemas,
    events: Events,
    fields: Sequence[FieldUse],
) -> Sequence[Finding]:
    """Check the connection; a refused token ends it, everything after is checked."""
    try:
        token = await session.token()
        scopes = await _scopes(options, http, client, token.text)
    except TransformerError as error:
        return [Finding("error", "credentials", str(error))]
    findings = [Finding("ok", "credentials", "HubSpot accepts the token.")]
    used = sorted({name for use in fields if (name := object_name(use.object_type))})
    findings.extend(scope_findings(scopes, needed_scopes(used, options)))
    steps = (
        _objects(schemas, options, fields),
        _events(events, options),
        _budget(client, http.budget, options),
    )
    for step in steps:
        try:
            findings.extend(await step)
        except TransformerError as error:
            findings.append(Finding("error", "hubspot", str(error)))
    return findings


def needed_scopes(objects: Iterable[str], options: HubSpotSettings) -> Sequence[str]:
    """The scopes that this connection's writes need, one for each object and feature."""
    needed: dict[str, None] = {}
    linked = ["companies"] if options.company_association != "off" else []
    for name in dict.fromkeys([*objects, *linked]):
        if name in _SCOPED:
            needed |= dict.fromkeys(f"crm.objects.{name}.{right}" for right in ("read", "write"))
            if options.unknown_properties == "create":
                needed[f"crm.schemas.{name}.write"] = None
        elif name == "tickets":
            needed["tickets"] = None
    if options.track_events != "off":
        needed["behavioral_events.event_definitions.read_write"] = None
        needed["analytics.behavioral_events.send"] = None
    return list(needed)


def scope_findings(granted: Sequence[str] | None, needed: Sequence[str]) -> Sequence[Finding]:
    """What the app lacks; the account may not tell."""
    if granted is None:
        return [Finding("warning", "scopes", "HubSpot does not say what the token may do.")]
    missing = [scope for scope in needed if scope not in granted]
    if missing:
        text = f"the app lacks {', '.join(missing)}. Grant them in the app's settings."
        return [Finding("error", "scopes", text)]
    return [Finding("ok", "scopes", f"all {len(needed)} scopes needed are granted.")]


def object_findings(
    schema: ObjectSchema, uses: Sequence[FieldUse], unknown: str
) -> Sequence[Finding]:
    """What is wrong between a mapping's fields and one object; one `ok` when nothing is."""
    findings: list[Finding] = []
    for use in uses:
        prop = schema.find(use.name)
        if use.name.casefold() in {"id", RECORD_ID, STORED_ID}:
            continue
        if prop is None:
            findings.append(_unknown(schema, use, unknown))
            continue
        if use.matched:
            findings.extend(_matchable(schema, prop, use))
        if prop.read_only and use.written:
            text = f"{schema.name}.{prop.name}: read only, so it is left out of requests."
            findings.append(Finding("warning", use.where, text))
        elif prop.options is not None and not prop.options:
            text = f"{schema.name}.{prop.name}: an enumeration without options takes no value."
            findings.append(Finding("warning", use.where, text))
        else:
            found = misfits(use, slot_of(schema.name, prop))
            findings.extend(Finding(each.level, use.where, each.message) for each in found)
    if not any(finding.level == "error" for finding in findings):
        kinds = sorted({p.type for use in uses if (p := schema.find(use.name))})
        text = f"{schema.name}: {len(uses)} mapped properties checked ({', '.join(kinds)})."
        findings.append(Finding("ok", uses[0].where, text))
    return findings


async def _scopes(
    options: HubSpotSettings, http: HttpClient, client: HubSpotClient, token: str
) -> Sequence[str] | None:
    """What the token may do, as HubSpot tells; None when it does not tell. Raises Unauthorized."""
    if not options.is_oauth:
        body = {"tokenKey": token}
        reply = await client.send(
            Call("POST", PRIVATE_APP_INFO, "token_info", writes=False, body=body)
        )
        return _listed(reply.body if reply.ok else None)
    form = {
        "token": token,
        "token_type_hint": "access_token",
        "client_id": options.client_id,
        "client_secret": options.client_secret,
    }
    answer = await http.send(
        Request(
            "POST",
            options.base_url + client.paths.introspect,
            "token_info",
            writes=False,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            metered=False,
        )
    )
    return _listed(answer.body)


def _listed(body: object) -> Sequence[str] | None:
    scopes = body.get("scopes") if isinstance(body, Mapping) else None
    return [str(scope) for scope in scopes] if isinstance(scopes, list) else None


async def _objects(
    schemas: Schemas, options: HubSpotSettings, fields: Sequence[FieldUse]
) -> Sequence[Finding]:
    findings: list[Finding] = []
    by_object: dict[str, list[FieldUse]] = {}
    for use in fields:
        if use.object_type != CUSTOM_EVENT:
            by_object.setdefault(use.object_type, []).append(use)
    for object_type, uses in by_object.items():
        name = object_name(object_type)
        schema = None
        try:
            schema = await schemas.of(name) if name else None
        except TransformerError as error:
            findings.append(Finding("error", uses[0].where, str(error)))
            continue
        if schema is None:
            text = f'object "{object_type}" is not in this account. Check its name.'
            findings.append(Finding("error", uses[0].where, text))
            continue
        findings.extend(object_findings(schema, uses, options.unknown_properties))
        findings.extend(_key(schema, options, uses[0].where))
    return findings


def _key(schema: ObjectSchema, options: HubSpotSettings, where: str) -> Iterable[Finding]:
    if schema.name == "contacts" and not schema.is_unique(options.contact_key):
        yield Finding(
            "error",
            where,
            f"contact_key: contacts.{options.contact_key} is not unique, so HubSpot cannot upsert"
            " by it. Create it with unique values, or use email.",
        )


def _unknown(schema: ObjectSchema, use: FieldUse, unknown: str) -> Finding:
    close = get_close_matches(use.name.casefold(), list(schema.properties), n=1, cutoff=0.75)
    hint = f' Did you mean "{close[0]}"?' if close else ""
    where = f"{schema.name}.{use.name}"
    if use.matched and unknown != "create":
        text = f"{where}: matched on, but there is no such property.{hint}"
        return Finding("error", use.where, text)
    if unknown == "create":
        return Finding("warning", use.where, f"{where}: no such property; it will be created.")
    if unknown == "drop":
        return Finding("warning", use.where, f"{where}: no such property; it is dropped.{hint}")
    return Finding("error", use.where, f"{where}: no such property.{hint}")


def _matchable(schema: ObjectSchema, prop: Property, use: FieldUse) -> Iterable[Finding]:
    """Say that several records may have one value; companies are told apart by the worker."""
    if not schema.is_unique(prop.name) and (schema.name, prop.name) not in _TOLD_APART:
        yield Finding(
            "warning",
            use.where,
            f"{schema.name}.{prop.name}: matched on, but not unique: it is searched for, the"
            " search's index lags, and several records may have one value; several_matches says"
            " what becomes of them then.",
        )


async def _events(events: Events, options: HubSpotSettings) -> Sequence[Finding]:
    if options.track_events == "off":
        return []
    found = {each.full_name for each in (await events.definitions()).values()}
    return [Finding("ok", "track_events", f"{len(found)} custom events are defined.")]


async def _budget(
    client: HubSpotClient, budget: Budget, options: HubSpotSettings
) -> Sequence[Finding]:
    await client.probe()
    if options.is_oauth:
        return [Finding("ok", "api_share", "an OAuth app has no daily limit.")]
    if budget.limit is None:
        return [Finding("warning", "api_share", "HubSpot did not say how many requests are left.")]
    text = (
        f"{budget.used} of {budget.limit} API requests of the day are used;"
        f" this connection stops at {budget.allowed}."
    )
    return [Finding("error" if budget.exhausted else "ok", "api_share", text)]
