"""The token endpoint beside the emulated business unit, and the tokens in force.

Everything here is the emulator's own: keys and secrets are options of `build`.
"""

import secrets
from collections.abc import Mapping

import jwt

from transformer.emulator.server import Answer, Call, json_answer, query_pairs

JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 7_200.0


class OAuth:
    """Tokens by three grants. With a `public_key` the signature of assertions is checked."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        refresh_token: str,
        username: str,
        public_key: str | None,
        sandbox: bool,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.refresh_token = refresh_token
        self.username = username
        self.public_key = public_key
        self.sandbox = sandbox
        self.logins = 0
        self._tokens: dict[str, float] = {}

    def expire_all(self) -> None:
        """End every token."""
        self._tokens.clear()

    def is_live(self, token: str, now: float) -> bool:
        """Whether a request with this token is let in."""
        return self._tokens.get(token, 0.0) > now

    def token(self, call: Call, now: float, wall: float, instance_url: str) -> Answer:
        """Answer `POST /services/oauth2/token`."""
        self.logins += 1
        form = dict(query_pairs(call.body.decode("utf-8", "replace")))
        problem = self._problem(form, wall)
        if problem:
            error, words = problem
            return json_answer({"error": error, "error_description": words}, 400)
        token = f"00D000000000001!{secrets.token_urlsafe(32)}"
        self._tokens[token] = now + TOKEN_SECONDS
        body: dict[str, object] = {
            "access_token": token,
            "instance_url": instance_url,
            "scope": "pardot_api",
            "token_type": "Bearer",
        }
        return json_answer(body)

    def _problem(self, form: Mapping[str, str], wall: float) -> tuple[str, str] | None:
        grant = form.get("grant_type", "")
        if grant == JWT_GRANT:
            return self._assertion_problem(form.get("assertion", ""), wall)
        if grant not in {"client_credentials", "refresh_token"}:
            return "unsupported_grant_type", "grant type not supported"
        if form.get("client_id") != self.client_id:
            return "invalid_client_id", "client identifier invalid"
        secret = form.get("client_secret")
        if grant == "client_credentials" and secret != self.client_secret:
            return "invalid_client", "invalid client credentials"
        if grant == "refresh_token" and form.get("refresh_token") != self.refresh_token:
            return "invalid_grant", "expired access/refresh token"
        return None

    def _assertion_problem(self, assertion: str, wall: float) -> tuple[str, str] | None:
        loose = {"verify_signature": False, "verify_aud": False, "verify_exp": False}
        strict = {"verify_aud": False, "verify_exp": False}
        try:
            claims = jwt.decode(assertion, options=loose)  # type: ignore[arg-type]
            if self.public_key is not None:
                jwt.decode(assertion, self.public_key, ["RS256"], options=strict)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            return "invalid_grant", "invalid assertion"
        audience = "https://test.salesforce.com" if self.sandbox else "https://login.salesforce.com"
        if claims.get("iss") != self.client_id:
            return "invalid_client_id", "client identifier invalid"
        if claims.get("aud") != audience:
            return "invalid_grant", "audience is invalid"
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= wall:
            return "invalid_grant", "expired authorization code"
        if claims.get("sub") != self.username:
            return "invalid_grant", "user hasn't approved this consumer"
        return None
