"""The fence: a write is not sent once its events may be another worker's."""

import asyncio

import httpx
import pytest

from tests.manual_clock import ManualClock
from transformer.budget import Budget
from transformer.errors import Fenced
from transformer.fence import pass_fence, raise_fence
from transformer.http import HttpClient, Request


async def test_a_fenced_write_is_not_sent_and_its_place_in_the_budget_is_given_back() -> None:
    """The request never leaves; a read does, and so does the write when the fence is down."""
    sent: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        return httpx.Response(200, text="{}")

    budget, ours = Budget(), [False]
    http = HttpClient(budget=budget, clock=ManualClock(), transport=httpx.MockTransport(handler))
    raise_fence(lambda: ours[0])
    write = Request("POST", "https://crm.example/", "row", writes=True)
    with pytest.raises(Fenced, match="row: held back"):
        await http.send(write)
    assert (sent, budget.in_flight) == ([], 0)
    await http.send(Request("GET", "https://crm.example/", "row", writes=False))
    ours[0] = True
    await http.send(write)
    assert sent == ["GET", "POST"]


async def test_each_task_has_the_fence_of_its_own_batch() -> None:
    """Tasks started for a batch inherit its fence; other batches keep theirs."""

    async def batch(*, ours: bool) -> str:
        raise_fence(lambda: ours)
        await asyncio.sleep(0)
        try:
            await asyncio.create_task(request())
        except Fenced:
            return "held"
        return "sent"

    async def request() -> None:
        pass_fence("row")

    ended = await asyncio.gather(batch(ours=True), batch(ours=False))
    assert list(ended) == ["sent", "held"]


def test_without_a_fence_everything_passes() -> None:
    """Commands outside a worker, such as check, are not fenced."""
    pass_fence("row")
