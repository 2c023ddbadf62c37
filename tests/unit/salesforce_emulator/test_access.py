"""Logging in, versions, limits and the rules every request obeys."""

from urllib.parse import urlencode

import jwt
import pytest

from destinations.salesforce.emulator import App, build
from tests.manual_clock import ManualClock
from tests.unit.salesforce_emulator.api import ROOT, Seen, connect, seen
from transformer.emulator.faults import Fault
from transformer.emulator.server import Call

PAIR = {"client_id": "consumer-key", "client_secret": "consumer-secret"}
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _token(
    form: dict[str, str], *, host: str = "acme.my.salesforce.com", sandbox: bool = False
) -> Seen:
    org = build(sandbox=sandbox, clock=ManualClock(), instance_url="https://acme.example")
    headers = {"Host": host, **FORM}
    body = urlencode(form).encode()
    return seen(org.answer(Call(1, "POST", "/services/oauth2/token", "", headers, body)))


def _assertion(**claims: object) -> str:
    given: dict[str, object] = {
        "iss": "consumer-key",
        "sub": "integration@example.com",
        "aud": "https://login.salesforce.com",
        "exp": str(int(ManualClock().wall()) + 180),
    }
    return jwt.encode({**given, **claims}, "k" * 32, algorithm="HS256")


def test_a_token_answer_has_salesforces_keys() -> None:
    """Client credentials; no `expires_in`, the time in milliseconds as text."""
    body = _token({"grant_type": "client_credentials", **PAIR}).body
    assert isinstance(body, dict)
    assert sorted(body) == [
        "access_token",
        "id",
        "instance_url",
        "issued_at",
        "scope",
        "signature",
        "token_type",
    ]
    assert body["access_token"].startswith("00DDn0000000001!")
    assert body["instance_url"] == "https://acme.example"
    assert body["issued_at"] == "1790000000000"


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({"grant_type": "magic"}, "unsupported_grant_type", "grant type not supported"),
        (
            {"grant_type": "client_credentials", **PAIR, "client_id": "x"},
            "invalid_client_id",
            "client identifier invalid",
        ),
        (
            {"grant_type": "client_credentials", **PAIR, "client_secret": "x"},
            "invalid_client",
            "invalid client credentials",
        ),
        (
            {"grant_type": "password", **PAIR, "username": "x", "password": "y"},
            "invalid_grant",
            "authentication failure",
        ),
        (
            {"grant_type": "refresh_token", **PAIR, "refresh_token": "x"},
            "invalid_grant",
            "expired access/refresh token",
        ),
        (
            {"grant_type": JWT_GRANT, "assertion": _assertion(sub="stranger@example.com")},
            "invalid_grant",
            "user hasn't approved this consumer",
        ),
        (
            {"grant_type": JWT_GRANT, "assertion": _assertion(aud="https://example.com")},
            "invalid_grant",
            "audience is invalid",
        ),
        (
            {"grant_type": JWT_GRANT, "assertion": _assertion(exp=1)},
            "invalid_grant",
            "expired authorization code",
        ),
        ({"grant_type": JWT_GRANT, "assertion": "x.y.z"}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_refused_token_request_says_why(
    form: dict[str, str], error: str, description: str
) -> None:
    """400 with a bare object, not an array."""
    answer = _token(form)
    assert (answer.status, answer.body) == (
        400,
        {"error": error, "error_description": description},
    )


@pytest.mark.parametrize(
    ("host", "sandbox", "allowed"),
    [
        ("login.salesforce.com", False, True),
        ("test.salesforce.com", False, False),
        ("test.salesforce.com", True, True),
        ("login.salesforce.com", True, False),
        ("acme.my.salesforce.com", False, True),
    ],
)
def test_a_refresh_works_at_the_right_host_only(host: str, *, sandbox: bool, allowed: bool) -> None:
    """Sandbox and production never mix."""
    form = {"grant_type": "refresh_token", "refresh_token": "refresh-token", **PAIR}
    assert _token(form, host=host, sandbox=sandbox).status == (200 if allowed else 400)


def test_client_credentials_are_refused_at_the_login_host() -> None:
    """They work at My Domain only."""
    answer = _token({"grant_type": "client_credentials", **PAIR}, host="login.salesforce.com")
    assert answer.status == 400


def test_client_credentials_need_a_user_to_run_as() -> None:
    """An app without one is refused."""
    org = build(apps=[App(run_as=None)])
    body = urlencode({"grant_type": "client_credentials", **PAIR}).encode()
    answer = seen(org.answer(Call(1, "POST", "/services/oauth2/token", "", FORM, body)))
    assert answer.body == {
        "error": "invalid_grant",
        "error_description": "no client credentials user enabled",
    }


def test_a_signed_assertion_opens_a_session_without_signature_or_time() -> None:
    """JWT answers lack those two keys."""
    body = _token({"grant_type": JWT_GRANT, "assertion": _assertion()}).body
    assert isinstance(body, dict)
    assert sorted(body) == ["access_token", "id", "instance_url", "scope", "token_type"]


def test_soap_login_is_gone_from_new_orgs_and_versions() -> None:
    """65 and later have no login()."""
    for org, version in ((build(), "65.0"), (build(soap_login=False), "59.0")):
        call = Call(1, "POST", f"/services/Soap/u/{version}", "", {}, b"<a/>")
        answer = seen(org.answer(call))
        assert answer.status == 500
        assert "<sf:exceptionCode>UNSUPPORTED_API_VERSION</sf:exceptionCode>" in str(answer.body)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Bearer nonsense"}, "INVALID_SESSION_ID"),
        ({"Authorization": "Basic eDp5"}, "INVALID_AUTH_HEADER"),
        ({"Authorization": "Bearer"}, "INVALID_AUTH_HEADER"),
    ],
)
def test_a_call_without_a_session_is_401(headers: dict[str, str], code: str) -> None:
    """And counts for nothing."""
    api = connect()
    answer = api.send("GET", "limits", headers=headers)
    assert (answer.status, answer.codes) == (401, [code])
    assert api.org.api_calls == 0


