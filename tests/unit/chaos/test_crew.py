"""The storm's crew: what is known of a worker is what its own log says."""

from pathlib import Path

from tests.chaos.crew import Member

ASSIGNED = "INFO    partitions assigned: t.events/0, t.events/1 connection=salesforce\n"
REVOKED = "INFO    partitions revoked: t.events/0, t.events/1 connection=salesforce\n"
LOST = "INFO    partitions lost: t.events/1 connection=salesforce\n"
WAITS = "WARNING Connection is waiting, nothing is lost. connection=salesforce reason=quota_spent\n"
GOES_ON = "INFO    Connection changed state. connection=salesforce state=running\n"


def hears(member: Member, text: str) -> tuple[set[str], str]:
    """What it holds and waits for, once its log has `text`, too."""
    with member.log.open("a") as log:
        log.write(text)
    member.look()
    return {name.removeprefix("t.events/") for name in member.held}, member.waits_for


def test_a_worker_holds_what_its_rebalances_left_it(tmp_path: Path) -> None:
    """Assigned, then lost or revoked; `none` is no partition."""
    member = Member(0, tmp_path / "config.yaml", tmp_path)
    assert hears(member, "") == (set(), "")
    assert hears(member, ASSIGNED) == ({"0", "1"}, "")
    assert hears(member, LOST) == ({"0"}, "")
    assert hears(member, REVOKED) == (set(), "")
    assert hears(member, ASSIGNED.replace("t.events/0, t.events/1", "none")) == (set(), "")


def test_a_worker_waits_until_it_says_that_it_goes_on(tmp_path: Path) -> None:
    """A line counts when it is whole, and once."""
    member = Member(0, tmp_path / "config.yaml", tmp_path)
    assert hears(member, WAITS[:-1]) == (set(), "")
    assert hears(member, WAITS[-1:]) == (set(), "quota_spent")
    assert hears(member, GOES_ON) == (set(), "")
    assert hears(member, "something else\n") == (set(), "")
