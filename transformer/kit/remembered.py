"""What a destination learned and may forget: bounded, and only for a while. Told the time."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """At most `capacity` facts, each for `seconds`; the least recently learned go first."""

    def __init__(self, *, capacity: int, seconds: float) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._facts: OrderedDict[K, tuple[V, float]] = OrderedDict()

    def learn(self, key: K, value: V, now: float) -> None:
        """Remember `value` under `key`, from `now` on."""
        self._facts.pop(key, None)
        self._facts[key] = (value, now + self._seconds)
        if len(self._facts) > self._capacity:
            self._facts.popitem(last=False)

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
