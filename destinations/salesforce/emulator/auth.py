"""Logging in: the OAuth token endpoint with its grants, SOAP `login()`, and sessions.

Everything here is the emulator's own: keys and passwords are options of `build`.
"""

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from xml.etree import ElementTree as ET

import jwt

from destinations.salesforce.emulator import ids
from transformer.emulator.server import Answer, Call, json_answer, query_pairs

SESSION_SECONDS = 2 * 3_600.0
MAX_SESSIONS = 10_000
NEWEST_LOGIN_VERSION = 64
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FAILED = ("invalid_grant", "authentication failure")


@dataclass(frozen=True, slots=True)
class User:
    """A person or integration that can log in."""

    username: str = "integration@example.com"
    password: str = "secret"  # noqa: S105 of the emulator alone
    security_token: str = "TOKEN"  # noqa: S105 of the emulator alone
    refresh_token: str = "refresh-token"  # noqa: S105 of the emulator alone


@dataclass(frozen=True, slots=True)
class App:
    """A connected app.

    `public_key` is the PEM that signed assertions are checked with; without one any signature
    passes. `run_as` is the user name client credentials act as; None: no one.
    """

    consumer_key: str = "consumer-key"
    consumer_secret: str = "consumer-secret"  # noqa: S105 of the emulator alone
    public_key: str | None = None
    run_as: str | None = "integration@example.com"
    approved_users: tuple[str, ...] | None = None


@dataclass(slots=True)
class Session:
    """An access token that works until it idles out, is revoked or expired by a fault."""

    user_id: str
    last_used: float


