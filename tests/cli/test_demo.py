"""`transformer demo` as a process: plain when piped, complete, and its exit code tells."""

from tests.cli.process import running


def test_the_demo_accounts_for_every_event() -> None:
    """The whole main job, with all its tables."""
    with running("demo") as demo:
        assert demo.exit_code(100) == 0
    shown = "\n".join(demo.seen)
    for words in (
        "Starting a Salesforce emulator on http://127.0.0.1:",
        "Events skipped and rejected, by reason",
        "leads that the CRM now has",
        "dead letters",
        "API calls",
        "Every event is accounted for, once: 360 read = 243 delivered, 100 skipped, 17 rejected.",
        "No address has two leads",
    ):
        assert words in shown
    assert "\x1b" not in shown
    assert "Traceback" not in shown
