"""A connection's settings as its destination reads them."""

from dataclasses import dataclass, field

import pytest

from transformer.destination import Setting, Settings
from transformer.kit.settings import SEVERAL_MATCHES, Given, quota, timeouts

DECLARED = (
    Setting("base_url", "string", "Where.", default="https://api.example"),
    Setting("token", "string", "The key.", secret=True),
    Setting("seats", "integer", "How many.", default=3),
    Setting("sandbox", "boolean", "Whether.", default=True),
    SEVERAL_MATCHES,
    *quota("day's requests", recheck_seconds=60.0),
    *timeouts(read_seconds=30.0),
)


@dataclass(frozen=True, slots=True)
class Options:
    """Some of them, typed."""

    base_url: str
    token: str = field(repr=False)
    seats: int
    sandbox: bool
    api_share: float
    read_timeout_seconds: float


def test_what_is_not_given_is_the_declared_default() -> None:
    """Which is nothing for some."""
    expected = Options("https://api.example", "", 3, sandbox=True, api_share=0.8,
                       read_timeout_seconds=30.0)  # fmt: skip
    assert Given({}, DECLARED).into(Options) == expected


def test_what_is_given_is_read_as_the_field_wants_it() -> None:
    """Without the white space around it; a whole number does for a fraction."""
    given: Settings = {"token": " t ", "seats": 5, "sandbox": False, "api_share": 1}
    options = Given(given, DECLARED).into(Options, base_url="https://other.example")
    assert options == Options("https://other.example", "t", 5, sandbox=False, api_share=1.0,
                              read_timeout_seconds=30.0)  # fmt: skip


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_nothing_and_a_blank_text_are_the_default(blank: str | None) -> None:
    """As when a variable of the environment is set to nothing."""
    given = Given({"base_url": blank, "token": blank}, DECLARED)
    assert (given.text("base_url"), given.text("token")) == ("https://api.example", "")
    assert given.missing(["base_url", "token"]) == ["token"]


def test_false_and_zero_are_given() -> None:
    """They are not nothing."""
    given = Given({"sandbox": False, "seats": 0}, DECLARED)
    assert (given.is_on("sandbox"), given.whole("seats")) == (False, 0)


def test_each_address_that_cannot_be_is_a_problem() -> None:
    """One that is not there is none."""
    given = Given({"base_url": "http://api.example"}, DECLARED)
    (problem,) = given.address_problems("base_url", "proxy_url")
    assert problem.startswith("base_url: plain http is allowed for this machine only")


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({}, []),
        ({"api_share": 1.0}, []),
        ({"api_share": 0.0}, ["api_share: expected more than 0 and at most 1, got 0."]),
        ({"api_share": 1.5}, ["api_share: expected more than 0 and at most 1, got 1.5."]),
        ({"seats": 0}, ["seats: expected a number greater than 0, got 0."]),
        ({"recheck_seconds": -1}, ["recheck_seconds: expected seconds greater than 0, got -1."]),
        (
            {"connect_timeout_seconds": 0, "read_timeout_seconds": 0},
            [
                "connect_timeout_seconds: expected seconds greater than 0, got 0.",
                "read_timeout_seconds: expected seconds greater than 0, got 0.",
            ],
        ),
    ],
)
def test_each_number_that_cannot_be_is_a_problem(settings: Settings, problems: list[str]) -> None:
    """The shares and the timeouts always, others when they are named."""
    assert list(Given(settings, DECLARED).number_problems("seats", "daily")) == problems
