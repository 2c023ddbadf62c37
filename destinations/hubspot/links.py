"""Links between contacts and companies, sent in batches. Finds no companies."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from destinations.hubspot.client import Call, HubSpotClient, Reply
from transformer.clock import Clock
from transformer.kit.remembered import Remembered
from transformer.outcome import Reason, Retry
from transformer.upsert import Note

MAX_LINKS = 1_000
LINKED_SECONDS = 3_600.0
LINKED_PAIRS = 100_000

Refusal: TypeAlias = Note | Retry


@dataclass(frozen=True, slots=True)
class Pair:
    """A contact and the company it is to be linked to; `named` when the event named the company."""

    contact_id: str
    company_id: str
    named: bool = False


class Links:
    """The links of one account; those made lately are not made again."""

    def __init__(self, client: HubSpotClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._made: Remembered[tuple[str, str], bool] = Remembered(
            capacity=LINKED_PAIRS, seconds=LINKED_SECONDS
        )

    async def make(self, pairs: Mapping[int, Pair]) -> Mapping[int, Refusal]:
        """Link every pair; what was refused, by index. Raises WriteFailed."""
        items = [item for item in pairs.items() if not self._is_made(item[1])]
        refused: dict[int, Refusal] = {}
        for first in range(0, len(items), MAX_LINKS):
            refused |= await self._send(dict(items[first : first + MAX_LINKS]))
        return refused

    def _is_made(self, pair: Pair) -> bool:
        made = self._made.recall((pair.contact_id, pair.company_id), self._clock.now())
        return made is not None

    async def _send(self, pairs: Mapping[int, Pair]) -> Mapping[int, Refusal]:
        path = f"{self._client.paths.associations}/contacts/companies/batch/associate/default"
        inputs = [
            {"from": {"id": pair.contact_id}, "to": {"id": pair.company_id}}
            for pair in pairs.values()
        ]
        reply = await self._client.send(
            Call("POST", path, "associate", writes=True, body={"inputs": inputs})
        )
        if not reply.ok:
            return await self._split(pairs, reply)
        gone = {record_id for error in reply.errors for record_id in error.ids}
        refused: dict[int, Refusal] = {}
        for index, pair in pairs.items():
            if gone & {pair.contact_id, pair.company_id}:
                refused[index] = _gone(pair, gone)
            else:
                key = (pair.contact_id, pair.company_id)
                self._made.learn(key, value=True, now=self._clock.now())
        return refused

    async def _split(self, pairs: Mapping[int, Pair], reply: Reply) -> Mapping[int, Refusal]:
        """What becomes of a refused batch.

        There are three cases: linking is not for this app; one pair; or some pair is at fault for
        all of them: one that the error names or, if it names none, any in either half.
        """
        if reply.forbidden or len(pairs) == 1:
            note = Note("dropped", "company", f"not linked: {reply.error.message}")
            return dict.fromkeys(pairs, note)
        items, named = list(pairs.items()), set(reply.error.ids)
        guilty = [item for item in items if named & {item[1].contact_id, item[1].company_id}]
        if not 0 < len(guilty) < len(items):
            guilty = items[len(items) // 2 :]
        others = [item for item in items if item not in guilty]
        return {**await self._send(dict(others)), **await self._send(dict(guilty))}


def _gone(pair: Pair, gone: set[str]) -> Refusal:
    """One of the two is not there.

    The contact's write is tried again, which tells; not for a company that the event names itself.
    """
    if pair.named and pair.contact_id not in gone:
        return Note("dropped", "company", f"not linked: there is no company {pair.company_id}")
    missing = "contact" if pair.contact_id in gone else "company"
    return Retry(
        Reason.REMATCH,
        f"associate: the {missing} is gone since it was found; it is looked for again.",
        may_have_applied=True,
    )
