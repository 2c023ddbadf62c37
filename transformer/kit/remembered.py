"""What a destination learned and may forget: bounded, and only for a while. Told the time."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from transformer.errors import WriteFailed
from transformer.outcome import Reason, Retry
from transformer.upsert import Key

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
R = TypeVar("R", bound=Hashable)

CHANGED_RECORDS = 10_000


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
                self.forget(oldest)

    def recall(self, key: K, now: float) -> V | None:
        """Return what is known under `key`, or None when unknown or too old."""
        fact = self._facts.get(key)
        if fact is None:
            return None
        if fact[1] <= now:
            self.forget(key)
            return None
        return fact[0]

    def forget(self, key: K) -> None:
        """Forget `key`, if it is known."""
        self._facts.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._facts.clear()

    def __len__(self) -> int:
        return len(self._facts)


Values: TypeAlias = Mapping[str, str]
"""What a write gives a record: the folded value of each property that records are found by."""


@dataclass(slots=True)
class Sent:
    """What became of a request; until something is known, it counts as applied."""

    applied: bool = True


@dataclass(frozen=True, slots=True)
class Change(Generic[R]):
    """A write that gives a record these values, and so changes what leads to it."""

    object_type: str
    record: R
    values: Values

    def contradicts(self, key: Key) -> bool:
        """Whether `key` leads to the record no more."""
        value = self.values.get(key[1])
        return value is not None and not _same(value, key[2])


class RememberedRecords(Remembered[Key, V], Generic[V, R]):
    """What match keys lead to, and the way back: the keys that lead to a record.

    A write of a property that records are remembered by is told before it is sent (`begin`) and
    when it is over (`end`), or both (`writing`): the keys that led to the record by another value
    are forgotten, and those that lead to another record by the same one, which are two then. What
    was read meanwhile is not learned; for `late_seconds` what still says otherwise is out of date
    (`is_stale`).
    """

    def __init__(
        self,
        *,
        capacity: int,
        seconds: float,
        record_of: Callable[[Key, V], R],
        late_seconds: float,
    ) -> None:
        super().__init__(capacity=capacity, seconds=seconds)
        self._record_of = record_of
        self._given: Remembered[tuple[R, str], str] = Remembered(
            capacity=CHANGED_RECORDS, seconds=late_seconds
        )
        self._changing: dict[R, list[Change[R]]] = {}
        # One key stands for itself, as nearly all records have but one.
        self.way_back: dict[R, Key | list[Key]] = {}
        # The properties that records are remembered by, per object.
        self.properties: dict[str, set[str]] = {}

    def learn(self, key: Key, value: V, now: float) -> None:
        """Remember what `key` leads to, unless a write has changed or is changing that."""
        record = self._record_of(key, value)
        if self._changing and self.is_changing(key, record):
            return
        if self._given and self.is_stale(key, record, now):
            return
        if self.way_back.get(record) == key:  # it is learned again: both ways share one key
            self.way_back[record] = key
        else:
            if key in self._facts:
                self._unlink(key)
            self._link(record, key)
        super().learn(key, value, now)

    def forget(self, key: Key) -> None:
        """Forget `key`, if it is known."""
        self._unlink(key)
        super().forget(key)

    def clear(self) -> None:
        """Forget what leads where."""
        self.way_back.clear()
        super().clear()

    def keys_of(self, record: R) -> Sequence[Key]:
        """The keys that lead to `record`."""
        back = self.way_back.get(record, ())
        return tuple(back) if isinstance(back, list) else (back,) if back else ()

    def forget_all(self, object_type: str, properties: Iterable[str]) -> None:
        """Forget every key of these properties: nobody can say of which record one has changed."""
        names = set(properties)
        for key in [key for key in self._facts if key[0] == object_type and key[1] in names]:
            self.forget(key)

    def change(self, object_type: str, record: R, values: Values) -> Change[R] | None:
        """What a write of these values changes; None where it leaves everything as it is known."""
        known = {(name, value) for _, name, value in self.keys_of(record)}
        return None if values.items() <= known else Change(object_type, record, values)

    @contextmanager
    def writing(self, change: Change[R] | None, now: Callable[[], float]) -> Iterator[Sent]:
        """Send the request that makes `change` inside the block, and say whether it was applied."""
        sent = Sent()
        if change is None:
            yield sent
            return
        self.begin(change)
        try:
            yield sent
        except WriteFailed as failure:
            sent.applied = failure.may_have_applied
            raise
        finally:
            self.end(change, now(), applied=sent.applied)

    def begin(self, change: Change[R]) -> None:
        """A write is about to be sent, and may change what leads to its record."""
        self._changing.setdefault(change.record, []).append(change)
        self._forget_contradicted(change)

    def end(self, change: Change[R], now: float, *, applied: bool) -> None:
        """The write is over; one whose answer was lost counts as `applied`."""
        under_way = self._changing.get(change.record, [])
        if change in under_way:
            under_way.remove(change)
            if not under_way:
                del self._changing[change.record]
        if applied:
            self._forget_contradicted(change)
            for name, value in change.values.items():
                self._given.learn((change.record, name), value, now)

    @property
    def changing(self) -> Mapping[R, Sequence[Change[R]]]:
        """The changes under way at this moment, by record."""
        return {record: tuple(changes) for record, changes in self._changing.items()}

    def is_changing(self, key: Key, record: R) -> bool:
        """Whether a write under way makes `key` lead to `record` no more."""
        return any(change.contradicts(key) for change in self._changing.get(record, ()))

    def is_stale(self, key: Key, record: R, now: float) -> bool:
        """Whether who says that `key` leads to `record` cannot know of a write of ours yet."""
        given = self._given.recall((record, key[1]), now)
        return given is not None and not _same(given, key[2])

    def _forget_contradicted(self, change: Change[R]) -> None:
        for key in self.keys_of(change.record):
            if change.contradicts(key):
                self.forget(key)
        for name, value in change.values.items():
            key = (change.object_type, name, value)
            fact = self._facts.get(key)
            if fact is not None and self._record_of(key, fact[0]) != change.record:
                self.forget(key)

    def _link(self, record: R, key: Key) -> None:
        back = self.way_back.setdefault(record, key)
        if back is not key:
            if isinstance(back, list):
                back.append(key)
            else:
                self.way_back[record] = [back, key]
        names = self.properties.get(key[0])
        if names is None:
            self.properties[key[0]] = {key[1]}
        elif key[1] not in names:
            names.add(key[1])

    def _unlink(self, key: Key) -> None:
        fact = self._facts.get(key)
        if fact is None:
            return
        record = self._record_of(key, fact[0])
        back = self.way_back[record]
        if isinstance(back, list):
            back.remove(key)
            if len(back) == 1:
                self.way_back[record] = back[0]
        else:
            del self.way_back[record]


def must_wait(where: str, after_seconds: float) -> Retry:
    """The wait of whoever is found by a key that a write under way is changing."""
    detail = f"{where}: its match key is being changed by another write."
    return Retry(Reason.SAME_RECORD, detail, after_seconds, counts=False)


def _same(value: str, other: str) -> bool:
    """Whether two folded values are one: a number may come with or without its `.0`."""
    return value == other or _plain(value) == _plain(other)


def _plain(value: str) -> str:
    whole = value.removesuffix(".0")
    return whole if whole.removeprefix("-").isdecimal() else value
