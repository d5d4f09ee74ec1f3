"""Many callers of one link: one resumes, whatever dies meanwhile; and what was acknowledged is done, once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import httpx
import pytest
import pytest_asyncio

from tests.chaos.client import CUT_OFF
from tests.chaos.parts import TOKEN_KEY, Stack
from tests.conftest import connect
from tests.linked import COUNTED, Json, Linked, operation
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, Page, page
from worker.client import TidegateClient

pytestmark = pytest.mark.timeout(120)
CALLERS = 200
#: The run goes on to wait for a second link, so that it can still tell who had the first.
GOES_ON: dict[str, list[Json]] = {
    "on": [operation("link", {"action": "last", "payload": {}, "seconds": 3600}), *COUNTED],
    "last": [],
}


@pytest_asyncio.fixture(loop_scope="session")
async def links(stack: Stack) -> Linked:
    return Linked(TidegateClient(await connect(stack.temporal_address)), keys=(TOKEN_KEY,))


@pytest.fixture
def asked() -> Iterator[LocalServer]:
    """Where actions send things."""
    with LocalServer() as server:
        yield server


async def call(
    http: httpx.AsyncClient, url: str, number: int, cut_off: list[int], *, named: bool = True
) -> httpx.Response:
    """A careful caller: it repeats what was not answered, or not now; and, if its call is named, says that it does."""
    headers = {"idempotency-key": f"caller-{number}"} if named else {}
    deadline = time.monotonic() + 60
    while True:
        try:
            answer = await http.post(url, json={"caller": number}, headers=headers)
            if answer.status_code not in (429, 503):
                return answer
        except CUT_OFF:
            cut_off.append(number)
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("kill", [False, True], ids=["undisturbed", "adapter killed"])
async def test_of_two_hundred_callers_one_resumes(stack: Stack, links: Linked, kill: bool) -> None:
    url = await links.link(GOES_ON)
    cut_off: list[int] = []
    limits = httpx.Limits(max_connections=CALLERS)
    async with httpx.AsyncClient(timeout=30, limits=limits) as http:
        calls = [asyncio.ensure_future(call(http, url, number, cut_off)) for number in range(CALLERS)]
        if kill:
            await eventually(lambda: _done(calls), lambda done: done >= 1, 40)
            stack.adapter.kill()
            stack.adapter.start()
        answers = await asyncio.gather(*calls)
    assert bool(cut_off) == kill
    assert Counter(answer.status_code for answer in answers) == {200: 1, 404: CALLERS - 1}
    assert len({answer.content for answer in answers if answer.status_code == 404}) == 1
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert answers[winner].json() == {"ok": True}
    assert (await links.outcome(url)).output["value"]["event"] == {"caller": winner}
    assert await resumed(links, url) == ["event", "engine"]


@pytest.mark.parametrize("named", [True, False], ids=["named", "unnamed"])
async def test_the_winner_loses_its_answer_with_the_adapter(
    stack: Stack, links: Linked, asked: LocalServer, named: bool
) -> None:
    """Its step runs once; and if it says that it repeats its call, it is told so."""
    answer = threading.Event()
    asked.on("/slow", lambda request: _late(answer))
    slow = [operation("call", {"url": asked.url("/slow")}), *GOES_ON["on"]]
    url = await links.link({**GOES_ON, "on": slow})
    cut_off: list[int] = []
    try:
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=CALLERS)) as http:
            calls = [asyncio.ensure_future(call(http, url, n, cut_off, named=named)) for n in range(CALLERS)]
            await eventually(lambda: _count(asked), lambda count: count == 1)
            stack.adapter.kill()
            answer.set()
            stack.adapter.start()
            answers = await asyncio.gather(*calls)
    finally:
        answer.set()
    winner = (await links.outcome(url)).output["value"]["event"]["caller"]
    assert winner in cut_off
    told = [number for number, one in enumerate(answers) if one.status_code == 200]
    assert told == ([winner] if named else [])
    assert {one.status_code for one in answers} <= {200, 404}
    assert await resumed(links, url) == ["event", "engine"]


async def test_what_was_acknowledged_is_done_when_its_worker_dies(stack: Stack, links: Linked) -> None:
    """A person is answered at once; the resumed action begins anew on another worker, with the same links."""
    url = await links.link(GOES_ON)
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await http.get(f"{url}?approve=true", headers={"accept": "text/html"})
        assert answer.status_code == 200
        stack.worker.kill()
        away = await http.get(url)
        assert away.status_code == 503 and int(away.headers["retry-after"]) >= 1
        stack.worker.start()
        assert (await links.outcome(url, 40)).output["value"]["event"] == {"approve": "true"}
        assert (await http.get(url)).status_code == 404


async def test_an_action_whose_worker_dies_makes_the_same_links_again(
    stack: Stack, links: Linked, asked: LocalServer
) -> None:
    """The first link was sent out before the worker died, so it has to be good."""
    answer = threading.Event()
    asked.on("/mail", lambda request: _late(answer), page({}))
    sends = [
        operation("link", {"action": "last", "payload": {}, "seconds": 3600}, **{"as": "link"}),
        operation("call", {"url": asked.url("/mail"), "body": {"url": "${link.resumeUrl}"}}),
    ]
    url = await links.link({"on": sends, "last": COUNTED})
    async with httpx.AsyncClient(timeout=30) as http:
        try:
            assert (await http.get(url, headers={"accept": "text/html"})).status_code == 200
            await eventually(lambda: _count(asked), lambda count: count == 1)
            stack.worker.kill()
            stack.worker.start()
            await eventually(lambda: _count(asked), lambda count: count == 2, 60)
        finally:
            answer.set()
        sent, again = [one.json()["url"] for one in asked.received if one.path == "/mail"]
        assert sent == again
        assert (await links.outcome(url, 40)).state == "success"
        assert (await http.post(sent, json={"a": 1})).json() == {"ok": True}
        assert (await http.post(sent, json={"a": 2})).status_code == 404


@pytest.mark.parametrize("part", ["adapter", "worker", "temporal"])
async def test_a_link_outlives_everything(stack: Stack, links: Linked, part: str) -> None:
    url = await links.link()
    stack.part(part).kill()
    await stack.all_up()
    async with httpx.AsyncClient(timeout=30) as http:
        answer = await call(http, url, 1, [])
    assert answer.json() == {"ok": True}


async def resumed(links: Linked, url: str) -> list[str]:
    """What the run has recorded of the link's action: each event that it took, and each time that it has run."""
    records = (await links.snapshot(url)).records
    return [record.source for record in records if record.step == "w/on" and record.status == "success"]


def _late(answer: threading.Event) -> Page:
    answer.wait(60)
    return page({})


async def _count(asked: LocalServer) -> int:
    return len(asked.received)


async def _done(calls: Sequence[asyncio.Future[httpx.Response]]) -> int:
    return sum(call.done() for call in calls)
