"""Events that wait together: what adds up in a CRM arrives from all of them, in one write."""

from collections.abc import Iterator, Mapping

import pytest

from destinations.account_engagement.emulator.subject import AccountEngagementSubject
from destinations.activecampaign.emulator import ActiveCampaignEmulator
from destinations.activecampaign.emulator.subject import ActiveCampaignSubject
from destinations.pipedrive.emulator.subject import PipedriveSubject
from tests.contract.socket_time import run
from tests.contract.trial import Trial, on_trial
from transformer.emulator.subject import Json
from transformer.outcome import Delivered

NEWS, OFFERS = "1", "2"
ON, OFF = "1", "2"


def person(**traits: object) -> Json:
    """An identify of one and the same person."""
    return {"type": "identify", "traits": {"email": "a@example.com", **traits}}


def paths(trial: Trial, method: str = "POST") -> Iterator[str]:
    """The paths asked for so far."""
    for request in trial.subject.emulator.requests:
        if request["method"] == method:
            yield str(request["path"])


async def delivered(trial: Trial, *events: Json) -> None:
    """Deliver events that wait together."""
    outcomes = await trial.deliver(*events)
    assert [type(outcome) for outcome in outcomes] == [Delivered] * len(events)


def test_tags_and_lists_of_two_activecampaign_events_arrive_in_one_write() -> None:
    """Lists and texts with commas, each name once."""

    async def story() -> None:
        async with on_trial("activecampaign") as trial:
            account = _account(trial)
            await delivered(
                trial,
                person(tags=["trial", "Smith, John"], lists=["News"], firstName="A"),
                person(tags="web, trial", lists="Offers", firstName="B"),
            )
            tags = [row.get("tag") for row in account.store.rows["tags"].values()]
            assert tags == ["trial", "Smith, John", "web"]
            assert len(list(account.store.where("contactTags", contact="1"))) == 3
            assert _lists(trial) == {NEWS: ON, OFFERS: ON}
            assert [path.endswith("contact/sync") for path in paths(trial)].count(True) == 1

    run(story())


@pytest.mark.parametrize(
    ("events", "lists"),
    [
        ((person(lists="News"), person(unsubscribe="News")), {NEWS: OFF}),
        ((person(unsubscribe="News"), person(lists="News, Offers")), {NEWS: OFF, OFFERS: ON}),
        ((person(unsubscribe="News"), person(lists="News", consent=True)), {NEWS: ON}),
        (
            (person(unsubscribe="News", consent=True), person(lists="News", consent=True)),
            {NEWS: ON},
        ),
        ((person(unsubscribe="News"), person(unsubscribe="Offers")), {NEWS: OFF, OFFERS: OFF}),
        ((person(lists="Offers", consent=True), person(lists="News")), {OFFERS: ON, NEWS: ON}),
    ],
)
@pytest.mark.parametrize("coalesce", [True, False])
def test_the_last_word_on_each_list_wins_as_it_does_one_by_one(
    events: tuple[Json, Json], lists: Mapping[str, str], *, coalesce: bool
) -> None:
    """No unsubscription is lost, and nobody is subscribed again without a consent of its own."""

    async def story() -> None:
        async with on_trial("activecampaign") as trial:
            _account(trial)
            if coalesce:
                await delivered(trial, *events)
            else:
                for event in events:
                    await delivered(trial, event)
            assert _lists(trial) == lists

    run(story())


def test_consent_to_one_list_is_not_consent_to_the_list_of_another_event() -> None:
    """Who has left News stays off it when another event consents to Offers."""

    async def story() -> None:
        async with on_trial("activecampaign") as trial:
            _account(trial)
            await delivered(trial, person(unsubscribe="News"))
            await delivered(trial, person(lists="Offers", consent=True), person(lists="News"))
            assert _lists(trial) == {NEWS: OFF, OFFERS: ON}

    run(story())


def test_lists_and_tags_of_two_account_engagement_events_arrive_in_one_write() -> None:
    """The prospect itself is written once."""

    async def story() -> None:
        async with on_trial("account_engagement") as trial:
            subject = trial.subject
            assert isinstance(subject, AccountEngagementSubject)
            unit = subject.unit
            for name in ("News", "Offers"):
                unit.objects.add("lists", name=name, isDynamic=False)
            await delivered(
                trial, person(lists="News", tags=["trial"]), person(lists=["Offers"], tags="a,b")
            )
            tags = [row.get("name") for row in unit.store.rows["tags"].values()]
            assert tags == ["trial", "a", "b"]
            assert len(unit.store.rows["list-memberships"]) == 2
            upserts = [path for path in paths(trial) if path.endswith("upsertLatestByEmail")]
            assert len(upserts) == 1

    run(story())


def test_phones_of_two_pipedrive_events_are_both_kept() -> None:
    """Pipedrive keeps many: one replaces no other."""

    async def story() -> None:
        async with on_trial("pipedrive") as trial:
            subject = trial.subject
            assert isinstance(subject, PipedriveSubject)
            await delivered(trial, person(phone="+49 1"), person(phone="+49 2"))
            (row,) = subject.company.store.all("persons")
            phones = row.values["phones"]
            assert isinstance(phones, list)
            assert [each["value"] for each in phones] == ["+49 1", "+49 2"]
            assert [path.endswith("persons") for path in paths(trial)].count(True) == 1

    run(story())


def _account(trial: Trial) -> ActiveCampaignEmulator:
    """The account, with two lists."""
    subject = trial.subject
    assert isinstance(subject, ActiveCampaignSubject)
    for name in ("News", "Offers"):
        subject.account.catalogue.add_list(name)
    return subject.account


def _lists(trial: Trial) -> dict[str, str]:
    """The status on each list of the contact."""
    subject = trial.subject
    assert isinstance(subject, ActiveCampaignSubject)
    rows = subject.account.store.where("contactLists", contact="1")
    return {row.get("list"): row.get("status") for row in rows}
