"""What the running ledger knows of commits, and what it does when nobody tells."""

import logging

import pytest

from tests.manual_clock import ManualClock
from transformer.ledger.commits import Commits
from transformer.ledger.coverage import EVERY_OFFSET
from transformer.ledger.entry import Holder
from transformer.memory.broker import MemoryBroker
from transformer.record import Partition

PARTS = [Partition("events", 0), Partition("events", 1)]
CRM = [Holder("crm", part) for part in PARTS]
OTHER = Holder("other", PARTS[0])


async def test_each_connection_is_asked_for_by_its_group() -> None:
    """Without a commit it is zero: nothing of it can be missing."""
    broker = MemoryBroker(ManualClock())
    broker.set_committed("t-crm", {PARTS[0]: 7})
    broker.set_committed("t-other", {PARTS[0]: 9, PARTS[1]: 4})
    commits = Commits(broker, "t-")
    await commits.ask([*CRM, OTHER])
    assert commits.known == {CRM[0]: 7, CRM[1]: 0, OTHER: 9}


async def test_what_cannot_be_told_stays_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """What was never told leaves it to age alone; it is said once."""
    caplog.set_level(logging.WARNING, "transformer.ledger")
    broker = MemoryBroker(ManualClock())
    broker.set_committed("t-crm", {PARTS[0]: 7})
    commits = Commits(broker, "t-")
    await commits.ask(CRM)
    for _ in range(2):
        broker.faults.refuse_committed(2)
        await commits.ask([*CRM, OTHER])
    assert commits.known == {CRM[0]: 7, CRM[1]: 0, OTHER: EVERY_OFFSET}
    assert len(caplog.records) == 2
    broker.set_committed("t-crm", {PARTS[0]: 8})
    await commits.ask([*CRM, OTHER])
    assert commits.known == {CRM[0]: 8, CRM[1]: 0, OTHER: 0}
