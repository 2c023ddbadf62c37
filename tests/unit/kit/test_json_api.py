"""Requests with JSON bodies, and what they came to."""

import pytest

from transformer.errors import ServerFault
from transformer.http import Request
from transformer.kit.json_api import Reply, id_of, json_request, record_in, records_in, segment

URL = "https://api.example/people"


@pytest.mark.parametrize(
    ("status", "ok"), [(199, False), (200, True), (201, True), (299, True), (300, False)]
)
def test_a_reply_is_ok_when_its_status_says_so(status: int, ok: bool) -> None:
    """Which is not all that there is to it, for some CRMs."""
    assert Reply(status, {}).ok is ok


def test_a_body_of_any_shape_can_be_asked() -> None:
    """A proxy's page is no object."""
    assert Reply(200, {"id": 7}).at("id") == 7
    assert Reply(200, {}).at("id") is None
    assert Reply(200, "<html>").at("id") is None
    assert (record_in({"id": 7}), record_in([1]), record_in(None)) == ({"id": 7}, {}, {})
    assert records_in([{"id": 7}, "x", None, {}]) == [{"id": 7}, {}]
    assert records_in({"id": 7}) == []


def test_a_body_is_not_shown() -> None:
    """It may hold customer data."""
    assert "ann@" not in repr(Reply(200, {"email": "ann@example.com"}))


def test_a_request_with_a_body_says_that_it_is_json() -> None:
    """Beside the headers of the CRM."""
    request = json_request("POST", URL, "create", {"a": None}, writes=True, headers={"X": "1"})
    headers = {"X": "1", "Accept": "application/json", "Content-Type": "application/json"}
    content = b'{"a":null}'
    assert request == Request("POST", URL, "create", writes=True, headers=headers, content=content)


def test_a_request_without_a_body_has_none() -> None:
    """Not even null."""
    request = json_request("GET", URL, "read", writes=False, headers={})
    assert (request.content, request.headers) == (None, {"Accept": "application/json"})


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": ""}, {"id": {}}, {"id": [1]}])
def test_an_answer_to_a_write_must_name_its_record(answer: dict[str, object]) -> None:
    """The write happened: a create is looked for before it is sent again."""
    with pytest.raises(ServerFault, match="create: the answer names no id") as caught:
        id_of(answer, "create")
    assert caught.value.may_have_applied


def test_an_id_is_text_and_no_part_of_a_path_can_leave_its_place() -> None:
    """Whatever characters it has."""
    assert (id_of({"id": 7}, "create"), id_of({"id": "a"}, "create")) == ("7", "a")
    assert segment("a/b?c=1 ä") == "a%2Fb%3Fc%3D1%20%C3%A4"