class OAuthRefusal(Exception):
    """A refused token request: `error` and `error_description`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Sessions:
    """The access tokens in force, oldest first and bounded."""

    def __init__(self, org_id: str) -> None:
        self._org = org_id[:15]
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def open(self, user_id: str, now: float) -> str:
        """Return a new access token for a user."""
        token = f"{self._org}!{secrets.token_urlsafe(48)}"
        self._sessions[token] = Session(user_id, now)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return token

    def user_of(self, token: str, now: float) -> str | None:
        """Return the user of a live token and reset its idle clock; None: expired or unknown."""
        session = self._sessions.get(token)
        if session is None:
            return None
        if now - session.last_used > SESSION_SECONDS:
            del self._sessions[token]
            return None
        session.last_used = now
        return session.user_id

    def revoke(self, token: str) -> bool:
        """End one session; tells whether there was one."""
        return self._sessions.pop(token, None) is not None

    def expire_all(self) -> None:
        """End every session."""
        self._sessions.clear()


@dataclass(slots=True)
class Auth:
    """The login endpoints of one org. `user_ids` are the User records by user name."""

    org_id: str
    sandbox: bool
    trusted_ip: bool
    soap_login: bool
    users: Sequence[User]
    apps: Sequence[App]
    user_ids: Mapping[str, str]
    sessions: Sessions
    revoked: set[str] = field(default_factory=set)

    def token(self, call: Call, instance_url: str, now: float) -> Answer:
        """Answer `POST /services/oauth2/token`."""
        kind = call.headers.get("Content-Type", "")
        readable = kind.startswith("application/x-www-form-urlencoded")
        form = dict(query_pairs(call.body.decode("utf-8", "replace"))) if readable else {}
        try:
            self._refuse_host(call)
            return self._granted(call, form, instance_url, now)
        except OAuthRefusal as refusal:
            body = {"error": refusal.error, "error_description": refusal.description}
            return json_answer(body, 400)

    def revoke(self, call: Call) -> Answer:
        """Answer `/services/oauth2/revoke`: access and refresh tokens end here."""
        source = call.body.decode("utf-8", "replace") if call.method == "POST" else call.query
        token = dict(query_pairs(source)).get("token", "")
        known = any(user.refresh_token == token for user in self.users)
        if known:
            self.revoked.add(token)
        if self.sessions.revoke(token) or known:
            return Answer(200)
        body = {"error": "invalid_token", "error_description": "invalid token"}
        return json_answer(body, 400)

    def _granted(
        self, call: Call, form: Mapping[str, str], instance_url: str, now: float
    ) -> Answer:
        grant = form.get("grant_type", "")
        if grant == "client_credentials":
            username = self._client_credentials(call, form)
        elif grant == JWT_GRANT:
            username = self._bearer(form, instance_url, now)
        elif grant == "password":
            self._app(form.get("client_id", ""), form.get("client_secret", ""))
            username = self._password(form.get("username", ""), form.get("password", ""))
        elif grant == "refresh_token":
            username = self._refresh(form)
        else:
            raise OAuthRefusal("unsupported_grant_type", "grant type not supported")
        return self._issued(username, grant, instance_url, now)

    def _issued(self, username: str, grant: str, instance_url: str, now: float) -> Answer:
        user_id = self.user_ids[username]
        login = "test" if self.sandbox else "login"
        body: dict[str, object] = {
            "access_token": self.sessions.open(user_id, now),
            "scope": "api",
            "instance_url": instance_url,
            "id": f"https://{login}.salesforce.com/id/{self.org_id}/{user_id}",
            "token_type": "Bearer",
        }
        if grant != JWT_GRANT:
            body["signature"] = base64.b64encode(secrets.token_bytes(32)).decode()
            body["issued_at"] = str(int(now * 1_000))
        return json_answer(body)

    def _refuse_host(self, call: Call) -> None:
        """Refuse a sandbox's credentials at production's login host, and the reverse."""
        host = call.headers.get("Host", "")
        if _is_login_host(host) and (_first_label(host) == "test") is not self.sandbox:
            raise OAuthRefusal(*_FAILED)

    def _client_credentials(self, call: Call, form: Mapping[str, str]) -> str:
        if _is_login_host(call.headers.get("Host", "")):
            text = "request not supported on this domain"
            raise OAuthRefusal("invalid_grant", text)
        basic = _basic(call.headers.get("Authorization", ""))
        key, secret = basic or (form.get("client_id", ""), form.get("client_secret", ""))
        app = self._app(key, secret)
        if app.run_as is None:
            raise OAuthRefusal("invalid_grant", "no client credentials user enabled")
        return app.run_as

    def _bearer(self, form: Mapping[str, str], instance_url: str, now: float) -> str:
        assertion = form.get("assertion", "")
        try:
            loose = {"verify_signature": False, "verify_aud": False, "verify_exp": False}
            claims = jwt.decode(assertion, options=loose)  # type: ignore[arg-type]
            app = self._app_by_key(str(claims.get("iss", "")))
            if app.public_key is not None:
                strict = {"verify_aud": False, "verify_exp": False}
                jwt.decode(assertion, app.public_key, ["RS256"], options=strict)  # type: ignore[arg-type]
            expires = float(claims.get("exp", 0))
        except (jwt.PyJWTError, ValueError):
            raise OAuthRefusal("invalid_grant", "invalid assertion") from None
        wanted = "https://test.salesforce.com" if self.sandbox else "https://login.salesforce.com"
        if claims.get("aud") not in {wanted, instance_url}:
            raise OAuthRefusal("invalid_grant", "audience is invalid")
        if expires <= now:
            raise OAuthRefusal("invalid_grant", "expired authorization code")
        username = str(claims.get("sub", ""))
        allowed = app.approved_users
        if username not in self.user_ids or (allowed is not None and username not in allowed):
            raise OAuthRefusal("invalid_grant", "user hasn't approved this consumer")
        return username

    def _refresh(self, form: Mapping[str, str]) -> str:
        key, secret = form.get("client_id", ""), form.get("client_secret")
        app = self._app_by_key(key)
        if secret is not None and secret != app.consumer_secret:
            raise OAuthRefusal("invalid_client", "invalid client credentials")
        given = form.get("refresh_token", "")
        for user in self.users:
            if given == user.refresh_token and given not in self.revoked:
                return user.username
        raise OAuthRefusal("invalid_grant", "expired access/refresh token")

    def _app_by_key(self, key: str) -> App:
        for app in self.apps:
            if app.consumer_key == key:
                return app
        raise OAuthRefusal("invalid_client_id", "client identifier invalid")

    def _app(self, key: str, secret: str) -> App:
        app = self._app_by_key(key)
        if app.consumer_secret != secret:
            raise OAuthRefusal("invalid_client", "invalid client credentials")
        return app

    def _password(self, username: str, password: str, *, token: bool = True) -> str:
        for user in self.users:
            accepted = {user.password + user.security_token}
            if self.trusted_ip or not token:
                accepted.add(user.password)
            if user.username == username and password in accepted:
                return username
        raise OAuthRefusal(*_FAILED)

    def soap(self, call: Call, version: str, instance_url: str, now: float) -> Answer:
        """Answer SOAP `login()`: a session, or a fault with its code."""
        number = version.partition(".")[0]
        if not self.soap_login or not number.isdigit() or int(number) > NEWEST_LOGIN_VERSION:
            text = "login() is not available in this org or API version"
            return _fault("UNSUPPORTED_API_VERSION", text)
        try:
            given = _login_fields(call.body)
            self._refuse_host(call)
            org = ids.normalise(given.get("organizationId", ""))
            username = self._password(
                given.get("username", ""),
                given.get("password", ""),
                token=org != self.org_id,
            )
        except (OAuthRefusal, ET.ParseError):
            text = "Invalid username, password, security token; or user locked out."
            return _fault("INVALID_LOGIN", text)
        user_id = self.user_ids[username]
        session = self.sessions.open(user_id, now)
        url = escape(f"{instance_url}/services/Soap/u/{version}/{self.org_id[:15]}")
        return _xml(
            200,
            "<loginResponse><result>"
            f"<metadataServerUrl>{url.replace('/Soap/u/', '/Soap/m/')}</metadataServerUrl>"
            f"<passwordExpired>false</passwordExpired><sandbox>{str(self.sandbox).lower()}"
            f"</sandbox><serverUrl>{url}</serverUrl><sessionId>{escape(session)}</sessionId>"
            f"<userId>{user_id}</userId><userInfo><organizationId>{self.org_id}</organizationId>"
            f"<sessionSecondsValid>{SESSION_SECONDS:.0f}</sessionSecondsValid>"
            f"<userId>{user_id}</userId><userName>{escape(username)}</userName></userInfo>"
            "</result></loginResponse>",
        )


def _login_fields(body: bytes) -> dict[str, str]:
    root = ET.fromstring(body)  # noqa: S314 our own tests' clients, on a loopback port
    return {each.tag.rpartition("}")[2]: each.text or "" for each in root.iter()}


def _fault(code: str, message: str) -> Answer:
    text = f"{code}: {escape(message)}"
    return _xml(
        500,
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{text}</faultstring>"
        '<detail><sf:LoginFault xmlns:sf="urn:fault.partner.soap.sforce.com">'
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{text}"
        "</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>",
    )


def _xml(status: int, inner: str) -> Answer:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com">'
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    )
    return Answer(status, body.encode(), {"Content-Type": "text/xml;charset=UTF-8"})


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthRefusal("invalid_client", "invalid client credentials") from None
    return key, secret


def _is_login_host(host: str) -> bool:
    return _first_label(host) in {"login", "test"}


def _first_label(host: str) -> str:
    return host.partition(":")[0].partition(".")[0].lower()
