"""HubSpot's own Python client drives the emulator: it reads our answers as HubSpot's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import hubspot
import pytest
from hubspot.crm.associations.v4 import (
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicDefaultAssociationMultiPost,
    PublicAssociationMultiPost,
    PublicDefaultAssociationMultiPost,
)
from hubspot.crm.contacts.exceptions import ApiException as ContactsError
from hubspot.crm.objects import (
    AssociationSpec,
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectBatchInputUpsert,
    BatchReadInputSimplePublicObjectId,
    Filter,
    FilterGroup,
    PublicAssociationsForObject,
    PublicObjectId,
    PublicObjectSearchRequest,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectBatchInputUpsert,
    SimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.objects.exceptions import ApiException
from hubspot.crm.properties import PropertyCreate
from hubspot.events.send import BehavioralEventHttpCompletionRequest

from destinations.hubspot.emulator import HubSpotEmulator, build
from destinations.hubspot.emulator.events import Definition
from transformer.emulator.faults import Fault

T = TypeVar("T")


@asynccontextmanager
async def portal(
    lag: float = 0.0, *, echo_trace_ids: bool = False
) -> AsyncIterator[tuple[HubSpotEmulator, hubspot.Client]]:
    """A fresh portal, and the client for it."""
    made = build(search_lag_seconds=lag, echo_trace_ids=echo_trace_ids)
    async with made.serve() as emulator:
        yield emulator, hubspot.Client(access_token="pat-na1-client", host=emulator.url)


async def run(work: Callable[[], T]) -> T:
    """Run the client's blocking call beside the emulator's loop."""
    return await asyncio.to_thread(work)


def person(email: str, **properties: str) -> SimplePublicObjectInputForCreate:
    """The body of a create."""
    return SimplePublicObjectInputForCreate(properties={"email": email, **properties})


async def test_single_records_are_created_read_updated_and_archived() -> None:
    """By id and by e-mail address."""
    async with portal() as (_, client):
        api = client.crm.objects.basic_api
        made = await run(lambda: api.create("contacts", person("Ada@acme.example")))
        assert made.properties["email"] == "ada@acme.example"
        change = SimplePublicObjectInput(properties={"city": "Bonn", "firstname": ""})
        await run(lambda: api.update("contacts", made.id, change))
        read = await run(
            lambda: api.get_by_id(
                "contacts", "ada@acme.example", id_property="email", properties=["city"]
            )
        )
        assert (read.id, read.properties["city"]) == (made.id, "Bonn")
        await run(lambda: api.archive("contacts", made.id))
        with pytest.raises(ApiException) as caught:
            await run(lambda: api.get_by_id("contacts", made.id))
        assert caught.value.status == 404


async def test_a_second_contact_of_an_address_is_a_conflict_that_names_the_first() -> None:
    """409 with `Existing ID`."""
    async with portal() as (_, client):
        api = client.crm.contacts.basic_api
        made = await run(lambda: api.create(person("ada@acme.example")))
        with pytest.raises(ContactsError) as caught:
            await run(lambda: api.create(person("ADA@acme.example")))
        assert caught.value.status == 409
        assert f"Contact already exists. Existing ID: {made.id}" in caught.value.body


async def test_invalid_values_are_told_with_the_json_inside_the_message() -> None:
    """All of them at once."""
    async with portal() as (_, client):
        wrong = person("ada", hs_lead_status="x", nothing="1", createdate="1")
        with pytest.raises(ContactsError) as caught:
            await run(lambda: client.crm.contacts.basic_api.create(wrong))
        assert caught.value.status == 400
        for code in ("INVALID_EMAIL", "INVALID_OPTION", "PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"):
            assert code in caught.value.body


async def test_batches_create_read_update_and_upsert() -> None:
    """Upserts say what is new, and echo the trace id where the portal does."""
    async with portal(echo_trace_ids=True) as (_, client):
        api = client.crm.objects.batch_api
        created = await run(
            lambda: api.create(
                "contacts",
                BatchInputSimplePublicObjectBatchInputForCreate(
                    inputs=[
                        SimplePublicObjectBatchInputForCreate(
                            properties={"email": f"p{n}@acme.example"},
                            object_write_trace_id=f"t-{n}",
                        )
                        for n in range(3)
                    ]
                ),
            )
        )
        assert {each.object_write_trace_id for each in created.results} == {"t-0", "t-1", "t-2"}
        inputs = [
            SimplePublicObjectBatchInputUpsert(
                id=f"p{n}@acme.example",
                id_property="email",
                properties={"city": "Bonn"},
                object_write_trace_id=f"t-{n}",
            )
            for n in (2, 3)
        ]
        body = BatchInputSimplePublicObjectBatchInputUpsert(inputs=inputs)
        upserted = await run(lambda: api.upsert("contacts", body))
        assert {each.object_write_trace_id: each.new for each in upserted.results} == {
            "t-2": False, "t-3": True,
        }  # fmt: skip
        # Their document has texts there, not null.
        assert None not in {v for each in upserted.results for v in each.properties.values()}
        change = BatchInputSimplePublicObjectBatchInput(
            inputs=[
                SimplePublicObjectBatchInput(id=upserted.results[0].id, properties={"city": "X"}),
                SimplePublicObjectBatchInput(id="999999", properties={"city": "X"}),
            ]
        )
        updated = await run(lambda: api.update("contacts", change))
        assert (len(updated.results), updated.num_errors) == (1, 1)
        assert updated.errors[0].context == {"ids": ["999999"]}
        wanted = BatchReadInputSimplePublicObjectId(
            properties=["city"],
            properties_with_history=[],
            id_property="email",
            inputs=[SimplePublicObjectId(id=e) for e in ("p0@acme.example", "no@acme.example")],
        )
        read = await run(lambda: api.read("contacts", wanted))
        assert (len(read.results), read.num_errors) == (1, 1)


async def test_a_batch_of_more_than_a_hundred_is_refused() -> None:
    """And nothing of it is applied."""
    async with portal() as (emulator, client):
        inputs = [SimplePublicObjectBatchInputForCreate(properties={}) for _ in range(101)]
        body = BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
        with pytest.raises(ApiException) as caught:
            await run(lambda: client.crm.objects.batch_api.create("contacts", body))
        assert caught.value.status == 400
        assert emulator.state({"object": "contacts"}) == {"contacts": []}


async def test_companies_cannot_be_upserted_by_domain_and_domains_may_repeat() -> None:
    """As HubSpot has it: the domain is not unique."""
    async with portal() as (_, client):
        api = client.crm.objects
        for _ in range(2):
            body = SimplePublicObjectInputForCreate(properties={"domain": "acme.example"})
            await run(partial(api.basic_api.create, "companies", body))
        row = SimplePublicObjectBatchInputUpsert(
            id="acme.example", id_property="domain", properties={}
        )
        inputs = BatchInputSimplePublicObjectBatchInputUpsert(inputs=[row])
        with pytest.raises(ApiException) as caught:
            await run(lambda: api.batch_api.upsert("companies", inputs))
        assert "non-unique 0-2 property domain" in caught.value.body


async def test_searches_filter_page_and_lag_behind() -> None:
    """A new record shows only after a while."""
    async with portal(lag=0.0) as (_, client):
        api = client.crm.objects
        for n in range(3):
            body = person(f"p{n}@acme.example", city="Bonn" if n else "Kiel")
            await run(partial(api.basic_api.create, "contacts", body))
        by_city = Filter(property_name="city", operator="IN", values=["bonn"])
        request = PublicObjectSearchRequest(
            filter_groups=[FilterGroup(filters=[by_city])], limit=1, properties=["email"]
        )
        found = await run(lambda: api.search_api.do_search("contacts", request))
        assert (found.total, len(found.results), found.paging.next.after) == (2, 1, "1")
    async with portal(lag=60.0) as (_, client):
        api = client.crm.objects
        await run(lambda: api.basic_api.create("contacts", person("a@acme.example", city="Bonn")))
        found = await run(lambda: api.search_api.do_search("contacts", request))
        assert found.total == 0


async def test_the_sixth_search_of_a_second_is_refused() -> None:
    """With the policy's name; and a page of 201 is not given."""
    async with portal() as (_, client):
        api = client.crm.objects.search_api
        request = PublicObjectSearchRequest(limit=1)
        for _ in range(5):
            await run(lambda: api.do_search("contacts", request))
        with pytest.raises(ApiException) as caught:
            await run(lambda: api.do_search("contacts", request))
        assert caught.value.status == 429
        assert '"policyName":"SECONDLY"' in caught.value.body


