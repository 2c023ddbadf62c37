"""The weather: which faults the emulated org has in force, one spell after another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from destinations.salesforce.emulator import SalesforceEmulator
from destinations.salesforce.emulator.row_faults import HALF_APPLIED, ROW_LOCK
from transformer.emulator.faults import Fault

READ_TIMEOUT_SECONDS: Final = 3
_DATA: Final = "/services/data/*"
# In the body of a request that writes rows, and of one that writes two or more of a kind.
_ROW: Final = '{"attributes":'
_ROWS: Final = '},{"attributes":'
_TOO_LONG: Final = READ_TIMEOUT_SECONDS + 1.5


SPELLS: Final[Mapping[str, Sequence[Fault]]] = {
    "429 with Retry-After": [Fault("status", path=_DATA, status=429, retry_after=1, count=3)],
    "429 without Retry-After": [Fault("status", path=_DATA, status=429, count=3)],
    "503 with Retry-After": [Fault("status", path=_DATA, status=503, retry_after=1, count=2)],
    "503": [Fault("status", path=_DATA, status=503, count=3)],
    "500": [Fault("status", path=_DATA, contains=_ROW, status=500, text="boom", count=2)],
    "502": [Fault("status", path=_DATA, status=502, count=2)],
    "html page": [
        Fault("html", path=_DATA, contains=_ROW, status=200, count=1),
        Fault("html", path=_DATA, status=200, count=1),
    ],
    "slow": [Fault("delay", path=_DATA, seconds=1.5, count=4)],
    "timeout before the write": [
        Fault("delay", path=_DATA, contains=_ROW, seconds=_TOO_LONG, count=1),
        Fault("reset_before", path=_DATA, contains=_ROW, count=1),
    ],
    "timeout after the write": [
        Fault("delay_after", path=_DATA, contains=_ROW, seconds=_TOO_LONG, count=2)
    ],
    "reset before the write": [Fault("reset_before", path=_DATA, contains=_ROW, count=2)],
    "reset after the write": [Fault("reset_after", path=_DATA, contains=_ROW, count=2)],
    "truncated answer": [
        Fault("truncate", path=_DATA, contains=_ROW, count=2),
        Fault("truncate", path=_DATA, count=1),
    ],
    "half applied": [
        Fault("half_applied", path=_DATA, contains=_ROWS, count=2, options={"rows": 1})
    ],
    "row locks": [
        Fault("row_lock", path=_DATA, contains=_ROW, count=5, options={"row_probability": 0.5})
    ],
    "session expired": [Fault("expire_session", path=_DATA, contains=_ROW, count=1)],
    "concurrent limit": [Fault("concurrent_limit", path=_DATA, count=2)],
}
# These meet rows, not requests: one without such a row has not met them.
_ROW_KINDS: Final = frozenset({ROW_LOCK, HALF_APPLIED})


class Weather:
    """Changes the faults of `org`; `met` counts the requests and rows that each spell hit."""

    def __init__(self, org: SalesforceEmulator) -> None:
        self._org = org
        self._spell = ""
        self._rows_before: Mapping[str, int] = {}
        self.met: Counter[str] = Counter()

    def change(self, spell: str) -> None:
        """Put a spell in force in place of the last one."""
        self.clear()
        self._spell = spell
        self._rows_before = Counter(self._org.row_faults.struck)
        self._org.script(*SPELLS[spell])

    def refuse_all(self) -> None:
        """Refuse every request until the weather changes again."""
        self.clear()
        self._org.script(Fault("status", path=_DATA, status=503))

    @property
    def has_struck(self) -> bool:
        """Whether the spell in force has done what it says."""
        return self._hits() > 0

    def clear(self) -> None:
        """Fair weather."""
        if hits := self._hits():
            self.met[self._spell] += hits
        self._org.faults.clear()
        self._spell = ""

    def _hits(self) -> int:
        """How often the first fault of the spell has hit, by requests or by rows."""
        if not self._spell:
            return 0
        kind = SPELLS[self._spell][0].kind
        if kind in _ROW_KINDS:
            return self._org.row_faults.struck[kind] - self._rows_before.get(kind, 0)
        fired = self._org.faults.to_json()[0]["fired"]
        return fired if isinstance(fired, int) else 0
