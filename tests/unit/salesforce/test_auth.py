"""Logging in: what each of the five grants sends, and what the answer says of the org."""

from collections.abc import Callable
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from destinations.salesforce.auth import Session, Token
from destinations.salesforce.settings import SalesforceSettings, read
from tests.manual_clock import ManualClock
from transformer.budget import Budget
from transformer.destination import Settings
from transformer.errors import Unauthorized
from transformer.http import HttpClient

APP: Settings = {
    "client_id": "id",
    "client_secret": "sec&ret",
    "login_url": "https://acme.my.salesforce.com",
}
SOAP: Settings = {"username": "u<&>", "password": "p'w", "security_token": "tok"}
GOOD = {"access_token": "00D!a", "instance_url": "https://acme.my.salesforce.com"}

Handler = Callable[[httpx.Request], httpx.Response]


def session(
    handler: Handler, settings: Settings, clock: ManualClock | None = None
) -> tuple[Session, SalesforceSettings]:
    """A session whose logins `handler` answers."""
    clock, options = clock or ManualClock(), read(settings)
    http = HttpClient(budget=Budget(), clock=clock, transport=httpx.MockTransport(handler))
    return Session(http, options, clock), options


async def sent_form(settings: Settings) -> dict[str, str]:
    """The form that a login with `settings` sends."""
    forms: list[dict[str, str]] = []

    def recording(request: httpx.Request) -> httpx.Response:
        forms.append({name: value[0] for name, value in parse_qs(request.content.decode()).items()})
        return httpx.Response(200, json=GOOD)

    await session(recording, settings)[0].token()
    return forms[0]


async def test_client_credentials_send_the_app_alone() -> None:
    """The token acts as the run-as user."""
    assert await sent_form(APP) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "sec&ret",
    }


async def test_a_refresh_token_is_sent_with_the_app() -> None:
    """Grant refresh_token."""
    assert await sent_form({**APP, "refresh_token": "r"}) == {
        "grant_type": "refresh_token",
        "refresh_token": "r",
        "client_id": "id",
        "client_secret": "sec&ret",
    }


async def test_a_password_is_followed_by_the_security_token() -> None:
    """Grant password."""
    form = await sent_form({**APP, "username": "u", "password": "p", "security_token": "t"})
    assert (form["grant_type"], form["username"], form["password"]) == ("password", "u", "pt")


async def test_a_jwt_is_signed_for_the_login_host_of_the_switch() -> None:
    """RS256, with issuer, subject, audience and a near expiry."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    form = await sent_form({"client_id": "id", "username": "u@x.io", "private_key": pem})
    claims = jwt.decode(
        form["assertion"],
        key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims == {
        "iss": "id",
        "sub": "u@x.io",
        "aud": "https://login.salesforce.com",
        "exp": int(ManualClock().wall()) + 180,
    }


async def test_an_unreadable_key_is_said_without_showing_it() -> None:
    """A PEM frame around nonsense."""
    settings: Settings = {
        "client_id": "id",
        "username": "u",
        "private_key": "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----",
    }
    subject, _ = session(lambda _: httpx.Response(200, json=GOOD), settings)
    with pytest.raises(Unauthorized, match="private_key: not a readable RSA key") as caught:
        await subject.token()
    assert "nonsense" not in str(caught.value)


async def test_soap_login_escapes_what_it_sends_and_finds_the_host() -> None:
    """The bearer token is the session id, the instance is the server's host."""
    bodies: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        server = "https://acme.my.salesforce.com/services/Soap/u/64.0/00D"
        text = f"<x><serverUrl>{server}</serverUrl><sf:sessionId>00D!a&amp;b</sf:sessionId></x>"
        return httpx.Response(200, text=text)

    token = await session(answer, SOAP)[0].token()
    assert token == Token("00D!a&b", "https://acme.my.salesforce.com")
    assert "<n1:username>u&lt;&amp;&gt;</n1:username>" in bodies[0]
    assert "<n1:password>p&#x27;wtok</n1:password>" in bodies[0]