async def test_associations_go_both_ways_and_a_primary_one_brings_the_plain_one() -> None:
    """Inline in a create, by default, and labelled."""
    async with portal() as (_, client):
        objects, links = client.crm.objects.basic_api, client.crm.associations.v4
        company = await run(
            lambda: objects.create(
                "companies", SimplePublicObjectInputForCreate(properties={"name": "Acme"})
            )
        )
        inline = PublicAssociationsForObject(
            to=PublicObjectId(id=company.id),
            types=[AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=1)],
        )
        body = SimplePublicObjectInputForCreate(
            properties={"email": "ada@acme.example"}, associations=[inline]
        )
        ada = await run(lambda: objects.create("contacts", body))
        there = await run(lambda: links.basic_api.get_page("contacts", ada.id, "companies"))
        back = await run(lambda: links.basic_api.get_page("companies", company.id, "contacts"))
        assert [t.type_id for t in there.results[0].association_types] == [1, 279]
        assert [t.type_id for t in back.results[0].association_types] == [2, 280]
        bob = await run(lambda: objects.create("contacts", person("bob@acme.example")))
        pair = PublicDefaultAssociationMultiPost(
            _from=PublicObjectId(id=bob.id), to=PublicObjectId(id=company.id)
        )
        await run(
            lambda: links.batch_api.create_default(
                "contacts", "companies", BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
            )
        )
        labelled = PublicAssociationMultiPost(
            _from=PublicObjectId(id=bob.id),
            to=PublicObjectId(id="999999"),
            types=inline.types,
        )
        missing = await run(
            lambda: links.batch_api.create(
                "contacts", "companies", BatchInputPublicAssociationMultiPost(inputs=[labelled])
            )
        )
        assert missing.num_errors == 1
        back = await run(lambda: links.basic_api.get_page("companies", company.id, "contacts"))
        assert len(back.results) == 2


