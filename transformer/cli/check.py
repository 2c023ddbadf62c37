"""`transformer check`: is this configuration fit to run?"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from transformer import app
from transformer.app import Wired
from transformer.cli import options, terminal
from transformer.clock import SystemClock
from transformer.config import Config, load
from transformer.destination import Finding
from transformer.errors import ConfigurationError, EnvironmentFault, Unreachable, WriteFailed

_REACH: Final = (
    " Check the addresses in its settings (host, port, http or https), and that this machine "
    "reaches them."
)


@click.command(
    epilog="Example:\n\n  transformer check --config transformer.yaml --online",
)
@options.config_file
@options.connection
@click.option(
    "--online",
    is_flag=True,
    help="Also ask the brokers and the CRMs, and compare the mapping with what they tell.",
)
@options.as_json
def command(config_file: Path, *, connection_name: str | None, online: bool, as_json: bool) -> int:
    """Check a configuration and its mappings; without --online nothing is asked of anybody.

    With it: topics, credentials, requests left, and for every field that the mapping names whether
    it is there and can be written; whether the field takes the kind of value that the directives
    make, and the defaults, constants and table entries of the mapping (type, length, options);
    whether records can be found by the match keys; and whether required fields are mapped. An
    error would reject events, a warning may; nothing is written.

    Exits with 2 when something must be fixed, with 3 when a broker or CRM cannot be reached.
    """
    config = app.choose(load(config_file, app.kind), connection_name)
    wired = app.wire(config)
    findings = [_offline(one) for one in wired]
    unreachable = False
    if online:
        asked, unreachable = asyncio.run(_online(config, wired))
        findings += asked
    for finding in findings:
        _show(finding, as_json=as_json)
    errors = sum(finding.level == "error" for finding in findings)
    if not as_json:
        terminal.note(f"{len(findings) - errors} of {len(findings)} checks passed.")
    if unreachable:
        return 3
    return 2 if errors else 0


def _offline(one: Wired) -> Finding:
    fields = one.mapping.fields()
    owned = ", ".join(
        "any other object" if name == "*" else name for name in one.mapping.owned_by_crm()
    )
    objects = ", ".join(sorted(one.objects)) or ("any other object" if owned else "any object")
    return Finding(
        "ok",
        one.connection.name,
        f"{one.kind.name}, mapping {one.mapping.version} writes {len(fields)} fields of {objects}; "
        f"{f'leaves {owned} to the CRM; ' if owned else ''}"
        f"reads {', '.join(one.connection.topics)}; opt-in {one.connection.opt_in}"
        f"{', paused' if one.connection.paused else ''}.",
    )


async def _online(config: Config, wired: Sequence[Wired]) -> tuple[list[Finding], bool]:
    findings, unreachable = await _kafka(config, wired)
    for one in wired:
        asked, failed = await _destination(one)
        findings += [
            Finding(f.level, f"{one.connection.name}: {f.where}", f.message) for f in asked
        ]
        unreachable = unreachable or failed
    return findings, unreachable


async def _kafka(config: Config, wired: Sequence[Wired]) -> tuple[list[Finding], bool]:
    kafka = app.kafka_of(config)
    names = [spec.name for spec in app.topic_specs(kafka, tuple(o.connection for o in wired))]
    try:
        broker = app.broker(config)
    except ConfigurationError as fault:
        return [Finding("error", "kafka", problem) for problem in fault.problems], False
    try:
        await broker.open()
        present = await broker.topic_names()
    except EnvironmentFault as fault:
        return [Finding("error", "kafka", str(fault))], True
    finally:
        await broker.close()
    return [Finding("ok", "kafka", "The brokers answer."), *_topics(present, names, config)], False


def _topics(present: frozenset[str], names: Sequence[str], config: Config) -> list[Finding]:
    found: list[Finding] = []
    for name in names:
        if name in present:
            found.append(Finding("ok", f"topic {name}", "It is there."))
        elif app.kafka_of(config).create_topics:
            found.append(Finding("ok", f"topic {name}", "Missing; the worker creates it."))
        else:
            found.append(
                Finding(
                    "error",
                    f"topic {name}",
                    "Missing, and create_topics is off. Create it, or set kafka.create_topics.",
                )
            )
    return found


async def _destination(one: Wired) -> tuple[Sequence[Finding], bool]:
    destination = one.destination(SystemClock())
    try:
        return await destination.check(one.mapping.fields()), False
    except (EnvironmentFault, WriteFailed) as fault:
        advice = _REACH if isinstance(fault, Unreachable) else ""
        return [Finding("error", one.kind.name, f"{fault}{advice}")], True
    finally:
        await destination.close()


def _show(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        terminal.json_line(
            {"level": finding.level, "where": finding.where, "message": finding.message}
        )
        return
    colour = {"ok": "green", "warning": "yellow", "error": "red"}[finding.level]
    text = terminal.safe(f"{finding.where}: {finding.message}")
    click.echo(f"{click.style(finding.level.ljust(7), fg=colour)} {text}")
