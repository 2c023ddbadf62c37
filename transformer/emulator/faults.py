"""Scripted faults of an emulator: which request goes wrong, and how, repeatably.

Pure: counters and a seeded random generator, no I/O and no clock. Knows no vendor; a vendor's own
kinds of fault pass through as `options`.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase

STATUS = "status"
HTML = "html"
DELAY = "delay"
DELAY_AFTER = "delay_after"
RESET_BEFORE = "reset_before"
RESET_AFTER = "reset_after"
TRUNCATE = "truncate"

GENERIC_KINDS = (STATUS, HTML, DELAY, DELAY_AFTER, RESET_BEFORE, RESET_AFTER, TRUNCATE)
"""Kinds that every emulator knows.

`status` and `html` answer without running the handler, `delay` waits before it, `delay_after`
after it, `reset_before` drops the connection before the handler ran, `reset_after` when it has
applied the request (the answer is lost), `truncate` sends half of the answer.
"""


class UnknownFault(ValueError):
    """A scripted fault that no one understands; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault: a matcher, how often, and what happens.

    `method` and `path` are globs (`*` matches everything, the path is without its query), and
    `contains` a text the decoded request (query and body) must hold. Of the requests that match,
    the first `skip` pass, then every `every`-th is hit with `probability`, `count` times at most.
    """

    kind: str
    method: str = "*"
    path: str = "*"
    contains: str = ""
    count: int | None = None
    every: int = 1
    skip: int = 0
    probability: float = 1.0
    status: int = 503
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    seconds: float = 0.0
    options: Mapping[str, object] = field(default_factory=dict)

    def answer_headers(self) -> dict[str, str]:
        """Return the headers of the scripted answer, `Retry-After` included."""
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        return headers


def fault_from_json(value: object, kinds: Collection[str]) -> Fault:
    """Read one fault of `POST /_emulator/faults`; raises UnknownFault for anything unexpected."""
    if not isinstance(value, Mapping):
        raise UnknownFault(f"fault: expected an object, got {type(value).__name__}")
    known = {f.name: f for f in fields(Fault)}
    if unknown := sorted(set(value) - set(known)):
        raise UnknownFault(f"fault: unknown {unknown}, expected some of {sorted(known)}")
    if value.get("kind") not in kinds:
        raise UnknownFault(
            f"fault: unknown kind {value.get('kind')!r}, expected one of {sorted(kinds)}"
        )
    for name, expected in _EXPECTED_TYPES.items():
        if name in value and not isinstance(value[name], expected):
            raise UnknownFault(f"fault: {name} has a wrong type, got {value[name]!r}")
    return Fault(**value)


_EXPECTED_TYPES: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "method": (str,),
    "path": (str,),
    "contains": (str,),
    "count": (int, type(None)),
    "every": (int,),
    "skip": (int,),
    "probability": (int, float),
    "status": (int,),
    "text": (str,),
    "headers": (dict,),
    "retry_after": (int, float, type(None)),
    "seconds": (int, float),
    "options": (dict,),
}


@dataclass(slots=True)
class _Armed:
    fault: Fault
    matched: int = 0
    fired: int = 0


class FaultPlan:
    """The faults in force, their counters, and the seeded randomness behind them."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self.random = random.Random(seed)  # noqa: S311 repeatable chaos, not a secret

    def add(self, *faults: Fault) -> None:
        """Put `faults` in force, after those already there."""
        self._armed.extend(_Armed(fault) for fault in faults)

    def clear(self) -> None:
        """Forget every fault and start the randomness again from the seed."""
        self._armed.clear()
        self.random.seed(self._seed)

    def fire(self, method: str, path: str, content: str | None = None) -> Sequence[Fault]:
        """Return the faults that hit this request, counting it for each that matches."""
        if not self._armed:
            return ()
        return [armed.fault for armed in self._armed if self._hits(armed, method, path, content)]

    def reads_content(self) -> bool:
        """Tell whether any fault looks into the request's query or body."""
        return any(armed.fault.contains for armed in self._armed)

    def _hits(self, armed: _Armed, method: str, path: str, content: str | None) -> bool:
        fault = armed.fault
        if fault.count is not None and armed.fired >= fault.count:
            return False
        if not (fnmatchcase(method, fault.method) and fnmatchcase(path, fault.path)):
            return False
        if fault.contains and fault.contains not in (content or ""):
            return False
        armed.matched += 1
        turn = armed.matched - fault.skip
        if turn < 1 or turn % max(1, fault.every) != 0:
            return False
        if fault.probability < 1.0 and self.random.random() >= fault.probability:
            return False
        armed.fired += 1
        return True

    def to_json(self) -> list[dict[str, object]]:
        """Describe every fault with how often it matched and fired."""
        return [
            {
                **{f.name: getattr(armed.fault, f.name) for f in fields(Fault)},
                "matched": armed.matched,
                "fired": armed.fired,
            }
            for armed in self._armed
        ]
