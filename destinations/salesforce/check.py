"""The online check: credentials, API version, objects, fields, their types, and the budget.

Says everything it finds, never just the first; changes nothing in the org.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from destinations.salesforce.auth import Session
from destinations.salesforce.client import SalesforceClient
from destinations.salesforce.schema import Field, ObjectSchema, Schemas, names
from destinations.salesforce.settings import ENDING, Fields, SalesforceSettings
from destinations.salesforce.slots import slot_of
from destinations.salesforce.soql import is_name
from transformer.budget import Budget
from transformer.destination import Finding
from transformer.errors import TransformerError, Unreachable
from transformer.kit.fit import misfits
from transformer.upsert import FieldUse


async def run(
    options: SalesforceSettings,
    *,
    session: Session,
    client: SalesforceClient,
    schemas: Schemas,
    budget: Budget,
    fields: Sequence[FieldUse],
) -> Sequence[Finding]:
    """Check the connection; a login that fails ends it, everything after is checked."""
    findings = list(_auth_findings(options))
    try:
        await session.token()
    except Unreachable:
        raise  # nobody can tell whether the credentials are right
    except TransformerError as error:
        return [*findings, Finding("error", "credentials", str(error))]
    findings.append(Finding("ok", "credentials", f"logged in with auth {options.auth}."))
    steps = (
        _version(options, client),
        _organization(options, client),
        _objects(schemas, fields, options.upsert_directly),
        _budget(client, budget),
    )
    for step in steps:
        try:
            findings.extend(await step)
        except TransformerError as error:
            findings.append(Finding("error", "salesforce", str(error)))
    return findings


def _auth_findings(options: SalesforceSettings) -> Iterable[Finding]:
    if options.auth in ENDING:
        yield Finding(
            "warning",
            "auth",
            f"{options.auth} login is blocked in new orgs and is being retired. Move to"
            " client_credentials or jwt_bearer.",
        )


async def _version(options: SalesforceSettings, client: SalesforceClient) -> Sequence[Finding]:
    reply = await client.versions()
    listed = reply.body if isinstance(reply.body, list) else []
    told = [str(item.get("version")) for item in listed if isinstance(item, Mapping)]
    known = [version for version in told if re.fullmatch(r"[0-9]{1,3}\.[0-9]", version)]
    if options.api_version in known:
        return [Finding("ok", "api_version", f"{options.api_version} is supported.")]
    newest = max(known, key=float, default="unknown")
    return [
        Finding(
            "error",
            "api_version",
            f"{options.api_version} is not supported by this org, expected one up to {newest}."
            f' Set api_version: "{newest}".',
        )
    ]


async def _organization(options: SalesforceSettings, client: SalesforceClient) -> Sequence[Finding]:
    """Compare the org's own word on what it is with the sandbox switch (row S1)."""
    reply = await client.query("SELECT Id, Name, IsSandbox FROM Organization")
    records = reply.body.get("records") if isinstance(reply.body, Mapping) else None
    record = records[0] if isinstance(records, list) and records else None
    actual = record.get("IsSandbox") if isinstance(record, Mapping) else None
    if not isinstance(actual, bool):
        return [Finding("warning", "sandbox", "the org does not say whether it is a sandbox.")]
    kind = "a sandbox" if actual else "production"
    if actual is options.sandbox:
        return [Finding("ok", "sandbox", f"the org is {kind}, as configured.")]
    return [
        Finding(
            "error",
            "sandbox",
            f"the org is {kind}, expected {'a sandbox' if options.sandbox else 'production'}."
            f" Set sandbox: {str(actual).lower()}, or use the other org's credentials.",
        )
    ]


async def _objects(
    schemas: Schemas, fields: Sequence[FieldUse], directly: Fields
) -> Sequence[Finding]:
    findings: list[Finding] = []
    by_object: dict[str, list[FieldUse]] = {}
    for use in fields:
        by_object.setdefault(use.object_type, []).append(use)
    for object_type, uses in by_object.items():
        schema = await schemas.of(object_type) if is_name(object_type) else None
        if schema is None:
            findings.append(
                Finding(
                    "error",
                    uses[0].where,
                    f'object "{object_type}" is not in this org or not visible to this user.'
                    " Check its API name and the user's access.",
                )
            )
        else:
            findings.extend(object_findings(schema, uses, directly))
    return findings


