"""`python -m bench.hot_key`: thousands of runs that wait on one key, and a great many events through one key.

It is no comparison: it shows that a hot key stays within Temporal's limits, loses nothing and gives nothing twice. A
difference ends it with an error.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timezone
from typing import Any

import uvloop

from bench.load import each
from bench.site import TASK_QUEUE, serve_namespace, serve_temporal
from bench.stack import stack
from definitions import ids
from definitions.contract import PostEvent, RunFacts, timestamp
from definitions.errors import Overloaded, Unavailable
from definitions.model import Definition
from tidegate import temporal_server
from worker.client import TidegateClient

DIALECT, NAME, EVENT, KEY = "bench", "hot", "go", "hot"
LANES = 50
#: Events that one run takes, one wait after the other, before it ends and another takes its place.
EVENTS_PER_RUN = 100
#: How long a sender goes on that is asked to come back later.
STUBBORN_SECONDS = 300.0

_WAIT = {"kind": "wait", "events": [EVENT], "output": "first"}
_KEYED = {"correlation": {"key": {"language": "path", "source": "${input.key}"}}}


def _logic(rule: Any) -> dict[str, Any]:
    return {"language": "json-logic", "source": rule}


#: Waits for one event, and gives its payload.
ONCE = {"start": "wait", "steps": {"wait": {**_WAIT, **_KEYED}}}
#: Waits for one event after the other, and gives all payloads.
OFTEN = {
    "start": "wait",
    "steps": {
        "wait": {**_WAIT, **_KEYED, "save": {"output": ["got"]}, "next": "add"},
        "add": {
            "kind": "assign",
            "value": _logic({"merge": [{"var": ["seen", []]}, {"var": "got"}]}),
            "save": {"output": ["seen"]},
            "next": "count",
        },
        "count": {
            "kind": "assign",
            "value": _logic({"+": [{"var": ["n", 0]}, 1]}),
            "save": {"output": ["n"]},
            "next": _logic({"if": [{"<": [{"var": "n"}, EVENTS_PER_RUN]}, "wait", None]}),
        },
    },
}


class HotKey:
    """Runs and events of one organisation, all on one key."""

    def __init__(self, tidegate: TidegateClient) -> None:
        self._tidegate = tidegate
        self._organisation = str(uuid.uuid4())
        self._numbers = itertools.count()
        self.asked_to_wait = 0

    async def start(self, body: dict[str, Any], result: str | None = None) -> str:
        """The workflow id of a new run."""
        number = next(self._numbers)
        definition_id = ids.definition_id(DIALECT, self._organisation, NAME)
        facts = RunFacts(
            organisation=self._organisation,
            dialect=DIALECT,
            run_id=ids.run_id(self._organisation, definition_id, 1, str(number)),
            definition_id=definition_id,
            definition_name=NAME,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=timestamp(datetime.now(timezone.utc)),
        )
        shown = None if result is None else {"language": "path", "source": result}
        definition = Definition.model_validate({"dialect": DIALECT, "name": NAME, "body": body, "result": shown})
        run, _ = await self._stubborn(lambda: self._tidegate.start_run(definition, facts, {"key": KEY}))
        return str(run.workflow_id)

    async def post(self, payload: int) -> None:
        event = PostEvent(str(uuid.uuid4()), payload, has_payload=True)
        await self._stubborn(
            lambda: self._tidegate.post_event(DIALECT, self._organisation, EVENT, KEY, event),
        )

    async def result(self, workflow_id: str) -> Any:
        return await self._tidegate.temporal.get_workflow_handle(workflow_id).result()

    async def shown(self) -> str:
        """What the mailbox shows of itself to operators."""
        workflow_id = ids.mailbox_workflow_id(DIALECT, self._organisation, EVENT, KEY)
        handle = self._tidegate.temporal.get_workflow_handle(workflow_id)
        return str(await handle.query("__temporal_workflow_metadata", result_type=dict))

    async def _stubborn(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """As a client does: the same once more, when asked to come back later."""
        deadline = time.monotonic() + STUBBORN_SECONDS
        while True:
            try:
                return await act()
            except (Unavailable, Overloaded) as error:
                if time.monotonic() > deadline:
                    raise
                self.asked_to_wait += 1
                await asyncio.sleep(min(error.retry_after, 5))


def check(what: str, found: Iterable[int], count: int) -> None:
    """Raises SystemExit unless each number below `count` was found once."""
    got = sorted(found)
    if got != list(range(count)):
        raise SystemExit(f"hot key: {what}: {len(got)} payloads, {len(set(got))} different ones, of {count}")


async def many_waits(hot: HotKey, count: int) -> None:
    began = time.monotonic()
    runs = await each(range(count), LANES, lambda _: hot.start(ONCE))
    while f"{count} waits" not in await hot.shown():  # noqa: ASYNC110 - another process changes it
        await asyncio.sleep(0.2)
    waiting = time.monotonic()
    await each(range(count), LANES, hot.post)
    check("waits", await each(runs, LANES, hot.result), count)
    ended = time.monotonic()
    print(
        f"{count} runs wait on one key: registered in {waiting - began:.0f} s, each got one of {count} events", end=""
    )
    print(
        f" within {ended - waiting:.0f} s ({count / (ended - waiting):.1f} a second); {hot.asked_to_wait} times 429/503"
    )


async def many_events(hot: HotKey, count: int) -> None:
    """`count` events for runs that take 100 each; as many as there are lanes wait at a time."""
    began = time.monotonic()
    seen: list[int] = []
    posted = itertools.count(1)

    async def consume(_: int) -> None:
        seen.extend(await hot.result(await hot.start(OFTEN, "${seen}")))

    async def produce(payload: int) -> None:
        await hot.post(payload)
        if (number := next(posted)) % 10_000 == 0:
            print(f"  {number} events after {time.monotonic() - began:.0f} s", flush=True)

    await asyncio.gather(each(range(count // EVENTS_PER_RUN), LANES, consume), each(range(count), LANES, produce))
    check("events", seen, count)
    took = time.monotonic() - began
    print(f"{count} events through one key in {took:.0f} s ({count / took:.1f} a second), each taken once;", end="")
    print(f" {hot.asked_to_wait} times 429/503")


async def measure(waits: int, events: int) -> None:
    with stack("http://127.0.0.1:9") as running:
        address = await serve_temporal(running, default_server=False)
        site = await serve_namespace(running, address, temporal_server.NAMESPACE)
        if waits:
            await many_waits(HotKey(TidegateClient(site.client, TASK_QUEUE)), waits)
        if events:
            await many_events(HotKey(TidegateClient(site.client, TASK_QUEUE)), events)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.hot_key", description="A key that everybody uses.")
    parser.add_argument("--waits", type=int, default=5_000, help="runs that wait at once; default: %(default)s")
    parser.add_argument(
        "--events", type=int, default=10_000, help=f"a multiple of {EVENTS_PER_RUN}; default: %(default)s"
    )
    options = parser.parse_args()
    uvloop.run(measure(options.waits, options.events - options.events % EVENTS_PER_RUN))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Threads of the Temporal client that still hand over an answer crash an interpreter that is ending.
    os._exit(0)
