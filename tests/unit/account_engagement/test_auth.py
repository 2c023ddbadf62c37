"""Logging in: what each grant sends, and what a refusal says."""

from collections.abc import Mapping
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from destinations.account_engagement.auth import login_request, read_token
from destinations.account_engagement.client import day_left
from destinations.account_engagement.emulator import build
from destinations.account_engagement.settings import AccountEngagementSettings, read
from tests.contract.account_engagement.business_unit import Value, connected, person, settings_for
from transformer.errors import Unauthorized
from transformer.http import Answer
from transformer.outcome import Delivered

KEY = rsa.generate_private_key(65_537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()
PUBLIC = (
    KEY.public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
JWT: Mapping[str, Value] = {
    "client_id": "consumer-key",
    "private_key": PEM,
    "username": "integration@example.com",
}


def options(environment: str = "production") -> AccountEngagementSettings:
    """Settings of a connection that logs in by JWT."""
    return read(settings_for(JWT, environment=environment))


@pytest.mark.parametrize("environment", ["production", "developer", "sandbox"])
def test_an_assertion_is_signed_for_the_environments_login_host(environment: str) -> None:
    """Three minutes, by the app, for the user."""
    request = login_request(options(environment), 1_000.0)
    assert request.content is not None
    form = parse_qs(request.content.decode())
    test = "test" if environment == "sandbox" else "login"
    audience = f"https://{test}.salesforce.com"
    claims = jwt.decode(
        form["assertion"][0], PUBLIC, ["RS256"], audience=audience, options={"verify_exp": False}
    )
    assert claims == {
        "iss": "consumer-key",
        "sub": "integration@example.com",
        "aud": audience,
        "exp": 1_180,
    }


async def test_a_jwt_is_accepted_by_who_knows_its_key() -> None:
    """The emulator checks the signature."""
    given = {**JWT, "client_secret": None}
    async with connected(settings=given) as setup:
        setup.emulator.oauth.public_key = PUBLIC
        assert isinstance(await setup.write_one(person("a@x.io")), Delivered)


def test_an_unreadable_key_is_a_matter_of_the_setup() -> None:
    """And is not shown."""
    broken = read(settings_for(JWT, private_key="-----BEGIN PRIVATE KEY-----\nzzz"))
    with pytest.raises(Unauthorized, match="private_key") as caught:
        login_request(broken, 0.0)
    assert "zzz" not in str(caught.value)


@pytest.mark.parametrize("body", [{"access_token": ""}, {}, "<html>", None, ["x"]])
def test_an_answer_without_a_token_is_a_refusal(body: object) -> None:
    """Whatever its shape."""
    with pytest.raises(Unauthorized):
        read_token(Answer(200, {}, body))


def test_an_emulator_of_a_sandbox_wants_the_sandboxs_audience() -> None:
    """So that production's settings fail there."""
    assert build(demo=True).oauth.sandbox


@pytest.mark.parametrize(
    ("wall", "zone", "left"),
    [
        (0.0, "UTC", 86_400.0),
        (86_399.0, "UTC", 1.0),
        # New York, 8 March 2026: the clocks go forward at two in the morning.
        (1_772_946_000.0, "America/New_York", 23 * 3600.0),
        (1_772_946_000.0, "Asia/Tokyo", 10 * 3600.0),
    ],
)
def test_the_day_ends_at_midnight_where_the_account_is(wall: float, zone: str, left: float) -> None:
    """A day of 23 hours is one, too."""
    assert day_left(wall, zone) == left
