"""The subject: what the contract suite has to know of one destination to put it on trial.

The closed list of behaviours, and what each vendor's emulator calls them. Knows no CRM and runs
nothing: `tests/contract/test_destination.py` does, and the scorecards are made of it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from math import ceil
from typing import ClassVar, Final, Self

from transformer.clock import Clock
from transformer.destination import Settings
from transformer.emulator.faults import Fault
from transformer.emulator.server import Emulator

TEXT: Final = "plan"
FLAG: Final = "vip"
NUMBER: Final = "score"
"""Traits without a field of their own: the subject's CRM has custom fields for them."""

Json = Mapping[str, object]


class Behaviour(StrEnum):
    """What every destination is held to. The values are the scorecard's first column."""

    OPENS_SILENTLY = "`open` makes no request"
    CHECKS = "`check` answers, tells a wrong key, and writes nothing"
    SUCCESSES = "each documented kind of success"
    ORDER = "one outcome per upsert, in order"
    NO_DUPLICATES = "two events of a new person, one right after the other"
    REREAD = "a batch written by a worker that was killed is written again"
    HALF_APPLIED = "the connection breaks with half of a batch applied"
    ANSWER_LOST = "the connection breaks after the write"
    TRUNCATED = "half an answer"
    TOO_LATE = "an answer that comes after the timeout"
    RESET = "the connection breaks before the write"
    THROTTLED_TOLD = "429 with Retry-After"
    THROTTLED_UNTOLD = "429 without Retry-After"
    VENDOR_LIMITS = "the vendor's own limits are reached"
    SERVER_ERROR = "500, 502, 503 and 504"
    HTML_PAGE = "an HTML page in place of an answer, with 200 and with 503"
    CREDENTIALS_REFUSED = "credentials are refused"
    CREDENTIALS_RENEWED = "credentials run out in the middle"
    BAD_ROW = "one row of a batch is refused"
    ALREADY_THERE = '"already exists" becomes an update of the record it names'
    DELETED = "the record was deleted"
    SEVERAL_MATCHES = "several records match"
    REKEYED = "the match key is changed by id"
    UNICODE = "unicode, quotes and control characters"
    NOTHINGS = 'absent, null, `""`, `false` and `0`'
    OVERSIZE = "more than one batch holds"
    RATE = "the rate limit"
    FENCED = "the partitions may be another worker's"


OPTIONAL: Final = frozenset(
    {
        Behaviour.VENDOR_LIMITS,
        Behaviour.CREDENTIALS_RENEWED,
        Behaviour.ALREADY_THERE,
        Behaviour.SEVERAL_MATCHES,
    }
)
"""What a vendor may not have at all; a subject then says why, and the scorecard shows it."""


@dataclass(frozen=True, slots=True)
class Held:
    """One person as the CRM holds it. `values` are the custom fields, by trait."""

    id: str
    email: str
    name: str
    values: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """What the CRM holds in a field after each kind of nothing was written over a value."""

    null: object
    empty: object
    false: object
    zero: object


@dataclass(frozen=True, slots=True)
class Case:
    """One event, without its frame, and what must become of it: `created`, or a reason.

    `record_id` is the record it must have been written to, where that is known.
    """

    name: str
    event: Json
    expected: str
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Rekeying:
    """Events of one record: found by its key, given another one by its id, found by that."""

    name: str
    old: Json
    change: Callable[[str], Json]
    new: Json


@dataclass(frozen=True, slots=True)
class Cost:
    """The most API calls that identifies may take: so many for each person, and a few for all.

    With `known`, the people were written before by this worker.
    """

    how: str
    fixed: int
    each: float = 0.0
    settings: Settings = field(default_factory=dict)
    known: bool = False

    def at_most(self, people: int) -> int:
        """The calls for so many people."""
        return ceil(people * self.each) + self.fixed


def identify(email: str, first_name: str, **traits: object) -> Json:
    """A person, as every default mapping knows it: found or created by e-mail."""
    return {"type": "identify", "traits": {"email": email, "firstName": first_name, **traits}}


def named(external_type: str, record_id: str, event: Json) -> Json:
    """The same event of the record with this id."""
    entry = {"type": external_type, "id": record_id}
    return {**event, "context": {"externalId": [entry]}}


def rekeying(external_type: str, old: Json, new: Json) -> Rekeying:
    """A record of which `old` speaks, whose key becomes that of `new` by its id."""
    return Rekeying(external_type, old, partial(named, external_type, event=new), new)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a vendor calls things, and what it has not.

    `person` is the type of an external id that names a person; `writes` the method and path, as
    globs, of the request that writes people. `half_applied` loses the connection in the middle of
    five people, `expired` ends the credentials in use, `refused` are settings with a wrong key.
    `limits` are the vendor's own, by name. `absent` says what does not apply, and why; `notes`
    what the scorecard should say beside a behaviour.
    """

    person: str
    writes: tuple[str, str]
    half_applied: Fault
    refused: Settings
    stored: Stored
    costs: Sequence[Cost]
    limits: Mapping[str, Fault] = field(default_factory=dict)
    expired: Fault | None = None
    absent: Mapping[Behaviour, str] = field(default_factory=dict)
    notes: Mapping[Behaviour, str] = field(default_factory=dict)


class Subject(ABC):
    """One emulator, the connection to it, and what the CRM's own users do there.

    Subclasses build `emulator` on the clock they are given, with the vendor's limits and lags on
    and custom fields for the three traits above.
    """

    facts: ClassVar[Facts]
    emulator: Emulator

    @abstractmethod
    def __init__(self, clock: Clock) -> None:
        """Build the emulator."""

    @classmethod
    def relaxed(cls, clock: Clock) -> Self:
        """The same without the limits and waits that would make a demonstration slow."""
        return cls(clock)

    @abstractmethod
    def people(self) -> Sequence[Held]:
        """Everybody whom the CRM holds, oldest first."""

    @abstractmethod
    def delete(self, record_id: str) -> None:
        """Delete a person, as the CRM's own users do."""

    @abstractmethod
    def bad(self) -> Json:
        """Prepare a person whom the CRM itself refuses."""

    @abstractmethod
    def successes(self) -> Sequence[Case]:
        """One event for every kind of success, to be delivered one after the other."""

    def settings(self) -> Settings:
        """The connection's settings, while the emulator serves."""
        return self.emulator.connection_settings()

    def renewable(self) -> Settings:
        """Settings of credentials that can be renewed, where those of `settings` cannot."""
        return {}

    def give_back(self) -> None:  # noqa: B027 - most limits end by themselves
        """End what a limit began, where time alone does not."""

    def rekeyed(self) -> Sequence[Rekeying]:
        """Whatever is found by a key that an event by id can change: people by e-mail at least."""
        old, new = identify("old@example.com", "Old"), identify("new@example.com", "New")
        return [rekeying(self.facts.person, old, new)]

    def already_there(self) -> Case | None:
        """Prepare a create of what exists already, hidden from lookups; None: not applicable."""
        return None

    def several(self) -> Case | None:
        """Prepare an event that several records match; None: not applicable."""
        return None
