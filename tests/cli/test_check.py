"""`transformer check`: offline and online, and what each finding exits with."""

import json
from pathlib import Path

import pytest

from tests.cli.process import running
from transformer import cli
from transformer.embedded import EmbeddedCluster

CONFIG = """\
kafka: {{bootstrap_servers: "{servers}", topics: events}}
connections:
  - name: crm
    destination: salesforce
    mapping: own.yaml
    settings: {{login_url: "{url}", client_id: consumer-key, client_secret: {secret}}}
"""

MAPPING = """\
version: 1
tables:
  Lead:
    fields:
      Email: email
      LastName: {from: lastName, default: n/a, on: create}
      Company: {from: company, default: n/a, on: create}
      %s: %s
    required: [LastName, Company]
upserts:
  - {when: {type: identify}, object: Lead, match: [{Email: {from: email, form: email}}]}
"""
UNFIT = {"field": "NumberOfEmployees", "source": "{from: size, apply: boolean}"}


def _write(folder: Path, **values: str) -> str:
    field = (values.pop("field", "Title"), values.pop("source", "title"))
    (folder / "own.yaml").write_text(MAPPING % field, encoding="utf-8")
    file = folder / "c.yaml"
    given = {"servers": "nowhere.invalid:9092", "url": "http://127.0.0.1:9", "secret": "hunter2"}
    file.write_text(CONFIG.format(**given | values), encoding="utf-8")
    return str(file)


def test_offline_nobody_is_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What would be written where, and from which topics."""
    assert cli.run(["check", "--config", _write(tmp_path), "--json"]) == 0
    finding = json.loads(capsys.readouterr().out)
    assert (finding["level"], finding["where"]) == ("ok", "crm")
    assert "writes 4 fields of Lead; reads events; opt-in required." in finding["message"]


def test_what_the_crm_owns_is_told_and_nobody_is_asked_about_its_fields(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Objects that events never write (row C5)."""
    file = _write(tmp_path)
    mapping = tmp_path / "own.yaml"
    text = mapping.read_text().replace(
        "tables:\n",
        "tables:\n  Account: {direction: from_crm, fields: {Name: company}}\n"
        '  "*": {direction: from_crm}\n',
    )
    mapping.write_text(text)
    assert cli.run(["check", "--config", file, "--json"]) == 0
    message = json.loads(capsys.readouterr().out)["message"]
    assert "writes 4 fields of Lead; leaves any other object, Account to the CRM; " in message
    mapping.write_text(text.replace("  Lead:\n", "  Lead:\n    direction: from_crm\n"))
    assert cli.run(["check", "--config", file, "--json"]) == 0
    message = json.loads(capsys.readouterr().out)["message"]
    assert "leaves any other object, Account, Lead to the CRM" in message


def test_a_missing_credential_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named, and no secret printed."""
    assert cli.run(["check", "--config", _write(tmp_path, secret='""')]) == 2
    shown = capsys.readouterr().err
    assert "auth: no complete set of credentials" in shown
    assert "hunter2" not in shown


def test_online_everything_is_asked(tmp_path: Path) -> None:
    """The brokers, the topics, and the CRM with the right and the wrong secret."""
    with EmbeddedCluster() as cluster, running("emulate", "salesforce") as crm:
        url = crm.wait_for("http://")
        servers = ",".join(cluster.bootstrap_servers)
        file = _write(tmp_path, servers=servers, url=url, secret="consumer-secret")
        with running("check", "--online", "--config", file) as good:
            assert good.exit_code() == 0, good.seen
        shown = "\n".join(good.seen)
        assert "kafka: The brokers answer." in shown
        assert "topic events: Missing; the worker creates it." in shown
        assert "crm: credentials: logged in" in shown
        file = _write(tmp_path, servers=servers, url=url, secret="consumer-secret", field="Titel")
        with running("check", "--online", "--config", file) as misspelt:
            assert misspelt.exit_code() == 2
        assert any("own.yaml:8: Lead.Titel: no such field" in line for line in misspelt.seen)
        file = _write(tmp_path, servers=servers, url=url, secret="consumer-secret", **UNFIT)
        with running("check", "--online", "--config", file) as unfit:
            assert unfit.exit_code() == 2
        said = "own.yaml:8: Lead.NumberOfEmployees: the mapping makes a boolean of it"
        assert any(line.startswith("error") and said in line for line in unfit.seen)
        wrong = _write(tmp_path, servers=servers, url=url)
        with running("check", "--online", "--config", wrong) as bad:
            assert bad.exit_code() == 2
        assert "hunter2" not in "\n".join(bad.seen)
        away = _write(tmp_path, servers=servers, secret="consumer-secret")
        with running("check", "--online", "--config", away) as unreachable:
            assert unreachable.exit_code() == 3
        (line,) = [line for line in unreachable.seen if line.startswith("error")]
        assert "crm: salesforce: login: no connection. Check the addresses in its settings" in line


def test_a_certificate_that_cannot_be_read_is_one_finding_among_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The CRM is asked all the same."""
    file = Path(_write(tmp_path))
    secured = "kafka: {security: {protocol: SSL, ca_file: none.pem}, "
    file.write_text(file.read_text(encoding="utf-8").replace("kafka: {", secured), encoding="utf-8")
    assert cli.run(["check", "--online", "--config", str(file)]) == 3
    shown = capsys.readouterr().out
    assert f"kafka: kafka.security.ca_file: cannot load '{tmp_path}/none.pem'" in shown
    assert "crm: salesforce: login: no connection." in shown
