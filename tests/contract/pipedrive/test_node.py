"""The Pipedrive emulator, driven over HTTP by the vendor's official client as it is.

What it cannot do against the emulator, it could not do against Pipedrive.
"""

import asyncio
import json
from pathlib import Path

import pytest

from destinations.pipedrive.emulator import build
from tests.contract.node_client import installed

INVALID = "ERR_SCHEMA_VALIDATION_FAILED"


@pytest.fixture(scope="session")
def pipedrive_client() -> Path:
    """The script, with the client installed beside it."""
    return installed("pipedrive", where="pipedrive") / "pipedrive_client.mjs"


@pytest.mark.node
async def test_the_official_client_does_everything_it_is_asked(pipedrive_client: Path) -> None:
    """Persons, pages, search, fields, deals, activities, leads, notes, OAuth and refusals."""
    company = build()
    async with company.serve():
        process = await asyncio.create_subprocess_exec(
            "node",
            str(pipedrive_client),
            company.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    emails = [{"value": "Jane@Example.com", "primary": True, "label": "work"}]
    assert json.loads(output) == {
        "persons": {
            "made": [True, 1, "Jane", emails],
            "found": [[1, ["Jane@Example.com"]]],
            "changed": ["Jane Roe", emails],
            "names": ["Jane Roe", "P 0", "P 1", "P 2", "P 3"],
            "gone": {"id": 1},
            "afterwards": {"error": "Entity was not found"},
        },
        "fields": {
            "hash": True,
            "listed": ["Plan"],
            "value": True,
            "unknown": {
                "error": f"Validation failed: custom_fields.{'f' * 40}: unknown custom field",
                "code": INVALID,
            },
        },
        "sales": {
            "organization": [1, "https://acme.example"],
            "deal": ["Big", 200, 1, "open"],
            "activity": ["Call", 1, False],
            "found": ["Acme"],
            "untitled": {"error": "Validation failed: title: is required", "code": INVALID},
        },
        "versionOne": {
            "lead": [True, {"amount": 5, "currency": "EUR"}],
            "note": ["<b>hi</b>", True],
            "leads": [1, False],
            "user": "Emulated Company",
            "types": True,
            "currencies": True,
            "alone": {
                "error": "At least one of the IDs must be provided: lead_id, deal_id, person_id,"
                " org_id, project_id, task_id"
            },
        },
        "oauth": {"scheme": "Bearer", "deals": 1},
        "stranger": {"error": "unauthorized access", "code": 401},
    }
    assert list(company.unknown_routes) == []
