"""Who may call: private app tokens and OAuth access tokens, with their scopes and their life."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn

import orjson

from destinations.hubspot.emulator.reading import body_of, text
from destinations.hubspot.emulator.refusals import Refusal
from transformer.clock import Clock
from transformer.emulator.server import Answer, Call, Handler, json_answer, query_pairs

TOKEN_SECONDS = 1_800
OAUTH_PREFIX = "CK"


@dataclass(frozen=True, slots=True)
class App:
    """An OAuth app that was installed in the portal."""

    client_id: str = "11111111-2222-3333-4444-555555555555"
    client_secret: str = field(default="emulator-secret", repr=False)
    refresh_token: str = field(default="emulator-refresh-token", repr=False)


class Tokens:
    """Issues and knows tokens. `private` None takes any token that looks like a private app's."""

    def __init__(
        self,
        portal_id: int,
        clock: Clock,
        *,
        private: str | None,
        app: App,
        scopes: frozenset[str] | None,
        rotate: bool,
    ) -> None:
        self._portal_id = portal_id
        self._clock = clock
        self._private = private
        self._app = app
        self._refresh = app.refresh_token
        self._rotate = rotate
        self._numbers = count(1)
        self._issued: dict[str, float] = {}
        self.scopes = scopes

    def routes(self) -> Iterable[tuple[str, str, Handler]]:
        """Method, whole path, handler."""
        found: list[tuple[str, str, Handler]] = [
            ("POST", "/oauth/v2/private-apps/get/access-token-info", self._private_info)
        ]
        for root in ("/oauth/v1", "/oauth/v3", "/oauth/2026-03", "/oauth/2026-09"):
            found.append(("POST", f"{root}/token", self._token))
            found.append(("POST", f"{root}/token/introspect", self._introspect))
        found.append(("GET", "/oauth/v1/access-tokens/{token}", self._info))
        return found

    def authenticate(self, call: Call) -> bool:
        """Refuse a call without a good token; return whether it came with an OAuth one."""
        scheme, _, token = call.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            _refuse("INVALID_AUTHENTICATION", "Authentication credentials not found.")
        expires = self._issued.get(token)
        if expires is not None:
            if self._clock.wall() >= expires:
                _refuse("EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired.")
            return True
        if self._private is None and token.startswith("pat-"):
            return False
        if self._private is None or token != self._private:
            _refuse("INVALID_AUTHENTICATION", "Authentication credentials not found.")
        return False

    def require(self, *scopes: str) -> None:
        """Refuse a call whose app was not granted one of these scopes."""
        if self.scopes is None or not scopes or self.scopes & set(scopes):
            return
        raise Refusal(
            403,
            "MISSING_SCOPES",
            "This app hasn't been granted all required scopes to make this call.",
            details=[
                {
                    "message": "One or more of the following scopes are required.",
                    "context": {"requiredGranularScopes": list(scopes)},
                }
            ],
        )

    def expire(self) -> None:
        """End every access token that was issued."""
        self._issued = dict.fromkeys(self._issued, 0.0)

    def _token(self, call: Call, _params: Mapping[str, str]) -> Answer:
        form = dict(query_pairs(call.body.decode()))
        if form.get("grant_type") != "refresh_token":
            return _oauth_error("BAD_GRANT_TYPE", "unsupported grant_type")
        known = (self._app.client_id, self._app.client_secret)
        if (form.get("client_id"), form.get("client_secret")) != known:
            return _oauth_error("BAD_CLIENT_ID", "missing or unknown client id")
        if form.get("refresh_token") != self._refresh:
            return _oauth_error("BAD_REFRESH_TOKEN", "missing or unknown refresh token")
        number = next(self._numbers)
        if self._rotate:
            self._refresh = f"{self._app.refresh_token}-{number}"
        token = f"{OAUTH_PREFIX}emulator{number}"
        self._issued[token] = self._clock.wall() + TOKEN_SECONDS
        return json_answer(
            {
                "token_type": "bearer",
                "access_token": token,
                "refresh_token": self._refresh,
                "expires_in": TOKEN_SECONDS,
                "hub_id": self._portal_id,
                "scopes": sorted(self.scopes or ()),
                "token_use": "access_token",
            }
        )

    def _private_info(self, call: Call, _params: Mapping[str, str]) -> Answer:
        token = text(body_of(call), "tokenKey")
        if self._private not in {None, token}:
            _refuse("INVALID_AUTHENTICATION", "Authentication credentials not found.")
        listed = sorted(self.scopes or ALL_SCOPES)
        return json_answer(
            {"userId": 9586504, "hubId": self._portal_id, "appId": 26, "scopes": listed}
        )

    def _introspect(self, call: Call, _params: Mapping[str, str]) -> Answer:
        return self._described(dict(query_pairs(call.body.decode())).get("token", ""))

    def _info(self, _call: Call, params: Mapping[str, str]) -> Answer:
        return self._described(params["token"])

    def _described(self, token: str) -> Answer:
        expires = self._issued.get(token, 0.0)
        left = max(0, int(expires - self._clock.wall()))
        body = {
            "active": left > 0,
            "token": token,
            "hub_id": self._portal_id,
            "client_id": self._app.client_id,
            "scopes": sorted(self.scopes or ALL_SCOPES),
            "expires_in": left,
            "token_type": "access",
            "token_use": "access_token",
        }
        return json_answer(body, 200 if left else 404)


def _refuse(category: str, message: str) -> NoReturn:
    learn = "Authenticate your app: https://developers.hubspot.com/docs/methods/auth/oauth-overview"
    raise Refusal(401, category, f"{message} {learn}")


def _oauth_error(status: str, message: str) -> Answer:
    body = {"status": status, "message": message, "error": "invalid_grant"}
    return Answer(400, orjson.dumps(body), {"Content-Type": "application/json;charset=utf-8"})


ALL_SCOPES = frozenset(
    {
        "oauth", "tickets", "crm.objects.owners.read",
        *(
            f"crm.{area}.{name}.{right}"
            for area in ("objects", "schemas")
            for name in ("contacts", "companies", "deals", "custom")
            for right in ("read", "write")
        ),
        "behavioral_events.event_definitions.read_write", "analytics.behavioral_events.send",
    }
)  # fmt: skip
