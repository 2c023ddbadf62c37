"""The credentials of the company: API tokens, and OAuth tokens with their endpoint."""

from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import parse_qsl

from transformer.emulator.server import Answer, Call, json_answer

API_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - of the emulator
CLIENT_ID = "emulator-client"
CLIENT_SECRET = "emulator-client-secret"  # noqa: S105 - of the emulator
REFRESH_TOKEN = "1:1:emulator-refresh-token"  # noqa: S105 - of the emulator
CODE = "emulator-code"
EXPIRES_SECONDS = 3599


class Credentials:
    """Who may come in. `expire` ends every OAuth session."""

    def __init__(self, api_tokens: frozenset[str]) -> None:
        self._api_tokens = api_tokens
        self._valid_until: dict[str, float] = {}
        self.refreshes = 0

    def credential(self, headers: Mapping[str, str], now: float) -> str | None:
        """Return the token a request carries, or None when it is none of ours."""
        token = headers.get("x-api-token")
        if token is not None:
            return token if token in self._api_tokens else None
        kind, _, bearer = headers.get("Authorization", "").partition(" ")
        known = kind == "Bearer" and self._valid_until.get(bearer, 0.0) > now
        return bearer if known else None

    def expire(self) -> None:
        """End every OAuth session."""
        self._valid_until.clear()

    def token(self, call: Call, now: float, api_domain: str) -> Answer:
        """Answer `POST /oauth/token`: the authorization_code and refresh_token grants."""
        form = dict(parse_qsl(call.body.decode("utf-8", "replace")))
        if not _is_client(call.headers.get("Authorization", "")):
            return _refused("invalid_client", "Client authentication failed", 401)
        grant = form.get("grant_type")
        if grant not in {"authorization_code", "refresh_token"}:
            return _refused("unsupported_grant_type", "Unsupported grant type")
        wanted, given = {
            "authorization_code": (CODE, form.get("code")),
            "refresh_token": (REFRESH_TOKEN, form.get("refresh_token")),
        }[grant]
        if given != wanted:
            return _refused("invalid_grant", "Invalid refresh_token or code")
        self.refreshes += 1
        token = f"v1u:emulator-{self.refreshes}"
        self._valid_until[token] = now + EXPIRES_SECONDS
        return json_answer(
            {
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": EXPIRES_SECONDS,
                "refresh_token": REFRESH_TOKEN,
                "scope": "base,contacts:full,deals:full,leads:full,activities:full,search:read",
                "api_domain": api_domain,
            }
        )


def _is_client(header: str) -> bool:
    kind, _, encoded = header.partition(" ")
    try:
        given = b64decode(encoded, validate=True).decode()
    except ValueError:
        return False
    return kind == "Basic" and given == f"{CLIENT_ID}:{CLIENT_SECRET}"


def _refused(error: str, message: str, status: int = 400) -> Answer:
    return json_answer({"success": False, "error": error, "message": message}, status)