async def test_properties_owners_and_pipelines_are_listed() -> None:
    """And a property that is made is there at once."""
    async with portal() as (_, client):
        new = PropertyCreate(
            name="shoe_size", label="Shoe size", type="number", field_type="number",
            group_name="contactinformation", has_unique_value=False,
        )  # fmt: skip
        await run(lambda: client.crm.properties.core_api.create("contacts", new))
        listed = await run(lambda: client.crm.properties.core_api.get_all("contacts"))
        by_name = {prop.name: prop for prop in listed.results}
        assert by_name["shoe_size"].type == "number"
        assert by_name["createdate"].modification_metadata.read_only_value
        owners = await run(client.crm.owners.owners_api.get_page)
        assert [owner.email for owner in owners.results] == [
            "ada@emulator.example", "sam@emulator.example",
        ]  # fmt: skip
        pipelines = await run(lambda: client.crm.pipelines.pipelines_api.get_all("deals"))
        assert [stage.id for stage in pipelines.results[0].stages][-2:] == [
            "closedwon", "closedlost",
        ]  # fmt: skip


async def test_activities_are_objects_with_a_required_time() -> None:
    """A note is linked to its contact as it is made."""
    async with portal() as (_, client):
        api = client.crm.objects.basic_api
        ada = await run(lambda: api.create("contacts", person("ada@acme.example")))
        inline = PublicAssociationsForObject(
            to=PublicObjectId(id=ada.id),
            types=[
                AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=202)
            ],
        )
        note = SimplePublicObjectInputForCreate(
            properties={"hs_note_body": "Hello"}, associations=[inline]
        )
        with pytest.raises(ApiException) as caught:
            await run(lambda: api.create("notes", note))
        assert "hs_timestamp" in caught.value.body
        note.properties["hs_timestamp"] = "2026-11-22T10:00:00Z"
        made = await run(lambda: api.create("notes", note))
        links = client.crm.associations.v4.basic_api
        found = await run(lambda: links.get_page("contacts", ada.id, "notes"))
        assert [each.to_object_id for each in found.results] == [made.id]


async def test_custom_events_are_taken_and_counted_once_by_uuid() -> None:
    """Answered 204 either way."""
    async with portal() as (emulator, client):
        full_name = "pe4711_signed_up"
        emulator.events.definitions[full_name] = Definition("signed_up", "Signed up", full_name)
        sent = BehavioralEventHttpCompletionRequest(
            event_name=full_name, email="new@acme.example", uuid="m-1", properties={}
        )
        for _ in range(2):
            await run(lambda: client.events.send.basic_api.send(sent))
        assert len(emulator.events.occurred) == 1
        made = await run(client.crm.contacts.basic_api.get_page)
        assert [each.properties["email"] for each in made.results] == ["new@acme.example"]


async def test_oauth_tokens_are_issued_and_end() -> None:
    """And a client without a token is told so."""
    async with build().serve() as emulator:
        login = hubspot.Client(host=emulator.url)
        tokens = await run(
            lambda: login.oauth.tokens_api.create(
                grant_type="refresh_token",
                client_id="11111111-2222-3333-4444-555555555555",
                client_secret="emulator-secret",
                refresh_token="emulator-refresh-token",
            )
        )
        client = hubspot.Client(access_token=tokens.access_token, host=emulator.url)
        await run(client.crm.contacts.basic_api.get_page)
        emulator.script(Fault("expire_tokens", count=1))
        for broken in (client, hubspot.Client(host=emulator.url)):
            with pytest.raises(ContactsError) as caught:
                await run(broken.crm.contacts.basic_api.get_page)
            assert caught.value.status == 401


async def test_limits_are_told_in_headers_and_kept() -> None:
    """The request above the burst gets its 429."""
    async with build(burst=3, daily=100).serve() as emulator:
        client = hubspot.Client(access_token="pat-1", host=emulator.url)
        api = client.crm.contacts.basic_api
        _, status, headers = await run(api.get_page_with_http_info)
        assert status == 200
        assert headers["X-HubSpot-RateLimit-Daily-Remaining"] == "99"
        assert headers["X-HubSpot-RateLimit-Remaining"] == "2"
        await run(api.get_page)
        await run(api.get_page)
        with pytest.raises(ContactsError) as caught:
            await run(api.get_page)
        assert caught.value.status == 429
        assert '"policyName":"TEN_SECONDLY_ROLLING"' in caught.value.body