def test_a_session_lives_two_hours_after_its_last_call() -> None:
    """Each call starts the clock again."""
    api = connect()
    for _ in range(3):
        api.clock.pass_seconds(7_000)
        assert api.get("limits").status == 200
    api.clock.pass_seconds(7_201)
    assert api.get("limits").codes == ["INVALID_SESSION_ID"]


def test_a_revoked_token_is_refused() -> None:
    """Revoke answers 200, the token 401."""
    api = connect()
    token = api.headers["Authorization"].removeprefix("Bearer ")
    body = urlencode({"token": token}).encode()
    call = Call(1, "POST", "/services/oauth2/revoke", "", FORM, body)
    assert api.org.answer(call).status == 200
    assert api.get("limits").status == 401


@pytest.mark.parametrize(
    ("version", "status", "code"),
    [
        ("v30.0", 410, "GONE"),
        ("v7.0", 410, "GONE"),
        ("v99.0", 404, "NOT_FOUND"),
        ("v66", 404, "NOT_FOUND"),
        ("66.0", 404, "NOT_FOUND"),
    ],
)
def test_only_supported_versions_answer(version: str, status: int, code: str) -> None:
    """Retired ones are gone, others never were."""
    answer = connect().get(f"/services/data/{version}/limits")
    assert (answer.status, answer.codes) == (status, [code])


def test_the_version_list_needs_no_session_and_counts_nothing() -> None:
    """Nor does it carry the usage header."""
    api = connect()
    answer = seen(api.org.answer(Call(1, "GET", "/services/data/", "", {}, b"")))
    assert isinstance(answer.body, list)
    assert answer.body[-1] == {
        "label": "Summer '26",
        "url": "/services/data/v67.0",
        "version": "67.0",
    }
    assert {each["version"]: each["label"] for each in answer.body}["62.0"] == "Winter '25"
    assert "Sforce-Limit-Info" not in answer.headers
    assert api.org.api_calls == 0