def object_findings(
    schema: ObjectSchema, uses: Sequence[FieldUse], directly: Fields = frozenset()
) -> Sequence[Finding]:
    """What is wrong between a mapping's fields and one object; one `ok` when nothing is."""
    findings: list[Finding] = []
    rights = (("create", schema.createable), ("update", schema.updateable))
    findings.extend(
        Finding(
            "error",
            uses[0].where,
            f"{schema.name}: this user may not {verb} it. Grant the permission.",
        )
        for verb, allowed in rights
        if not allowed
    )
    left_out: list[FieldUse] = []
    for use in uses:
        field = schema.fields.get(use.name.casefold())
        if use.optional and (field is None or not field.writable):
            left_out.append(use)
        else:
            findings.extend(
                _unknown(schema, use) if field is None else _of_field(schema, field, use, directly)
            )
    findings.extend(_left_out(schema, left_out))
    findings.extend(_required(schema, uses))
    if not any(finding.level == "error" for finding in findings):
        findings.append(
            Finding("ok", uses[0].where, f"{schema.name}: {len(uses)} mapped fields checked.")
        )
    return findings


def _of_field(
    schema: ObjectSchema, field: Field, use: FieldUse, directly: Fields
) -> Iterable[Finding]:
    if field.name == "Id":
        return
    if use.written:
        yield from _rights(schema, field, use)
    yield from _types(schema, field, use)
    if use.matched:
        yield from _matchable(schema, field, use, directly)


def _unknown(schema: ObjectSchema, use: FieldUse) -> Iterable[Finding]:
    close = get_close_matches(
        use.name.casefold(), [name.casefold() for name in names(schema)], n=1, cutoff=0.75
    )
    hint = f' Did you mean "{schema.fields[close[0]].name}"?' if close else ""
    yield Finding(
        "error",
        use.where,
        f"{schema.name}.{use.name}: no such field, or not visible to this user.{hint}",
    )


def _left_out(schema: ObjectSchema, uses: Sequence[FieldUse]) -> Iterable[Finding]:
    if uses:
        listed = ", ".join(use.name for use in uses)
        yield Finding(
            "warning",
            uses[0].where,
            f"{schema.name}: optional fields left out, not in this org or not writable by this"
            f" user: {listed}.",
        )


def _rights(schema: ObjectSchema, field: Field, use: FieldUse) -> Iterable[Finding]:
    where = f"{schema.name}.{field.name}"
    if not field.writable:
        yield Finding("error", use.where, f"{where}: read only. Leave it out of the mapping.")
    elif not field.createable:
        yield Finding("warning", use.where, f"{where}: can be updated but not set on create.")
    elif not field.updateable:
        yield Finding("warning", use.where, f"{where}: can be set on create but not updated.")


def _required(schema: ObjectSchema, uses: Sequence[FieldUse]) -> Iterable[Finding]:
    mapped = {use.name.casefold() for use in uses if use.written}
    missing = [field.name for key, field in schema.fields.items() if field.required]
    missing = [name for name in missing if name.casefold() not in mapped]
    if missing:
        yield Finding(
            "error",
            uses[0].where,
            f"{schema.name}: creating needs {', '.join(missing)}, which the mapping never writes."
            " Map a source or a default for each.",
        )


def _types(schema: ObjectSchema, field: Field, use: FieldUse) -> Iterable[Finding]:
    """Compare what the mapping makes with what the field takes."""
    for misfit in misfits(use, slot_of(schema.name, field)):
        yield Finding(misfit.level, use.where, misfit.message)


def _matchable(
    schema: ObjectSchema, field: Field, use: FieldUse, directly: Fields
) -> Iterable[Finding]:
    """Say whether records can be found by the field, as the worker looks for them.

    There are four ways to fail: the worker lets Salesforce find it by a field that it was told, or
    by an external id, that is none; a query cannot filter by it; or it does not name one record.
    """
    where = f"{schema.name}.{field.name}"
    finds = field.external_id or field.id_lookup
    if (schema.name.casefold(), field.name.casefold()) in directly and not finds:
        yield Finding(
            "error",
            "upsert_directly",
            f"{where}: Salesforce does not find records by it, expected a field that its describe"
            " calls idLookup or externalId. Leave it out.",
        )
    elif use.alone and field.name.casefold().endswith("__c") and not finds:
        yield Finding(
            "error",
            use.where,
            f"{where}: upserts match on it alone, expected an external id. Mark the field as"
            " External ID, or match on another one.",
        )
    elif not field.filterable:
        yield Finding("error", use.where, f"{where}: cannot be matched on: not filterable.")
    elif not (finds or field.unique):
        yield Finding(
            "warning",
            use.where,
            f"{where}: matched on, but neither unique nor an external id: several records may"
            " have one value; several_matches says what becomes of them then.",
        )


async def _budget(client: SalesforceClient, budget: Budget) -> Sequence[Finding]:
    await client.limits()
    if budget.limit is None:
        return [
            Finding("warning", "api_share", "the org did not say how many API requests it has.")
        ]
    return [
        Finding(
            "error" if budget.exhausted else "ok",
            "api_share",
            f"{budget.used} of {budget.limit} API requests of the day are used;"
            f" this connection stops at {budget.allowed}.",
        )
    ]
