"""`transformer demo` as a process: plain when piped, complete, and its exit code tells."""

import re

from tests.cli.process import running
from transformer import app


def test_the_demo_accounts_for_every_event() -> None:
    """The whole main job, with all its tables."""
    with running("demo") as demo:
        assert demo.exit_code(500) == 0
    shown = "\n".join(demo.seen)
    for words in (
        "Starting an emulator of Salesforce on http://127.0.0.1:",
        *(f"Starting an emulator of {kind.title} on " for kind in app.kinds()),
        "The same events, delivered to every CRM side by side",
        "Events skipped and rejected, by reason",
        "leads that the CRM now has",
        "dead letters",
        "API calls",
        "Every event is accounted for, once: 360 read = 243 delivered, 100 skipped, 17 rejected.",
        "No address has two leads",
        f"The same holds of every other CRM: {len(app.kinds())} connections in all.",
    ):
        assert words in shown
    for kind in app.kinds():
        counts = rf"^ {kind.title} +\S +(\d+) \S +(\d+) \S +(\d+) \S"
        (row,) = re.findall(counts, shown, re.MULTILINE)
        assert sum(int(count) for count in row) == 360
    assert "\x1b" not in shown
    assert "Traceback" not in shown
