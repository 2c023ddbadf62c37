"""What one request carries through every write it makes: who, when, which version, which faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformer.emulator.faults import Fault

CREATED_FLAG_VERSION = 46
"""From this version an upsert's answer says whether it created the record."""


@dataclass(slots=True)
class Context:
    """One request being applied. `rows_written` counts the rows that went through, in order."""

    request: int
    time: float
    version: str
    user_id: str
    headers: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    allow_save: bool = False
    include_details: bool = False
    all_or_none: bool = False
    rows_seen: int = 0
    rows_written: int = 0

    @property
    def major(self) -> int:
        """Return the version's number: 66 for `v66.0`."""
        return int(self.version[1:].partition(".")[0])

    def path(self, *parts: str) -> str:
        """Return a path below this version's data root."""
        return "/".join(("/services/data", self.version, *parts))