def test_calls_count_as_salesforce_counts_them() -> None:
    """One each; a batch one per subrequest; a refused record too."""
    api = connect(daily_limit=100)
    api.get("limits")
    api.post("sobjects/Lead", {})
    api.post("composite/sobjects", {"records": []})
    composite = [{"method": "GET", "url": f"{ROOT}/limits", "referenceId": n} for n in "ab"]
    api.post("composite", {"compositeRequest": composite})
    batch = [{"method": "GET", "url": "v66.0/limits"}] * 3
    answer = api.post("composite/batch", {"batchRequests": batch})
    assert answer.headers["Sforce-Limit-Info"] == "api-usage=7/100"
    assert api.org.api_calls == 7


def test_a_spent_day_refuses_until_it_rolls_on() -> None:
    """403 for everything, `/limits` too; 24 hours later it works again."""
    api = connect(daily_limit=2)
    assert [api.get("limits").status for _ in range(3)] == [200, 200, 403]
    refused = api.get("limits")
    assert refused.body == [
        {"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}
    ]
    api.org.set_quota_used(0)
    assert api.get("limits").status == 200
    api.org.set_quota_used(2)
    assert api.get("limits").status == 403
    api.clock.pass_seconds(25 * 3_600)
    api.log_in()
    assert api.get("limits").status == 200


def test_an_unknown_path_and_a_wrong_method_are_recorded() -> None:
    """They are the client's mistakes, and the emulator keeps them."""
    api = connect()
    assert api.get("sobject/Lead").codes == ["NOT_FOUND"]
    wrong = api.send("PUT", "sobjects/Lead", {})
    assert (wrong.status, wrong.codes) == (405, ["METHOD_NOT_ALLOWED"])
    assert seen(api.org.answer(Call(1, "GET", "/elsewhere", "", {}, b""))).status == 404
    assert api.org.calls()["unknown"] == [
        f"GET {ROOT}/sobject/Lead",
        f"PUT {ROOT}/sobjects/Lead",
        "GET /elsewhere",
    ]


@pytest.mark.parametrize(
    ("raw", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "JSON_PARSER_ERROR"),
        (b"", "application/json", 400, "JSON_PARSER_ERROR"),
        (b"[]", "application/json", 400, "JSON_PARSER_ERROR"),
        (b'{"LastName": "\\ud800"}', "application/json", 400, "JSON_PARSER_ERROR"),
        (b"\xff", "application/json", 400, "JSON_PARSER_ERROR"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    raw: bytes, kind: str, status: int, code: str
) -> None:
    """Broken, empty, an array, a lone surrogate, no UTF-8, another format."""
    answer = connect().send("POST", "sobjects/Lead", raw=raw, headers={"Content-Type": kind})
    assert (answer.status, answer.codes) == (status, [code])


def test_a_post_can_stand_for_another_method() -> None:
    """`_HttpMethod=PATCH` updates."""
    api = connect()
    made = api.lead()
    answer = api.post(f"sobjects/Lead/{made}?_HttpMethod=PATCH", {"City": "Rome"})
    assert (answer.status, api.org.records("Lead")[0].get("City")) == (204, "Rome")


@pytest.mark.parametrize(("length", "status"), [(16_000, 431), (16_500, 414)])
def test_a_long_uri_is_refused(length: int, status: int) -> None:
    """414 by itself, 431 together with its headers."""
    api = connect()
    answer = api.send("GET", f"query?q={'a' * length}", headers={"X-Long": "y" * 500})
    assert answer.status == status


def test_a_session_can_end_and_a_day_be_spent_by_script() -> None:
    """Faults of the org: expired session, spent quota, too many at once."""
    api = connect()
    api.org.script(Fault("concurrent_limit", count=1))
    assert api.get("limits").body == [
        {
            "message": "ConcurrentPerOrgLongTxn Limit exceeded.",
            "errorCode": "REQUEST_LIMIT_EXCEEDED",
        }
    ]
    api.org.script(Fault("spend_quota", count=1))
    assert [api.get("limits").status for _ in range(2)] == [403, 403]
    api.org.set_quota_used(0)
    api.org.script(Fault("expire_session", count=1))
    assert [api.get("limits").status for _ in range(2)] == [401, 401]
