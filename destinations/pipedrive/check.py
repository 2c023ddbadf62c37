"""The online check: credentials, the mapped fields with their types, and the settings' own fields.

Says everything it finds, never just the first; changes nothing in the company.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from destinations.pipedrive.body import unknown
from destinations.pipedrive.client import PipedriveClient
from destinations.pipedrive.fields import Fields, Schema
from destinations.pipedrive.lookup import SEARCHABLE
from destinations.pipedrive.objects import ORGANIZATIONS, ObjectKind, kind_of
from destinations.pipedrive.settings import PipedriveSettings
from destinations.pipedrive.slots import slot_of
from transformer.destination import Finding
from transformer.errors import TransformerError
from transformer.kit.fit import misfits
from transformer.upsert import FieldUse


async def run(
    options: PipedriveSettings,
    client: PipedriveClient,
    fields: Fields,
    uses: Sequence[FieldUse],
) -> Sequence[Finding]:
    """Check the connection; refused credentials end it, everything after is checked."""
    try:
        reply = await client.me()
    except TransformerError as error:
        return [Finding("error", "credentials", str(error))]
    if not reply.ok:
        return [Finding("error", "credentials", f"Pipedrive answered {reply.status} to users/me.")]
    company = reply.record.get("company_name")
    findings = [Finding("ok", "credentials", f'signed in to the company "{company}".')]
    findings.append(_budget(options))
    by_object: dict[str, list[FieldUse]] = {}
    for use in uses:
        by_object.setdefault(use.object_type, []).append(use)
    for object_type, its_uses in by_object.items():
        findings.extend(await _object(options, fields, object_type, its_uses))
    if options.domain_field:
        findings.append(await _domain_field(options, fields))
    return findings


def _budget(options: PipedriveSettings) -> Finding:
    allowed = int(options.daily_tokens * options.api_share)
    whose = f" for each of {options.workers} workers" if options.workers > 1 else ""
    return Finding(
        "ok",
        "budget",
        f"{allowed} of {options.daily_tokens} tokens a day{whose}: about {allowed // 25} new"
        f" persons, or {allowed // 5} updates of known ones. Pipedrive does not say how many are"
        " left.",
    )


async def _object(
    options: PipedriveSettings, fields: Fields, object_type: str, uses: Sequence[FieldUse]
) -> Sequence[Finding]:
    kind = kind_of(object_type)
    if kind is None:
        return [
            Finding(
                "error",
                uses[0].where,
                f'object "{object_type}" is none of Pipedrive\'s, expected persons, organizations,'
                " deals, leads, notes or activities.",
            )
        ]
    try:
        schema = await fields.of(kind)
    except TransformerError as error:
        return [Finding("error", uses[0].where, str(error))]
    findings = [*_fields(options, kind, schema, uses)]
    if not any(finding.level == "error" for finding in findings):
        findings.append(Finding("ok", uses[0].where, f"{kind.name}: {len(uses)} fields checked."))
    return findings


def _fields(
    options: PipedriveSettings, kind: ObjectKind, schema: Schema, uses: Sequence[FieldUse]
) -> Iterable[Finding]:
    missing = {*unknown(kind, [use.name for use in uses], schema)} - {*kind.searches, "domain"}
    level = {"reject": "error", "drop": "warning", "create": "warning"}[options.unknown_fields]
    fate = {"reject": "Upserts with it are rejected.", "drop": "It is left out.",
            "create": "It is created when a value comes."}[options.unknown_fields]  # fmt: skip
    names = [*kind.fields, *(one.name for one in schema.fields)]
    for use in uses:
        if use.matched and not _searchable(kind, use.name, schema):
            yield Finding(
                "error",
                use.where,
                f"{kind.name}.{use.name}: Pipedrive cannot search by it, expected id,"
                f" {', '.join(kind.searches)} or a custom field of type"
                f" {', '.join(sorted(SEARCHABLE))}. Match on one of these.",
            )
        if use.name in missing and not use.matched:
            close = get_close_matches(use.name, names, n=1, cutoff=0.75)
            hint = f' Did you mean "{close[0]}"?' if close else ""
            yield Finding(
                "error" if level == "error" else "warning",
                use.where,
                f"{kind.name}.{use.name}: this company has no such field.{hint} {fate}",
            )
        elif (slot := slot_of(kind, use.name, schema)) is not None:
            for misfit in misfits(use, slot):
                yield Finding(misfit.level, use.where, misfit.message)


def _searchable(kind: ObjectKind, name: str, schema: Schema) -> bool:
    """Whether the worker can look for records by it; `domain` is the setting's own check."""
    if name == "id" or name in kind.searches or (kind is ORGANIZATIONS and name == "domain"):
        return True
    one = schema.find(name) if kind.custom != "none" else None
    return one is not None and one.custom and one.type in SEARCHABLE


async def _domain_field(options: PipedriveSettings, fields: Fields) -> Finding:
    where = "domain_field"
    try:
        one = (await fields.of(ORGANIZATIONS)).find(options.domain_field)
    except TransformerError as error:
        return Finding("error", where, str(error))
    if one is None or not one.custom:
        return Finding(
            "error",
            where,
            f'organizations have no custom field "{options.domain_field}". Create a text field of'
            " that name, or correct the setting.",
        )
    if one.type not in SEARCHABLE:
        return Finding(
            "error",
            where,
            f'the field "{one.name}" is of type {one.type}, expected one that Pipedrive searches:'
            f" {', '.join(sorted(SEARCHABLE))}.",
        )
    return Finding("ok", where, f'organizations are found by "{one.name}".')
