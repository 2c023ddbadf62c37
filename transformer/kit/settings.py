"""A connection's settings as its destination reads them: with defaults, checked and typed.

Also the rows that connections of several CRMs declare alike. Knows no CRM and sends nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Final, TypeVar

from transformer.budget import part
from transformer.destination import WORKERS, Setting, Settings
from transformer.http import url_problem

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")

SEVERAL_MATCHES: Final = Setting(
    "several_matches",
    "string",
    "What to do when several records have the match key: refuse, or write to the first created or"
    " the newest.",
    default="refuse",
    choices=("refuse", "first", "newest"),
    example="first",
)
_ABOVE_ZERO: Final = ("recheck_seconds", "connect_timeout_seconds", "read_timeout_seconds")


def timeouts(read_seconds: float) -> Sequence[Setting]:
    """The rows of the two timeouts; how long an answer may take is the CRM's own."""
    said = "Time without a byte of the answer; five times that for a whole one."
    return (
        Setting("connect_timeout_seconds", "number", "Time to connect.", 10.0, example=10.0),
        Setting("read_timeout_seconds", "number", said, read_seconds, example=read_seconds),
    )


def quota(requests: str, *, recheck_seconds: float) -> Sequence[Setting]:
    """The rows of a daily quota: our part of it, and how soon to ask whether it is back."""
    return (
        Setting(
            "api_share",
            "number",
            f"The part of the {requests} at which this connection stops.",
            default=0.8,
            example=0.5,
        ),
        Setting(
            "recheck_seconds",
            "number",
            "How long to wait before asking whether what was spent is back.",
            default=recheck_seconds,
            example=recheck_seconds,
        ),
    )


class Given:
    """What a connection was given; the declared default where that is nothing or blank."""

    def __init__(self, settings: Settings, declared: Iterable[Setting]) -> None:
        self._values: dict[str, str | bool | int | float | None] = {
            setting.name: setting.default for setting in declared
        }
        for name, value in settings.items():
            if value is not None and (not isinstance(value, str) or value.strip()):
                self._values[name] = value

    def text(self, name: str) -> str:
        """A text without white space around it; empty when there is none."""
        value = self._values.get(name)
        return value.strip() if isinstance(value, str) else ""

    def number(self, name: str) -> float:
        """A number; 0 when there is none."""
        value = self._values.get(name)
        return float(value) if isinstance(value, int | float) else 0.0

    def whole(self, name: str) -> int:
        """A whole number; 0 when there is none."""
        return int(self.number(name))

    @property
    def workers(self) -> int:
        """How many workers run the connection at the most, all in the same account."""
        return max(1, self.whole(WORKERS))

    def part(self, name: str) -> float:
        """This worker's part of a setting that is the account's limit; 0 when there is none."""
        return part(self.number(name), self.workers)

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self._values.get(name) is True

    def into(self, kind: type[T], **computed: object) -> T:
        """Make a dataclass whose fields are settings of these names, but for what is `computed`."""
        readers = {str: self.text, float: self.number, int: self.whole, bool: self.is_on}
        types = {field.name: field.type for field in fields(kind) if field.name not in computed}
        read = {
            name: readers[found](name) for name, found in types.items() if isinstance(found, type)
        }
        return kind(**read, **computed)

    def missing(self, names: Iterable[str]) -> Sequence[str]:
        """Those of the settings that are texts and have none."""
        return [name for name in names if not self.text(name)]

    def address_problems(self, *names: str) -> Sequence[str]:
        """One problem per setting that is no base of requests."""
        wrong = {name: url_problem(url) for name in names if (url := self.text(name))}
        return [f"{name}: {what}." for name, what in wrong.items() if what]

    def number_problems(self, *above_zero: str) -> Sequence[str]:
        """One problem per timeout or share that cannot be, and per other number of 0 or less."""
        problems = []
        share = self._values.get("api_share")
        if isinstance(share, int | float) and not 0.0 < share <= 1.0:
            problems.append(f"api_share: expected more than 0 and at most 1, got {share:g}.")
        for name in (*above_zero, *_ABOVE_ZERO):
            value = self._values.get(name)
            if isinstance(value, int | float) and value <= 0:
                what = "seconds" if name.endswith("_seconds") else "a number"
                problems.append(f"{name}: expected {what} greater than 0, got {value:g}.")
        return problems
