"""What a destination learned and may forget: bounded, and only for a while. Told the time."""

from collections.abc import Hashable
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most `capacity` facts, each for `seconds`; the least recently learned go first.

    A plain dict, which drops a tenth when it is full: an ordered one needs a fifth more memory.
    """

    def __init__(self, *, capacity: int, seconds: float) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._facts: dict[K, tuple[V, float]] = {}
        self._now = self._until = float("-inf")

    def learn(self, key: K, value: V, now: float) -> None:
        """Remember `value` under `key`, from `now` on."""
        if now != self._now:  # facts of one moment share its number
            self._now, self._until = now, now + self._seconds
        facts = self._facts
        facts.pop(key, None)
        facts[key] = (value, self._until)
        if len(facts) > self._capacity:
            for oldest in list(islice(facts, max(1, self._capacity // 10))):
                del facts[oldest]

    def recall(self, key: K, now: float) -> V | None:
        """Return what is known under `key`, or None when unknown or too old."""
        fact = self._facts.get(key)
        if fact is None:
            return None
        if fact[1] <= now:
            del self._facts[key]
            return None
        return fact[0]

    def forget(self, key: K) -> None:
        """Forget `key`, if it is known."""
        self._facts.pop(key, None)

    def __len__(self) -> int:
        return len(self._facts)
