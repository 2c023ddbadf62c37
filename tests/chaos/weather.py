"""The weather: which faults the emulated org has in force, changing with the seed."""

import random
from collections import Counter
from collections.abc import Sequence

from destinations.salesforce.emulator import SalesforceEmulator
from transformer.emulator.faults import Fault

DATA = "/services/data/*"

SPELLS: Sequence[tuple[str, Sequence[Fault]]] = (
    ("429 with Retry-After", [Fault("status", path=DATA, status=429, retry_after=1, count=3)]),
    ("429 without Retry-After", [Fault("status", path=DATA, status=429, count=3)]),
    ("503 with Retry-After", [Fault("status", path=DATA, status=503, retry_after=1, count=2)]),
    ("503", [Fault("status", path=DATA, status=503, count=3)]),
    ("500", [Fault("status", path=DATA, status=500, text="boom", count=3)]),
    ("502", [Fault("status", path=DATA, status=502, count=2)]),
    ("html page", [Fault("html", path=DATA, status=200, count=2)]),
    ("slow", [Fault("delay", path=DATA, seconds=1.5, count=4)]),
    ("timeout after the write", [Fault("delay_after", path=DATA, seconds=8.0, count=2)]),
    ("reset before the write", [Fault("reset_before", path=DATA, count=3)]),
    ("reset after the write", [Fault("reset_after", path=DATA, count=3)]),
    ("truncated answer", [Fault("truncate", path=DATA, count=3)]),
    ("half applied", [Fault("half_applied", path=DATA, count=2, options={"rows": 7})]),
    ("row locks", [Fault("row_lock", path=DATA, count=5, options={"row_probability": 0.3})]),
    ("session expired", [Fault("expire_session", path=DATA, count=1)]),
    ("concurrent limit", [Fault("concurrent_limit", path=DATA, count=2)]),
)


class Weather:
    """Changes the faults of `org`; `met` counts what really hit a request."""

    def __init__(self, org: SalesforceEmulator, rng: random.Random) -> None:
        self._org = org
        self._rng = rng
        self._names: dict[int, str] = {}
        self._turn = 0
        self._order: list[tuple[str, Sequence[Fault]]] = []
        self.met: Counter[str] = Counter()

    def change(self) -> str:
        """Put the next spell in force; every kind comes up before one comes again."""
        if self._turn % len(SPELLS) == 0:
            self._order = self._rng.sample(SPELLS, len(SPELLS))
        name, faults = self._order[self._turn % len(SPELLS)]
        self._turn += 1
        self._count()
        self._org.faults.clear()
        self._names = dict.fromkeys(range(len(faults)), name)
        self._org.script(*faults)
        return name

    @property
    def has_struck(self) -> bool:
        """Whether the spell in force has hit a request."""
        return any(described["fired"] for described in self._org.faults.to_json())

    def clear(self) -> None:
        """Fair weather."""
        self._count()
        self._org.faults.clear()
        self._names = {}

    def _count(self) -> None:
        for index, described in enumerate(self._org.faults.to_json()):
            fired = described["fired"]
            if isinstance(fired, int) and fired and index in self._names:
                self.met[self._names[index]] += fired
