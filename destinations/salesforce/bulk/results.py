"""What became of a job's rows: every line of its results is matched to its row. Pure.

`answers` judges the rows that were refused; those it would send again are left for the usual way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from destinations.salesforce.answers import failed, judge, judge_errors
from destinations.salesforce.bulk import csv_file
from destinations.salesforce.bulk.plan import Job
from destinations.salesforce.pack import Row
from destinations.salesforce.plan import Policy
from transformer.errors import WriteFailed
from transformer.outcome import Delivered, Outcome, Rejected, Retry, Skipped


@dataclass(slots=True)
class Progress:
    """What became of rows so far: an outcome each, or `left` for the usual way."""

    outcomes: dict[int, Outcome] = field(default_factory=dict)
    left: list[Row] = field(default_factory=list)


class Tally:
    """The rows of one job, until each has its answer."""

    def __init__(self, job: Job, policy: Policy, progress: Progress) -> None:
        self._job = job
        self._policy = policy
        self._progress = progress
        self._waiting = {row.write.index: row for row in job.rows.values()}
        self._read = 0

    @property
    def column(self) -> str:
        """The column by which its rows are told apart."""
        return self._job.key

    @property
    def complete(self) -> bool:
        """Whether every row has its answer."""
        return not self._waiting

    @property
    def empty(self) -> bool:
        """Whether no row has one."""
        return self._read == 0

    def succeeded(self, results: Iterable[Mapping[str, str]]) -> None:
        """Take over the lines of `successfulResults`."""
        for result in results:
            row = self._take(result)
            if row is not None:
                made = result.get("sf__created", "").casefold() == "true"
                said = {"success": True, "id": result.get("sf__id", ""), "created": made}
                self._judged(row, judge(row.write, said, self._policy))

    def refused(self, results: Iterable[Mapping[str, str]]) -> None:
        """Take over the lines of `failedResults`."""
        for result in results:
            row = self._take(result)
            if row is not None:
                error = csv_file.read_error(result.get("sf__error", ""))
                self._judged(row, judge_errors(row.write, [error], self._policy))

    def unprocessed(self, results: Iterable[Mapping[str, str]]) -> None:
        """Take over the lines of `unprocessedrecords`: nothing was done to them."""
        for result in results:
            row = self._take(result)
            if row is not None:
                self._progress.left.append(row)

    def untouched(self) -> None:
        """Nothing was done to any row that has no answer yet."""
        self._progress.left.extend(self._waiting.values())
        self._waiting.clear()

    def lost(self, failure: WriteFailed) -> None:
        """Nobody can say what became of the rows that have no answer yet (invariant 6)."""
        for index, row in self._waiting.items():
            self._progress.outcomes[index] = failed(row.write, failure, sent=True)
        self._waiting.clear()

    def _take(self, result: Mapping[str, str]) -> Row | None:
        row = self._job.row_of(result)
        if row is not None and self._waiting.pop(row.write.index, None) is not None:
            self._read += 1
            return row
        return None

    def _judged(self, row: Row, judgement: object) -> None:
        if isinstance(judgement, Delivered | Skipped | Rejected | Retry):
            self._progress.outcomes[row.write.index] = judgement
        else:
            self._progress.left.append(row)
