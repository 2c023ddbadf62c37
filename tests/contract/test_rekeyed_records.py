"""What single CRMs remember, or read late, of records whose match key our own writes change."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from destinations.hubspot.emulator.subject import HubSpotSubject
from destinations.pipedrive.emulator.subject import PipedriveSubject
from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial
from transformer.destination import Settings
from transformer.emulator.faults import Fault
from transformer.errors import WriteFailed
from transformer.outcome import Delivered, Retry
from transformer.upsert import Match, Operation, Upsert


def on(name: str, settings: Settings, judge: Callable[[Trial], Awaitable[None]]) -> None:
    """Judge one CRM, in virtual time."""

    async def main() -> None:
        async with on_trial(name, settings) as trial:
            await judge(trial)

    run(main())


async def write(trial: Trial, *batch: Upsert) -> list[str]:
    """The records that a batch was delivered to."""
    outcomes = await trial.destination.write(batch)
    found = [outcome for outcome in outcomes if isinstance(outcome, Delivered)]
    assert len(found) == len(batch), outcomes
    return [outcome.record_id for outcome in found]


def by(object_type: str, key: str, value: str, /, **more: object) -> Upsert:
    """An upsert by one property."""
    return Upsert(object_type, Operation.UPSERT, {key: value, **more}, (Match(key, value),))


def update(object_type: str, record_id: str, **properties: object) -> Upsert:
    """An update by id."""
    return Upsert(object_type, Operation.UPDATE, properties, (Match("id", record_id),))


def test_a_name_that_stays_costs_no_search() -> None:
    """Pipedrive: written by id, in other letters."""

    async def judge(trial: Trial) -> None:
        (acme,) = await write(trial, by("organizations", "name", "Acme"))
        await write(trial, update("organizations", acme, name="ACME "))
        before = trial.subject.emulator.request_count
        assert await write(trial, by("organizations", "name", "Acme")) == [acme]
        assert trial.subject.emulator.request_count == before + 1

    on("pipedrive", {}, judge)


def test_a_field_of_the_companys_own_is_a_match_key_like_any_other() -> None:
    """Pipedrive: the domain, by whatever name the event writes the field; another field is none."""

    async def judge(trial: Trial) -> None:
        assert isinstance(trial.subject, PipedriveSubject)
        add = trial.subject.company.schema.add
        code = add("organizations", "Domain", "varchar", []).code
        add("organizations", "Tier", "varchar", [])
        acme = by("organizations", "domain", "acme.io", name="Acme")
        (first,) = await write(trial, acme)
        await write(trial, update("organizations", first, Tier="gold", domain="https://acme.io/"))
        assert await write(trial, acme) == [first]
        await asyncio.sleep(60)
        await write(trial, update("organizations", first, **{code: "beta.io"}))
        assert await write(trial, acme) != [first]

    on("pipedrive", {"domain_field": "Domain"}, judge)


def test_who_waits_for_the_record_looks_again_when_it_has_another_key() -> None:
    """Pipedrive: found while the write by id was on its way."""

    async def judge(trial: Trial) -> None:
        (acme,) = await write(trial, by("organizations", "name", "Acme"))
        await asyncio.sleep(60)
        trial.script(Fault("delay", method="PATCH", seconds=5.0, count=1))
        batch = [update("organizations", acme, name="Beta"), by("organizations", "name", "Acme")]
        changed, held = await trial.destination.write(batch)
        assert isinstance(changed, Delivered)
        assert isinstance(held, Retry)
        assert (str(held.reason), held.after_seconds, held.counts) == ("rematch", 0.0, False)

    on("pipedrive", {}, judge)


def test_a_list_of_recent_records_is_believed_only_while_the_index_may_lag() -> None:
    """Pipedrive: made before the worker began, renamed by a user hours later."""

    async def judge(trial: Trial) -> None:
        assert isinstance(trial.subject, PipedriveSubject)
        company = trial.subject.company
        (acme,) = await write(trial, by("organizations", "name", "Acme"))
        later = trial.another()
        await later.write([by("organizations", "name", "Other")])
        await asyncio.sleep(7200)
        row = company.store.find("organizations", int(acme))
        assert row is not None
        company.store.change(row, {"name": "Beta"}, row.history[-1])
        await asyncio.sleep(60)
        (outcome,) = await later.write([by("organizations", "name", "Acme")])
        assert isinstance(outcome, Delivered)
        assert outcome.record_id != acme
        await later.close()

    on("pipedrive", {}, judge)


def test_the_company_of_a_contact_is_not_one_that_has_another_domain_now() -> None:
    """HubSpot: made for the first contact, given another domain by its id; searches lag."""

    async def judge(trial: Trial) -> None:
        assert isinstance(trial.subject, HubSpotSubject)
        portal = trial.subject.portal.portal

        def companies() -> list[str]:
            return [row.id for row in portal.store.all(portal.schema.find("companies"))]

        def of(name: str) -> Upsert:
            return by("contacts", "email", f"{name}@acme.com", website="acme.com")

        await write(trial, of("ann"))
        (first,) = companies()
        await asyncio.sleep(3600)
        await write(trial, update("companies", first, domain="beta.com"))
        await write(trial, of("bob"))
        assert len(companies()) == 1 + 1

    on("hubspot", {"company_association": "company"}, judge)


def test_an_account_whose_url_may_be_another_is_listed_anew() -> None:
    """ActiveCampaign: the answer was lost; and one that has it by a write is known at once."""

    async def judge(trial: Trial) -> None:
        acme = by("account", "accountUrl", "acme.io", name="Acme")
        (first,) = await write(trial, acme)
        trial.script(Fault("reset_after", method="PUT", count=1))
        with suppress(WriteFailed):
            await trial.destination.write([update("account", first, accountUrl="b.io", name="B")])
        assert await write(trial, by("account", "accountUrl", "b.io")) == [first]
        (second,) = await write(trial, acme)
        assert second != first

    on("activecampaign", {}, judge)


def test_an_account_whose_name_is_being_changed_is_waited_for() -> None:
    """ActiveCampaign: found by a search that cannot know of it."""

    async def judge(trial: Trial) -> None:
        (first,) = await write(trial, by("account", "name", "Acme"))
        trial.script(Fault("delay", method="PUT", seconds=5.0, count=1))
        change = asyncio.create_task(write(trial, update("account", first, name="Beta")))
        await asyncio.sleep(1)
        (held,) = await trial.destination.write([by("account", "name", "Acme")])
        assert isinstance(held, Retry)
        assert (str(held.reason), held.counts) == ("same_record", False)
        assert await change == [first]
        assert await write(trial, by("account", "name", "Acme")) != [first]

    on("activecampaign", {}, judge)


def test_an_address_that_a_prospect_had_is_not_its_any_more() -> None:
    """Account Engagement: found by the CRM's id, while reads are a minute late."""

    async def judge(trial: Trial) -> None:
        ann = by("Prospect", "email", "a@example.com", firstName="Ann")
        (first,) = await write(trial, ann)
        await asyncio.sleep(120)
        trial.script(Fault("stale_reads", method="GET", seconds=60))
        await write(trial, update("Prospect", first, email="b@example.com"))
        (second,) = await write(trial, ann)
        assert second != first

    on("account_engagement", {"several_matches": "refuse"}, judge)


def test_a_prospect_whose_address_is_being_changed_is_waited_for() -> None:
    """Account Engagement: found by a read that cannot know of it."""

    async def judge(trial: Trial) -> None:
        ann = by("Prospect", "email", "a@example.com", firstName="Ann")
        (first,) = await write(trial, ann)
        trial.script(Fault("delay", method="PATCH", seconds=5.0, count=1))
        change = update("Prospect", first, email="b@example.com")
        changed, held = await trial.destination.write([change, ann])
        assert isinstance(changed, Delivered)
        assert isinstance(held, Retry)
        assert (str(held.reason), held.counts) == ("same_record", False)

    on("account_engagement", {"several_matches": "refuse"}, judge)
