"""What is remembered, forgotten and locked."""

import asyncio

from destinations.pipedrive.known import Contacts, Known
from destinations.pipedrive.locks import Locks


def test_a_lost_person_is_forgotten_whole() -> None:
    """Its keys, its contacts; and it is known to be gone."""
    known = Known(60.0)
    key = ("persons", "email", "a@x.io")
    known.learn("persons", "1", [key], Contacts(frozenset({"a@x.io"})), 0.0)
    assert known.ids.recall(key, 1.0) == "1"
    known.lose("persons", "1", [key], 1.0)
    assert known.ids.recall(key, 1.0) is None
    assert known.contacts.recall("1", 1.0) is None
    assert known.gone.recall(("persons", "1"), 1.0) is True


def test_a_record_answers_for_one_create_only() -> None:
    """Two equal creates are two records."""
    known = Known(60.0)
    assert [known.take("notes", "1", 0.0), known.take("notes", "1", 0.0)] == [True, False]


async def test_locks_of_one_key_go_one_after_the_other_and_take_no_room() -> None:
    """Several keys are taken in one order, so that nobody waits for ever."""
    locks, running, most = Locks(), 0, 0
    one, other = ("persons", "a"), ("persons", "b")

    async def work(*keys: tuple[str, ...]) -> None:
        nonlocal running, most
        async with locks.of_all(keys):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(work(one, other) if n % 2 else work(other, one) for n in range(20)))
    assert most == 1
    assert not locks._locks
    assert not locks._users