async def test_a_soap_fault_is_a_refusal_although_its_status_is_500() -> None:
    """Its code and what to do in the message, the vendor's words apart."""
    fault = (
        "<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>"
        "<sf:exceptionMessage>INVALID_LOGIN: Invalid username</sf:exceptionMessage>"
    )
    subject, _ = session(lambda _: httpx.Response(500, text=fault), SOAP)
    with pytest.raises(Unauthorized, match=r"INVALID_LOGIN\. Check username, pass") as caught:
        await subject.token()
    assert "Invalid username" not in str(caught.value)
    assert "INVALID_LOGIN: Invalid username. Check" in caught.value.detail


@pytest.mark.parametrize(
    ("description", "advice"),
    [
        ("user hasn't approved this consumer", "Pre-authorise the user"),
        ("expired access/refresh token", "Authorise again"),
        ("authentication failure", "Check the credentials"),
        ("something new", "Check the credentials, the sandbox switch"),
    ],
)
async def test_a_refused_grant_says_what_to_do(description: str, advice: str) -> None:
    """The error's code and the advice that goes with its words; the words themselves apart."""
    body = {"error": "invalid_grant", "error_description": description}
    subject, _ = session(lambda _: httpx.Response(400, json=body), APP)
    with pytest.raises(Unauthorized) as caught:
        await subject.token()
    said = str(caught.value)
    assert f"refused the credentials: invalid_grant. {advice}" in said
    assert description not in said
    assert f"invalid_grant: {description}. {advice}" in caught.value.detail
    assert caught.value.vendor == {"error": "invalid_grant", "message": description}


async def test_a_login_already_under_way_elsewhere_is_waited_for() -> None:
    """Another worker refreshes with the same refresh token at this moment."""
    busy = {
        "error": "invalid_grant",
        "error_description": "token request is already being processed",
    }
    answers = [httpx.Response(400, json=busy), httpx.Response(200, json=GOOD)]
    clock = ManualClock()
    subject, _ = session(lambda _: answers.pop(0), {**APP, "refresh_token": "r"}, clock)
    assert (await subject.token()).access_token == "00D!a"
    assert clock.slept == [1.0]


async def test_credentials_of_the_other_kind_of_org_are_refused() -> None:
    """The login host was right, the org it led to is not (row S1)."""
    body = {**GOOD, "instance_url": "https://acme--uat.sandbox.my.salesforce.com"}
    subject, _ = session(lambda _: httpx.Response(200, json=body), APP)
    with pytest.raises(Unauthorized, match="is a sandbox, expected production"):
        await subject.token()


async def test_the_host_that_a_login_names_is_told_apart() -> None:
    """It is the answer's word: not for a log."""
    body = {**GOOD, "instance_url": "https://zq7--uat.sandbox.my.salesforce.com"}
    subject, _ = session(lambda _: httpx.Response(200, json=body), APP)
    with pytest.raises(Unauthorized) as caught:
        await subject.token()
    assert "zq7" not in str(caught.value)
    assert "zq7--uat.sandbox.my.salesforce.com is a sandbox" in caught.value.detail


async def test_a_session_of_no_address_is_a_refusal() -> None:
    """The server's URL cannot be read as one."""
    text = "<x><serverUrl>http://[zq7</serverUrl><sessionId>a</sessionId></x>"
    subject, _ = session(lambda _: httpx.Response(200, text=text), SOAP)
    with pytest.raises(Unauthorized, match="wrong address") as caught:
        await subject.token()
    assert "zq7" not in str(caught.value)


async def test_an_instance_without_tls_never_gets_the_token() -> None:
    """Whatever the login answers."""
    body = {**GOOD, "instance_url": "http://acme.example"}
    subject, _ = session(lambda _: httpx.Response(200, json=body), APP)
    with pytest.raises(Unauthorized, match="wrong address: plain http"):
        await subject.token()


def test_a_token_is_not_in_its_repr() -> None:
    """It may get into a traceback."""
    assert "secret" not in repr(Token("secret", "https://x"))
