"""The scorecard of a destination: what the contract suite holds it to, and what does not apply.

Made of the same subject that the suite puts on trial; `make docs` writes it to `COVERAGE.md`.
"""

from collections.abc import Iterator

from transformer.destination import Kind
from transformer.emulator.subject import Behaviour, Facts

PEOPLE = 1_000


def page(kind: Kind, facts: Facts) -> str:
    """The scorecard in Markdown."""
    return "\n".join(
        [
            f"# {kind.title}: what is covered",
            "",
            "Made by `make docs` from `emulator/subject.py`; do not edit. A row with `yes` is a",
            "test of its own, run by the command below; one with `no` says why it does not apply.",
            "",
            "```",
            f"pytest tests/contract/test_destination.py -k {kind.name}",
            "```",
            "",
            "| what happens | covered | remark |",
            "| --- | --- | --- |",
            *_behaviours(facts),
            "",
            f"API calls for {PEOPLE:,} identifies, asserted by `tests/bench/test_calls.py`:",
            "",
            "| how | at most |",
            "| --- | --- |",
            *(f"| {cost.how} | {cost.at_most(PEOPLE):,} |" for cost in facts.costs),
            "",
        ]
    )


def _behaviours(facts: Facts) -> Iterator[str]:
    for behaviour in Behaviour:
        absent = facts.absent.get(behaviour)
        remark = absent or facts.notes.get(behaviour, "")
        if behaviour is Behaviour.VENDOR_LIMITS and not absent:
            remark = ", ".join([*facts.limits, *([remark] if remark else [])])
        yield f"| {behaviour.value} | {'no' if absent else 'yes'} | {remark} |"
