"""Runs that only wait: for an event that names the run, or for one that names a key; and events that come first."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Literal, Protocol

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from bench.history import Cost, cost
from bench.load import PATIENCE, READ_HISTORIES, WATCHERS, Turn, each, joined, parked
from bench.options import Options
from bench.processes import Meter
from bench.rounds import in_rounds
from definitions import ids
from definitions.contract import Event, PostEvent, RunFacts, timestamp
from definitions.model import Definition
from worker.client import TidegateClient

DIALECT, NAME, EVENT = "bench", "waiting", "go"
PAYLOAD = {"approved": True}
#: `id`: the event names the run. `key`: it names a key. `early`: the same, and it comes before the run is started.
Way = Literal["id", "key", "early"]


class WaitingRow(Protocol):
    """One way in which event and run find each other; every run gives what the event carries."""

    name: str
    pids: Mapping[str, int]

    async def start(self) -> str:
        """What comes first: the run, or the event. Gives its job."""
        ...

    async def send(self, job: str) -> None:
        """What comes then."""
        ...

    def resting(self, job: str) -> WorkflowHandle[Any, Any] | None:
        """What has nothing to do between the two; None if there is nothing at all."""
        ...

    def handle(self, job: str) -> WorkflowHandle[Any, Any]: ...

    def everything(self, job: str) -> list[WorkflowHandle[Any, Any]]:
        """All workflows that belong to the job."""
        ...


class Waiting:
    """By the client of Tidegate, in the generator. A job is its key, and its number makes the run's id."""

    repeated = 0

    def __init__(self, name: str, pids: Mapping[str, int], client: Client, task_queue: str, way: Way) -> None:
        self.name, self.pids = name, pids
        self._tidegate = TidegateClient(client, task_queue)
        self._organisation = str(uuid.uuid4())
        self._way = way
        wait: dict[str, Any] = {"kind": "wait", "events": [EVENT], "output": "first"}
        if way != "id":
            wait["correlation"] = {"key": {"language": "path", "source": "${input.key}"}}
        body = {"start": "wait", "steps": {"wait": wait}}
        self._definition = Definition.model_validate({"dialect": DIALECT, "name": NAME, "body": body})
        self._numbers = itertools.count()

    async def start(self) -> str:
        job = f"key-{next(self._numbers)}"
        await (self._post(job) if self._way == "early" else self._run(job))
        return job

    async def send(self, job: str) -> None:
        if self._way == "id":
            await self._deliver(job)
        else:
            await (self._run(job) if self._way == "early" else self._post(job))

    def resting(self, job: str) -> WorkflowHandle[Any, Any]:
        return self.mailbox(job) if self._way == "early" else self.handle(job)

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        workflow_id = ids.run_workflow_id(DIALECT, self._organisation, self._run_id(job))
        return self._tidegate.temporal.get_workflow_handle(workflow_id)

    def mailbox(self, job: str) -> WorkflowHandle[Any, Any]:
        workflow_id = ids.mailbox_workflow_id(DIALECT, self._organisation, EVENT, job)
        return self._tidegate.temporal.get_workflow_handle(workflow_id)

    def everything(self, job: str) -> list[WorkflowHandle[Any, Any]]:
        return [self.handle(job)] if self._way == "id" else [self.handle(job), self.mailbox(job)]

    def _run_id(self, job: str) -> str:
        return ids.run_id(self._organisation, self._definition_id(), 1, job)

    def _definition_id(self) -> str:
        return ids.definition_id(DIALECT, self._organisation, NAME)

    async def _run(self, job: str) -> None:
        definition_id = self._definition_id()
        facts = RunFacts(
            organisation=self._organisation,
            dialect=DIALECT,
            run_id=self._run_id(job),
            definition_id=definition_id,
            definition_name=NAME,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=_now(),
        )
        await self._tidegate.start_run(self._definition, facts, {"key": job})

    async def _deliver(self, job: str) -> None:
        event = Event(str(uuid.uuid4()), EVENT, PAYLOAD, has_payload=True, received_at=_now())
        await self._tidegate.deliver(DIALECT, self._organisation, self._run_id(job), event)

    async def _post(self, job: str) -> None:
        event = PostEvent(str(uuid.uuid4()), PAYLOAD, has_payload=True)
        await self._tidegate.post_event(DIALECT, self._organisation, EVENT, job, event)


async def waits_in_rounds(rows: Sequence[WaitingRow], ours: Iterable[int], options: Options) -> dict[str, list[Turn]]:
    """Row -> its turns, one a round."""

    async def take(row: WaitingRow, options: Options) -> Turn:
        load = {"flows": options.flows, "concurrency": options.concurrency, "samples": options.samples}
        return await take_waiting_turn(row, ours, **load)

    return await in_rounds({row.name: row for row in rows}, options, take)


async def take_waiting_turn(
    row: WaitingRow, ours: Iterable[int], *, flows: int, concurrency: int, samples: int
) -> Turn:
    """All that comes first, then all that comes then, and each run to its end; then the samples, one at a time."""
    meter = Meter(row.pids, ours)
    jobs = await each(range(flows), concurrency, lambda _: row.start())
    await all_parked(row.resting(job) for job in jobs[-concurrency:])
    started = meter.stop()
    await all_parked(row.resting(job) for job in jobs)
    meter = Meter(row.pids, ours)
    await each(jobs, concurrency, lambda job: _finish(row, job))
    # What follows the end of a run, in its mailbox, belongs to it.
    await all_parked(handle for job in jobs[-concurrency:] for handle in row.everything(job))
    finished = meter.stop()
    latencies = [await _sample(row) for _ in range(samples)]
    costs = [await _cost(row, job) for job in jobs[:READ_HISTORIES]]
    return Turn(flows, joined(started, finished), tuple(latencies), tuple(costs), 0)


async def all_parked(handles: Iterable[WorkflowHandle[Any, Any] | None]) -> None:
    there = [handle for handle in handles if handle is not None]
    await asyncio.wait_for(each(there, WATCHERS, parked), PATIENCE)


async def result_of(handle: WorkflowHandle[Any, Any]) -> Any:
    """The result of a workflow that may not be there yet: it is started by what has been sent."""
    while True:
        try:
            return await handle.result()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            await asyncio.sleep(0.002)


async def _finish(row: WaitingRow, job: str) -> None:
    await row.send(job)
    result = await asyncio.wait_for(result_of(row.handle(job)), PATIENCE)
    if result != PAYLOAD:
        raise SystemExit(f"bench: {row.name} gave {result!r}")


async def _sample(row: WaitingRow) -> float:
    """Seconds from the beginning of the second call to the end of the run, which follows at once."""
    job = await row.start()
    resting = row.resting(job)
    await all_parked([resting])
    began = asyncio.get_running_loop().time()
    sending = asyncio.ensure_future(row.send(job))
    # Asked for before the run has gone on, so that its end is told at once. A run of its own cannot be, before it is.
    if resting is None or resting.id != row.handle(job).id:
        await sending
    await asyncio.wait_for(result_of(row.handle(job)), PATIENCE)
    took = asyncio.get_running_loop().time() - began
    await sending
    return took


async def _cost(row: WaitingRow, job: str) -> Cost:
    costs = [await cost(handle) for handle in row.everything(job)]
    names = tuple(name for one in costs for name in one.names)
    return Cost(sum(one.events for one in costs), sum(one.actions for one in costs), names)


def _now() -> str:
    return timestamp(datetime.now(timezone.utc))
