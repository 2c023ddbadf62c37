"""What is no answer of Pipedrive's, or only half of one, is taken for neither yes nor no."""

import pytest

from tests.contract.pipedrive.company import by_id, connected, identify, record_of, summary
from transformer.emulator.faults import Fault
from transformer.errors import ServerFault, Unreachable
from transformer.outcome import Retry


async def test_a_page_that_is_not_pipedrive_s_blames_no_upsert() -> None:
    """A 404 of a proxy is not that of the record: nothing is rejected, nothing forgotten."""
    async with connected() as to:
        record_id = record_of(await to.one(identify()))
        to.company.script(Fault("html", method="PATCH", status=404))
        with pytest.raises(Unreachable, match="base_url"):
            await to.write(identify(name="Bea"), by_id("persons", record_id, name="Bea"))
        to.company.faults.clear()
        to.clock.pass_seconds(60.0)
        assert summary(await to.one(identify(name="Bea"))) == "updated"
        assert len(to.records("persons")) == 1


@pytest.mark.parametrize("data", ["null", "[]", '{"name": "Ann"}'])
async def test_a_create_that_is_answered_without_an_id_is_looked_for(data: str) -> None:
    """It may be there: neither rejected nor made twice."""
    async with connected() as to:
        text = f'{{"success": true, "data": {data}}}'
        to.company.script(Fault("status", method="POST", status=200, text=text, count=1))
        outcomes = await to.write(identify("a@x.io"), identify("b@x.io"))
        lost = next(each for each in outcomes if isinstance(each, Retry))
        assert lost.may_have_applied
        assert {summary(each) for each in outcomes} == {"created", "server_error"}


async def test_success_false_is_no_success() -> None:
    """Whatever the status says."""
    async with connected() as to:
        await to.one(identify())
        text = '{"success": false, "error": "no", "data": {"id": 1}}'
        for method in ("POST", "PATCH"):
            to.company.script(Fault("status", method=method, status=200, text=text))
        assert summary(await to.one(identify(name="Bea"))) == "refused"
        assert summary(await to.one(identify("bea@x.io"))) == "refused"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("*/persons/search", '{"success": true, "data": []}'),
        ("*/personFields", '{"success": true, "data": null}'),
        ("*/api/v2/persons", "{}"),
    ],
)
async def test_half_an_answer_is_not_taken_for_nothing_there(path: str, text: str) -> None:
    """Neither a person, nor fields: nothing is made on such grounds."""
    async with connected() as to:
        to.company.script(Fault("status", method="GET", path=path, status=200, text=text, count=1))
        with pytest.raises(ServerFault):
            await to.write(identify(score=1))
        assert to.records("persons") == []


async def test_an_organization_that_is_answered_without_an_id_is_not_linked_to() -> None:
    """The person waits; the organization is found when it is tried again."""
    async with connected({"link_organization": "name"}) as to:
        text = '{"success": true, "data": {"name": "Acme"}}'
        fault = Fault(
            "status", method="POST", path="*/organizations", status=200, text=text, count=1
        )
        to.company.script(fault)
        with pytest.raises(ServerFault):
            await to.write(identify(organization_name="Acme"))
        assert to.records("persons") == []
        assert summary(await to.one(identify(organization_name="Acme"))) == "created"
        assert len(to.records("organizations")) == 1
