"""HubSpot's merged records: several match keys and old ids of one record, and whose is a result."""

from collections.abc import Sequence
from dataclasses import replace

import aiohttp
import orjson

from tests.contract.hubspot.portal import TOKEN, Setup, by_id, connected, contact, ids
from transformer.emulator.faults import Fault
from transformer.outcome import Delivered


async def merge(setup: Setup, primary: str, other: str) -> None:
    """Merge two contacts, as a user of the account does."""
    body = {"primaryObjectId": primary, "objectIdToMerge": other}
    async with aiohttp.ClientSession() as session:
        url = f"{setup.emulator.url}/crm/v3/objects/contacts/merge"
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 200


async def test_a_merged_record_is_written_by_either_of_its_old_ids() -> None:
    """The answer has the id of the record that both became."""
    async with connected() as setup:
        ada = setup.add("contacts", email="ada@acme.example")
        bob = setup.add("contacts", email="bob@acme.example")
        await merge(setup, ada.id, bob.id)
        merged = setup.contact("ada@acme.example")
        (outcome,) = await setup.write(by_id("contacts", bob.id, city="Bonn"))
        assert outcome == Delivered("updated", merged.id, "contacts")
        filled = replace(by_id("contacts", ada.id, zip="1"), fill=frozenset({"zip"}))
        assert await setup.write(filled) == [Delivered("updated", merged.id, "contacts")]
        assert (merged.properties["city"], merged.properties["zip"]) == ("Bonn", "1")


async def merged_pairs(setup: Setup, count: int) -> list[str]:
    """So many contacts, each merged from two; their ids. `old<n>@…` are secondary addresses."""
    for number in range(count):
        new, old = [
            setup.add("contacts", email=f"{which}{number}@acme.example").id
            for which in ("new", "old")
        ]
        await merge(setup, new, old)
    return [setup.contact(f"new{number}@acme.example").id for number in range(count)]


def answered(setup: Setup, merged: Sequence[str]) -> None:
    """The next upsert is answered with these records, without what was sent for them."""
    results = [
        {"id": each, "properties": {"email": f"new{number}@acme.example"}, "new": False}
        for number, each in enumerate(merged)
    ]
    text = orjson.dumps({"status": "COMPLETE", "results": results[::-1]}).decode()
    fault = Fault("status", path="*/batch/upsert", status=200, text=text, count=1)
    setup.emulator.script(fault)


async def test_several_merged_contacts_of_a_batch_are_named_with_one_look() -> None:
    """Sent by secondary addresses, which the answer need not show."""
    async with connected() as setup:
        merged = await merged_pairs(setup, 5)
        answered(setup, merged)
        outcomes = await setup.write(*[contact(f"OLD{n}@acme.example") for n in range(5)])
        assert outcomes == [Delivered("updated", each, "contacts") for each in merged]
        assert len(setup.sent("/batch/read")) == 1


async def test_one_merged_contact_is_named_without_a_look() -> None:
    """Whichever result is whose."""
    async with connected() as setup:
        merged = await merged_pairs(setup, 1)
        answered(setup, merged * 2)
        batch = [contact("old0@acme.example"), contact("older0@acme.example")]
        assert ids(await setup.write(*batch)) == merged * 2
        assert setup.sent("/batch/read") == []


async def test_merged_contacts_that_nobody_can_name_stay_delivered() -> None:
    """The look is for their ids alone: its failure takes nothing back, nor stops the rest."""
    async with connected() as setup:
        answered(setup, await merged_pairs(setup, 100))
        setup.emulator.script(Fault("status", path="*/batch/read", status=500))
        batch = [contact(f"old{n}@acme.example") for n in range(100)]
        outcomes = await setup.write(*batch, *[contact(f"p{n}@acme.example") for n in range(20)])
        assert {type(outcome) for outcome in outcomes} == {Delivered}
        assert set(ids(outcomes[:100])) == {""}
        assert "" not in ids(outcomes[100:])
