"""Conservation: every record consumed is accounted for once, judged from the topics alone. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from transformer.engine.results import DEAD_LETTER_HEADER
from transformer.record import Record

Origin = tuple[str, int, int]


@dataclass(slots=True)
class Account:
    """What the metrics and dead-letter topics say of one connection's source records."""

    connection: str
    sources: dict[Origin, bytes | None] = field(default_factory=dict)
    outcomes: dict[Origin, str] = field(default_factory=dict)
    letters: dict[Origin, bytes | None] = field(default_factory=dict)
    repeated: int = 0
    by_outcome: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    by_reason: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add_source(self, record: Record) -> None:
        """Count one source record."""
        self.sources[record.topic, record.partition, record.offset] = record.value

    def add_result(self, record: Record) -> None:
        """Count one result, or a run of skipped offsets."""
        result = orjson.loads(record.value or b"{}")
        if result["connection"] != self.connection:
            return
        last = result.get("last_offset", result["offset"])
        for offset in range(result["offset"], last + 1):
            self._settle((result["topic"], result["partition"], offset), result)

    def add_dead_letter(self, record: Record) -> None:
        """Count one dead letter."""
        headers = dict(record.headers)
        letter = orjson.loads(headers[DEAD_LETTER_HEADER] or b"{}")
        if letter["connection"] != self.connection:
            return
        origin = letter["origin"]
        self.letters[origin["topic"], origin["partition"], origin["offset"]] = record.value

    def _settle(self, origin: Origin, result: dict[str, object]) -> None:
        if origin in self.outcomes:
            self.repeated += 1
            return
        outcome = str(result["outcome"])
        self.outcomes[origin] = outcome
        if outcome != "delivered":
            self.by_reason[outcome, str(result["reason"])] += 1
        writes = result.get("writes")
        for write in writes if isinstance(writes, list) else []:
            key = (str(write["object"]), str(write["operation"]), str(write["outcome"]))
            self.by_outcome[key] += 1

    def count(self, outcome: str) -> int:
        """How many records have this outcome."""
        return sum(1 for one in self.outcomes.values() if one == outcome)

    def objects(self) -> Mapping[str, int]:
        """How many writes of each object were delivered."""
        found: Counter[str] = Counter()
        for (object_type, _, outcome), count in self.by_outcome.items():
            if outcome == "delivered":
                found[object_type] += count
        return found

    @property
    def settled(self) -> int:
        """How many records have an outcome."""
        return len(self.outcomes)

    def problems(self) -> Iterable[str]:
        """What does not add up; nothing when every record is accounted for."""
        missing = self.sources.keys() - self.outcomes.keys()
        if missing:
            yield f"{len(missing)} records have no result"
        unknown = self.outcomes.keys() - self.sources.keys()
        if unknown:
            yield f"{len(unknown)} results name no record"
        if self.repeated:
            yield f"{self.repeated} results are repeated"
        rejected = {origin for origin, one in self.outcomes.items() if one == "rejected"}
        if rejected != self.letters.keys():
            yield f"{len(rejected)} records were rejected, {len(self.letters)} are dead letters"
        changed = [o for o, value in self.letters.items() if self.sources.get(o) != value]
        if changed:
            yield f"{len(changed)} dead letters do not hold the bytes that were read"
