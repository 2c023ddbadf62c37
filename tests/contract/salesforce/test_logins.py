"""Every way to log in to Salesforce, through the whole destination, against the emulator.

The emulator checks what each grant brings: signature, secret, refresh token, password.
"""

import asyncio
from functools import cache

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from destinations.salesforce.emulator import App
from tests.contract.salesforce.org import connected, identify, only_lead, summary
from transformer.emulator.faults import Fault
from transformer.errors import Unauthorized

TOKEN_ROUTE = "POST /services/oauth2/token"
SOAP_ROUTE = "POST /services/Soap/u/{version}"
USER = {"username": "integration@example.com", "password": "secret", "security_token": "TOKEN"}
LOGINS = {
    "client credentials": ({"auth": "client_credentials"}, TOKEN_ROUTE),
    "jwt bearer": ({"auth": "jwt_bearer"}, TOKEN_ROUTE),
    "refresh token": ({"auth": "refresh_token", "refresh_token": "refresh-token"}, TOKEN_ROUTE),
    "password": ({"auth": "password", **USER}, TOKEN_ROUTE),
    "soap": ({"auth": "soap", **USER}, SOAP_ROUTE),
}
WRONG = {
    "client credentials": ({"client_secret": "wrong"}, "invalid client credentials"),
    "jwt bearer": ({"private_key": "another"}, "invalid assertion"),
    "refresh token": ({"refresh_token": "gone"}, "expired access/refresh token"),
    "password": ({"password": "wrong"}, "authentication failure"),
    "soap": ({"password": "wrong"}, "Invalid username, password, security token"),
}


@cache
def keys(name: str) -> tuple[str, str]:
    """A private key and its public one, as PEM; one pair for each name."""
    del name
    private = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    return (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )


def app() -> App:
    """A connected app that checks signatures with the certificate it was given."""
    return App(public_key=keys("ours")[1])


def settings(name: str, **more: str) -> dict[str, str]:
    """The settings of one way to log in."""
    given = {**LOGINS[name][0], **more}
    if name == "jwt bearer":
        private = keys(given.get("private_key", "ours"))[0]
        given |= {"username": USER["username"], "private_key": private}
    return given


@pytest.mark.parametrize("name", LOGINS)
async def test_a_lead_is_delivered_after_each_login(name: str) -> None:
    """One login, however many batches come; the lead is there with what was sent."""
    async with connected(settings(name), one_clock=True, apps=[app()]) as to:
        outcomes = await to.write(identify("ann@x.io", FirstName="Ann"))
        await to.write(identify("bo@x.io"), identify("cy@x.io"))
        assert [summary(outcome) for outcome in outcomes] == ["created"]
        assert to.org.records("Lead")[0].values["FirstName"] == "Ann"
        assert to.org.calls_by_route[LOGINS[name][1]] == 1


@pytest.mark.parametrize("name", LOGINS)
async def test_a_session_that_expired_in_between_is_renewed_once(name: str) -> None:
    """However many requests find it expired at the same time; nothing is lost or written twice."""
    async with connected(settings(name), one_clock=True, apps=[app()]) as to:
        await to.write(identify("ann@x.io"))
        to.org.expire_sessions()
        batches = await asyncio.gather(
            to.write(identify("ann@x.io", Title="CTO")),
            to.write(identify("bo@x.io")),
            to.write(identify("cy@x.io")),
        )
        done = [summary(outcome) for batch in batches for outcome in batch]
        assert done == ["updated", "created", "created"]
        assert len(to.org.records("Lead")) == 3
        assert to.org.calls_by_route[LOGINS[name][1]] == 2


@pytest.mark.parametrize("name", LOGINS)
async def test_a_wrong_credential_is_refused_as_such(name: str) -> None:
    """In Salesforce's words, without the secret; nothing is written, no login is repeated."""
    wrong, said = WRONG[name]
    given = settings(name, **wrong)
    async with connected(given, one_clock=True, apps=[app()]) as to:
        for _ in range(2):
            with pytest.raises(Unauthorized, match="refused the credentials") as caught:
                await to.write(identify())
        assert said in str(caught.value.vendor)
        shown = f"{caught.value} {caught.value.vendor}"
        secrets = [given.get(key) for key in ("password", "private_key", "refresh_token")]
        assert not any(secret in shown for secret in secrets if secret)
        assert to.org.records("Lead") == []
        assert to.org.calls_by_route[LOGINS[name][1]] == 1


async def test_an_assertion_is_signed_anew_for_every_login() -> None:
    """One that was made an hour ago would have expired."""
    async with connected(settings("jwt bearer"), one_clock=True, apps=[app()]) as to:
        await to.write(identify("ann@x.io"))
        to.org.expire_sessions()
        to.clock.pass_seconds(3_600.0)
        assert summary((await to.write(identify("ann@x.io", Title="CTO")))[0]) == "updated"
        assert only_lead(to)["Title"] == "CTO"


async def test_a_session_that_is_refused_in_the_middle_of_a_batch_is_renewed() -> None:
    """Between the lookup and the write: the write is sent again with the new one, once."""
    async with connected(settings("jwt bearer"), one_clock=True, apps=[app()]) as to:
        to.org.script(Fault("expire_session", path="*/composite/sobjects*", count=1))
        assert summary((await to.write(identify()))[0]) == "created"
        assert len(to.org.records("Lead")) == 1
        assert to.org.calls_by_route[TOKEN_ROUTE] == 2
