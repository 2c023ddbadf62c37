"""Windows and days: exact, told the time."""

from destinations.pipedrive.pace import Day, Window


def test_a_window_opens_two_seconds_after_the_oldest_answer() -> None:
    """And a margin, because clocks differ."""
    window = Window(2)
    for at in (0.0, 0.5):
        window.take()
        window.release(at)
    assert window.wait_seconds(1.0) == 1.1
    assert window.wait_seconds(2.1) == 0.0
    window.take()
    assert window.wait_seconds(2.1) > 0.0


def test_a_full_window_is_never_open_by_rounding() -> None:
    """At the very moment that 2.1 leaves it there is room for one request, not for many."""
    window = Window(1)
    window.take()
    window.release(2.1)
    assert window.wait_seconds(4.199999999999999) == 0.0
    window.take()
    window.release(4.199999999999999)
    assert window.wait_seconds(4.199999999999999) > 0.0


def test_a_request_without_an_answer_keeps_its_place() -> None:
    """When it arrives is not known before its answer is here."""
    window = Window(1)
    window.take()
    assert window.wait_seconds(100.0) > 0.0
    window.release(100.0)
    assert round(window.wait_seconds(100.0), 6) == 2.1


def test_a_day_turns_at_its_hour() -> None:
    """UTC; the first look turns nothing."""
    day = Day(reset_hour=2)
    midnight = 86_400.0 * 20_000
    assert not day.turned(midnight + 3600.0)
    assert not day.turned(midnight + 7199.0)
    assert day.turned(midnight + 7200.0)
    assert not day.turned(midnight + 7200.0)
    assert day.left_seconds(midnight + 3600.0) == 3600.0
