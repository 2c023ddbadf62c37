"""What one request carries through every write it makes: who, when, which version, which faults."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from transformer.emulator.faults import Fault

CREATED_FLAG_VERSION = 46
"""From this version an upsert's answer says whether it created the record."""
DUPLICATE_HEADER_VERSION = 52
"""From this version `Sforce-Duplicate-Rule-Header` counts."""


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

    def follow(self, headers: Mapping[str, str]) -> None:
        """Do as these headers of a request, or of one part of it, say of duplicate rules."""
        named = {name.lower(): value for name, value in headers.items()}
        pairs = named.get("sforce-duplicate-rule-header", "").lower().split(";")
        flags = {
            name.strip(): value.strip() for name, _, value in (p.partition("=") for p in pairs)
        }
        counts = self.major >= DUPLICATE_HEADER_VERSION
        self.allow_save = counts and flags.get("allowsave") == "true"
        self.include_details = counts and flags.get("includerecorddetails") == "true"

    def path(self, *parts: str) -> str:
        """Return a path below this version's data root."""
        return "/".join(("/services/data", self.version, *parts))
