"""`check --online` of a Pipedrive connection: what it finds in the company."""

import pytest

from tests.contract.pipedrive.company import connected
from transformer.upsert import FieldUse

USES = [
    FieldUse("persons", "email", "m.yaml:1"),
    FieldUse("persons", "name", "m.yaml:2"),
    FieldUse("persons", "plann", "m.yaml:3"),
    FieldUse("organizations", "domain", "m.yaml:4"),
    FieldUse("notes", "content", "m.yaml:5"),
    FieldUse("planets", "name", "m.yaml:6"),
]


async def test_everything_that_is_wrong_is_found_at_once() -> None:
    """Credentials, budget, objects, fields with the nearest name, and the domain field."""
    settings = {"unknown_fields": "reject", "domain_field": "Domain"}
    async with connected({**settings}) as to:
        to.company.schema.add("persons", "plan", "varchar")
        findings = await to.destination.check(USES)
        assert [(finding.level, finding.where) for finding in findings] == [
            ("ok", "credentials"),
            ("ok", "budget"),
            ("error", "m.yaml:3"),
            ("ok", "m.yaml:4"),
            ("ok", "m.yaml:5"),
            ("error", "m.yaml:6"),
            ("error", "domain_field"),
        ]
        assert 'Did you mean "plan"?' in findings[2].message
        assert "Emulated Company" in findings[0].message


@pytest.mark.parametrize(("field_type", "level"), [("varchar", "ok"), ("enum", "error")])
async def test_the_domain_field_must_be_searchable(field_type: str, level: str) -> None:
    """Options are not."""
    async with connected({"domain_field": "Domain"}) as to:
        labels = ["x"] if field_type == "enum" else []
        to.company.schema.add("organizations", "Domain", field_type, labels)
        assert (await to.destination.check([]))[-1].level == level


async def test_an_unknown_field_is_a_warning_where_it_is_dropped() -> None:
    """unknown_fields: drop."""
    async with connected() as to:
        levels = [finding.level for finding in await to.destination.check(USES[:3])]
        assert levels == ["ok", "ok", "warning", "ok"]


async def test_refused_credentials_end_the_check() -> None:
    """With what to do, and without the token."""
    async with connected({"api_token": "sesame"}) as to:
        (finding,) = await to.destination.check(USES)
        assert (finding.level, finding.where) == ("error", "credentials")
        assert "sesame" not in finding.message
