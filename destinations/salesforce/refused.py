"""The fields that the org lacked or did not let us write a while ago: later rows go without them.

So that a field that a mapping names and an org has not costs one more request, not one per batch.
"""

from destinations.salesforce.plan import Policy, Write
from transformer.clock import Clock
from transformer.kit.remembered import Remembered
from transformer.upsert import Note

REMEMBERED_FIELDS = 10_000
REMEMBERED_SECONDS = 600.0


class RefusedFields:
    """What one org refused, per object; bounded, and asked again now and then."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._forget()

    def _forget(self) -> None:
        self._known: Remembered[tuple[str, str, str], Note] = Remembered(
            capacity=REMEMBERED_FIELDS, seconds=REMEMBERED_SECONDS
        )
        self._names: set[str] = set()

    def learn(self, before: Write, after: Write) -> None:
        """Remember the fields that `after` was sent without, because of an answer to `before`.

        A field may be writable on create and not on update: the kind of write is part of it. Of
        an upsert by external id nobody knows which of the two it was, so that is not remembered.
        """
        for note in after.notes[len(before.notes) :]:
            if note.code == "unknown_field" or before.kind != "upsert":
                if len(self._names) >= REMEMBERED_FIELDS:
                    self._forget()
                self._known.learn(_key(before, note), note, self._clock.now())
                self._names.add(note.field.casefold())

    def left_out(self, write: Write) -> Write:
        """The same write without what is known to be refused and may be left out."""
        if len(self._known) == 0:
            return write
        now = self._clock.now()
        known: dict[str, Note] = {}
        # Of all names in a row, hardly any was ever refused to anybody.
        for name in [name for name in write.body if name.casefold() in self._names]:
            for key in _keys(write, name):
                note = self._known.recall(key, now)
                if note is not None and write.may_drop(name, self._policy):
                    known[name.casefold()] = note
        return write.without(known) if known else write


def _key(write: Write, note: Note) -> tuple[str, str, str]:
    kind = "" if note.code == "unknown_field" else write.kind
    return (write.object_type.casefold(), kind, note.field.casefold())


def _keys(write: Write, name: str) -> tuple[tuple[str, str, str], ...]:
    object_type, field = write.object_type.casefold(), name.casefold()
    return ((object_type, "", field), (object_type, write.kind, field))
