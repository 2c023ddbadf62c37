"""What the writes of one batch change of what is remembered. Sends nothing; told the time."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from transformer.kit.remembered import Change, RememberedRecords, Values
from transformer.outcome import Delivered, Outcome, Retry
from transformer.upsert import Key

V = TypeVar("V")
R = TypeVar("R", bound=Hashable)


class BatchChanges(Generic[V, R]):
    """The changes that one write of a batch makes: begun one by one, over all at once.

    Whoever is found by a key that an earlier write is changing at the time waits for it
    (`must_wait`). `record_of` makes a record of an object and the id that an answer names.
    """

    def __init__(self, known: RememberedRecords[V, R], record_of: Callable[[str, str], R]) -> None:
        self._known = known
        self._record_of = record_of
        self._others = known.changing
        self._named: dict[int, Change[R]] = {}
        self._unnamed: dict[int, tuple[str, Values]] = {}

    def begin(self, index: int, object_type: str, record: R, values: Values) -> None:
        """The upsert at `index` is about to give `record` these values."""
        change = self._known.change(object_type, record, values)
        if change is not None and index not in self._named:
            self._known.begin(change)
            self._named[index] = change

    def begin_unnamed(self, index: int, object_type: str, values: Values) -> None:
        """It is about to give them to a record that only the answer will name."""
        if values:
            self._unnamed[index] = (object_type, values)

    @property
    def is_first(self) -> bool:
        """Whether nobody can have to wait: no earlier write was changing anything."""
        return not self._others

    def must_wait(self, record: R, keys: Iterable[Key]) -> bool:
        """Whether one of `keys`, which have led to `record`, was being changed from the start."""
        changes = self._others.get(record, ())
        return bool(changes) and any(one.contradicts(key) for key in keys for one in changes)

    def end(self, outcomes: Mapping[int, Outcome], now: float) -> None:
        """All is answered; what has no outcome may have been applied all the same."""
        for index, change in self._named.items():
            outcome = outcomes.get(index)
            self._known.end(change, now, applied=_may_have_applied(outcome))
            # A record that was merged into another one is written there.
            self._landed(outcome, change.object_type, change.values, now)
        for index, (object_type, values) in self._unnamed.items():
            outcome = outcomes.get(index)
            landed = self._landed(outcome, object_type, values, now)
            if not landed and _may_have_applied(outcome):
                self._known.forget_all(object_type, values)

    def _landed(
        self, outcome: Outcome | None, object_type: str, values: Values, now: float
    ) -> bool:
        """Take over what an answer names as the record; whether it names one."""
        if not isinstance(outcome, Delivered) or not outcome.record_id:
            return False
        record = self._record_of(object_type, outcome.record_id)
        change = self._known.change(object_type, record, values)
        if change is not None:
            self._known.end(change, now, applied=True)
        return True


def _may_have_applied(outcome: Outcome | None) -> bool:
    if isinstance(outcome, Retry):
        return outcome.may_have_applied
    return outcome is None or isinstance(outcome, Delivered)
