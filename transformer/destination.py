"""The destination port: one CRM as a target of writes, and how it declares itself.

A destination knows its CRM's requests, limits and errors. Waiting, resending, dead-lettering and
committing exist once, in the engine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from transformer.budget import Budget
from transformer.clock import Clock
from transformer.outcome import Outcome
from transformer.upsert import FieldUse as FieldUse  # noqa: PLC0414 - named in the port
from transformer.upsert import Upsert


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, or one `write`, may hold.

    `backlog_records` is how many upserts one write may take when at least that many wait, where
    the CRM has a cheaper way for so many; `batch_bytes` then grows in proportion, and reading runs
    so far ahead that they can gather, whatever the policy's `in_flight_records`.
    """

    batch_records: int
    requests_in_flight: int = 1
    batch_bytes: int | None = None
    backlog_records: int | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """One key under a connection's `settings`; the config check, schema and docs come from it."""

    name: str
    type: Literal["string", "boolean", "integer", "number"]
    help: str
    default: str | bool | int | float | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    example: str | bool | int | float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `check --online`: `where: message`."""

    level: Literal["ok", "warning", "error"]
    where: str
    message: str


class Destination(Protocol):
    """One configured CRM."""

    @property
    def limits(self) -> Limits:
        """How much one `write` takes."""
        ...

    @property
    def budget(self) -> Budget:
        """The requests left; the engine waits for it and shows it."""
        ...

    async def write(self, batch: Sequence[Upsert]) -> Sequence[Outcome]:
        """Write `batch` and return one outcome per upsert, in the same order.

        No two upserts of a batch have the same key. Returns when every one has its outcome.
        Raises WriteFailed (see `errors`) when nothing is known per upsert.
        """
        ...

    async def check(self, fields: Sequence[FieldUse]) -> Sequence[Finding]:
        """Compare credentials, objects and fields with the CRM's own description of them."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


Settings = Mapping[str, str | bool | int | float | None]
WORKERS: Final = "workers"
"""Beside a kind's own settings: how many workers run the connection, all in the same account."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of CRM: what `destinations/__init__.py` lists.

    `integrations` are the names by which an event's `integrations` opts in. `validate` returns
    one problem per contradiction between settings, in the words of a message (`key: what`).
    `open` builds the destination of one connection from its settings, every declared key and
    `WORKERS` present; it makes no request, as a CRM that is down must not stop the worker. What the
    CRM allows the account, and does not tell the count of, it divides by `WORKERS`.
    A kind that `starts_paused` sends nothing until its connection says `paused: false`; no two
    connections may have the same value of the setting that `one_per` names.
    """

    name: str
    title: str
    integrations: tuple[str, ...]
    settings: tuple[Setting, ...]
    mapping_file: Path
    validate: Callable[[Settings], Sequence[str]]
    open: Callable[[Settings, Clock], Destination]
    starts_paused: bool = False
    one_per: str | None = None
