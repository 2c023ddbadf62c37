"""`transformer map`: its contract, offline, whatever the events are."""

import io
import json
import sys
from pathlib import Path

import pytest

from transformer import cli

CONFIG = """\
kafka: {bootstrap_servers: unreachable.invalid:9092, topics: events}
connections:
  - name: crm
    destination: salesforce
    settings: {username: "${NOBODY}", password: "file:/none"}
"""


def _event(**more: object) -> dict[str, object]:
    return {
        "type": "identify",
        "messageId": "m",
        "userId": "u",
        "integrations": {"Salesforce": True},
        **more,
    }


def _lines(*events: object) -> bytes:
    return b"".join(
        (event if isinstance(event, bytes) else json.dumps(event).encode()) + b"\n"
        for event in events
    )


def _map(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *events: object,
    config: str = CONFIG,
    options: tuple[str, ...] = (),
) -> list[dict[str, object]]:
    (tmp_path / "c.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "e.jsonl").write_bytes(_lines(*events))
    arguments = ["map", "--config", str(tmp_path / "c.yaml"), "--json", *options]
    code = cli.run([*arguments, str(tmp_path / "e.jsonl")])
    shown = capsys.readouterr()
    assert (code, shown.err) == (0, "")
    return [json.loads(line) for line in shown.out.splitlines()]


def test_an_identify_is_an_upsert_by_email(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole line, as outside checks read it."""
    traits = {"email": "a@b.co", "firstName": "A", "plan": "x", "zero": 0, "none": None}
    assert _map(tmp_path, capsys, _event(traits=traits)) == [
        {
            "line": 1,
            "messageId": "m",
            "upserts": [
                {
                    "object": "Lead",
                    "operation": "upsert",
                    "match": {"property": "Email", "value": "a@b.co"},
                    "properties": {
                        "Email": "a@b.co",
                        "FirstName": "A",
                        "plan__c": "x",
                        "zero__c": 0,
                        "none__c": None,
                    },
                    "on_create": {"Company": "n/a", "LastName": "n/a"},
                    "notes": [],
                }
            ],
            "skipped": None,
            "rejected": None,
        }
    ]


def test_external_ids_give_one_upsert_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an id an update, without a create, with another field an upsert (row S5)."""
    ids = [
        {"type": "Salesforce-Contact", "id": "0035g00000ABCDEAA4"},
        {"type": "Salesforce-Thing__c"},
        {"type": "Salesforce-Thing__c", "id": "x", "identifierType": "Ext__c"},
    ]
    (line,) = _map(
        tmp_path, capsys, _event(context={"externalId": ids}, traits={"email": "a@b.co"})
    )
    upserts = line["upserts"]
    assert isinstance(upserts, list)
    assert [(one["object"], one["operation"], one["match"]) for one in upserts] == [
        ("Contact", "update", {"property": "Id", "value": "0035g00000ABCDEAA4"}),
        ("Thing__c", "create", None),
        ("Thing__c", "upsert", {"property": "Ext__c", "value": "x"}),
    ]


def test_every_line_gives_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also a broken one, an empty one, and one that is for somebody else."""
    lines = _map(
        tmp_path,
        capsys,
        b"{broken",
        b"",
        b"\xff",
        _event(integrations={}),
        _event(traits={"firstName": "A"}),
    )
    assert [line["line"] for line in lines] == [1, 2, 3, 4, 5]
    assert [line["skipped"] for line in lines] == [
        None,
        None,
        None,
        {"reason": "not_opted_in"},
        None,
    ]
    rejected = [line["rejected"] for line in lines]
    assert [one and one["reason"] for one in rejected if one is None or isinstance(one, dict)] == [
        "invalid_json",
        "empty_record",
        "invalid_encoding",
        None,
        "match_key_missing",
    ]


def test_a_message_id_is_shown_wherever_it_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also of what is no event; null where there is none."""
    lines = _map(
        tmp_path,
        capsys,
        _event(type="alias"),
        _event(integrations=[], messageId=7),
        {"type": "identify", "integrations": {}},
        {"type": "alias", "messageId": ["x"]},
        {"type": "alias", "messageId": ""},
        [1],
    )
    assert [line["messageId"] for line in lines] == ["m", "7", None, None, None, None]
    keys = ["line", "messageId", "upserts", "skipped", "rejected"]
    assert [list(line) for line in lines] == [keys] * 6


def test_every_line_is_explained_whatever_became_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With nothing to say where nothing was mapped."""
    lines = _map(
        tmp_path,
        capsys,
        b"{broken",
        _event(integrations={}),
        _event(traits={"email": "a@b.co", "name": "Jane Doe"}),
        options=("--explain",),
    )
    keys = ["line", "messageId", "upserts", "skipped", "rejected", "explained"]
    assert [list(line) for line in lines] == [keys] * 3
    assert [line["explained"] for line in lines[:2]] == [[], []]
    explained = lines[2]["explained"]
    assert isinstance(explained, list)
    fields = {field["name"]: field for field in explained[0]["fields"]}
    assert (fields["FirstName"]["source"], fields["FirstName"]["directives"]) == (
        "name", ["first_name"],
    )  # fmt: skip


def test_directions_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each write its table's; an object that the CRM owns is skipped by name (row C5)."""
    mapping = """\
version: 1
tables: {Lead: {direction: %s, fields: {Email: email}}}
upserts: [{when: {type: identify}, object: Lead, match: []}]
"""
    config = CONFIG + "    mapping: m.yaml\n"
    event = _event(traits={"email": "a@b.co"})
    (tmp_path / "m.yaml").write_text(mapping % "both", encoding="utf-8")
    (line,) = _map(tmp_path, capsys, event, config=config, options=("--explain",))
    assert isinstance(line["explained"], list)
    assert [one["direction"] for one in line["explained"]] == ["both"]
    arguments = ["map", "--config", str(tmp_path / "c.yaml"), "--explain"]
    assert cli.run([*arguments, str(tmp_path / "e.jsonl")]) == 0
    assert "line 1: Lead, direction both" in capsys.readouterr().out
    (tmp_path / "m.yaml").write_text(mapping % "from_crm", encoding="utf-8")
    (line,) = _map(tmp_path, capsys, event, config=config, options=("--explain",))
    assert (line["upserts"], line["skipped"]) == ([], {"reason": "owned_by_crm"})
    assert line["explained"] == []


def test_the_connections_own_keys_change_the_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`opt_in`, `map_properties` and `required_defaults`."""
    event = _event(integrations={}, traits={"email": "a@b.co", "firstName": "A"})
    (line,) = _map(tmp_path, capsys, event, config=CONFIG + "    opt_in: off\n")
    assert line["skipped"] is None
    always = CONFIG.replace("settings: {", "settings: {required_defaults: always, ")
    (line,) = _map(tmp_path, capsys, _event(traits={"email": "a@b.co"}), config=always)
    assert isinstance(line["upserts"], list)
    assert line["upserts"][0]["properties"] == {
        "Email": "a@b.co",
        "Company": "n/a",
        "LastName": "n/a",
    }
    as_they_are = CONFIG.replace("settings: {", "settings: {map_properties: false, ")
    (line,) = _map(
        tmp_path, capsys, _event(traits={"email": "a@b.co", "firstName": "A"}), config=as_they_are
    )
    assert isinstance(line["upserts"], list)
    assert line["upserts"][0]["properties"]["firstName"] == "A"


def test_events_come_from_stdin_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `-`, and with nothing."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    for arguments in (["-"], []):
        stdin = io.TextIOWrapper(io.BytesIO(_lines(_event(traits={"email": "a@b.co"}))))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert cli.run(["map", "--config", str(tmp_path / "c.yaml"), "--json", *arguments]) == 0
        assert json.loads(capsys.readouterr().out)["messageId"] == "m"


def test_several_connections_must_be_chosen_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of output is one connection's."""
    two = CONFIG + "  - {name: other, destination: salesforce}\n"
    (tmp_path / "c.yaml").write_text(two, encoding="utf-8")
    (tmp_path / "e.jsonl").write_bytes(_lines(_event(traits={"email": "a@b.co"})))
    arguments = ["map", "--config", str(tmp_path / "c.yaml"), str(tmp_path / "e.jsonl")]
    assert cli.run(arguments) == 2
    assert "Add --connection with one of crm, other." in capsys.readouterr().err
    assert cli.run([*arguments, "--connection", "other", "--json"]) == 0


def test_a_wrong_mapping_is_reported_with_its_positions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And exit code 2."""
    (tmp_path / "m.yaml").write_text("upserts: [{objct: Lead}]\n", encoding="utf-8")
    (tmp_path / "c.yaml").write_text(CONFIG + "    mapping: m.yaml\n", encoding="utf-8")
    assert cli.run(["map", "--config", str(tmp_path / "c.yaml"), "-"]) == 2
    shown = capsys.readouterr().err
    assert "m.yaml:1: $.upserts[0]" in shown
    assert "Traceback" not in shown


def test_the_table_for_people_follows_the_story(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From record to outcome, and nothing in a value can move the cursor."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    nasty = _event(traits={"email": "a@b.co", "lastName": "x\x1b[2Jy"})
    (tmp_path / "e.jsonl").write_bytes(_lines(nasty, _event(integrations={})))
    assert cli.run(["map", "--config", str(tmp_path / "c.yaml"), str(tmp_path / "e.jsonl")]) == 0
    shown = capsys.readouterr().out
    words = [" ".join(part.split()) for part in shown.splitlines()[0].split("┃")]
    assert words == [
        "line",
        "event",
        "object",
        "operation",
        "match key",
        "properties",
        "outcome",
    ]
    assert "Email = a@b.co" in shown
    assert "not_opted_in" in shown
    assert "\x1b" not in shown
