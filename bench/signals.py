"""`python -m bench.signals`: a signal sent over HTTP to a run that waits, beside a raw signal of Temporal's own.

Four ways: a workflow written by hand and Temporal's client; the interpreter and Temporal's client, as operators and
other workflows send it; the interpreter over HTTP, as clients of the vendor do; and an event over HTTP that starts a
run, where there is none before.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from temporalio.client import Client, WorkflowHandle

from bench.by_hand import SignalFlow
from bench.keep_alive import KeepAlive
from bench.load import Turn
from bench.options import Options
from bench.report import comparison, latency, load_of_others, repetitions, table
from bench.rounds import compare
from bench.site import BY_HAND_QUEUE, Site, serve_namespace, serve_temporal
from bench.stack import stack
from bench.waiting import EVENT, PAYLOAD, waits_in_rounds
from definitions import ids, ksuids
from definitions.dialects import compozy as language
from tidegate import temporal_server

BY_HAND, RAW, OVER_HTTP, EVENT_STARTS = "by hand, raw signal", "raw signal", "signal over HTTP", "event over HTTP"
NOBODY = "http://127.0.0.1:9"
ORGANISATION = "default"
WORKFLOW: dict[str, Any] = {
    "id": "bench-signals",
    "tasks": [{"id": "hold", "type": "wait", "wait_for": EVENT}],
    "outputs": {name: f"{{{{ .tasks.hold.output.signal.payload.{name} }}}}" for name in PAYLOAD},
}
#: The run that an event starts.
STARTED: dict[str, Any] = {
    "id": "bench-events",
    "triggers": [{"type": "signal", "name": EVENT}],
    "tasks": [{"id": "note", "type": "aggregate", "outputs": {"noted": True}}],
    "outputs": {name: f"{{{{ .workflow.input.{name} }}}}" for name in PAYLOAD},
}


class ByHand:
    """A workflow with a signal handler, and Temporal's client."""

    repeated = 0

    def __init__(self, name: str, pids: Mapping[str, int], client: Client) -> None:
        self.name, self.pids = name, pids
        self._client = client

    async def start(self) -> str:
        job = str(uuid.uuid4())
        await self._client.start_workflow(SignalFlow.run, id=job, task_queue=BY_HAND_QUEUE)
        return job

    async def send(self, job: str) -> None:
        await self.handle(job).signal(SignalFlow.go, PAYLOAD)

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(job)

    def resting(self, job: str) -> WorkflowHandle[Any, Any]:
        return self.handle(job)

    def everything(self, job: str) -> list[WorkflowHandle[Any, Any]]:
        return [self.handle(job)]


class OverHttp:
    """Executions started over HTTP. `raw`: signalled by Temporal's client, rather than over HTTP too."""

    def __init__(self, name: str, pids: Mapping[str, int], client: Client, http: KeepAlive, raw: bool) -> None:
        self.name, self.pids = name, pids
        self._client, self._http, self._raw = client, http, raw

    @property
    def repeated(self) -> int:
        return self._http.repeated

    async def start(self) -> str:
        answer = await self._http.call("POST", f"/api/v0/workflows/{WORKFLOW['id']}/executions", {"input": {}})
        return str(answer["data"]["exec_id"])

    async def send(self, job: str) -> None:
        if self._raw:
            await self.handle(job).signal(EVENT, PAYLOAD)
            return
        body = {"signal_name": EVENT, "payload": PAYLOAD}
        await self._http.call("POST", f"/api/v0/executions/workflows/{job}/signals", body)

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        run_id = str(ksuids.run_id(job))
        return self._client.get_workflow_handle(ids.run_workflow_id(language.DIALECT, ORGANISATION, run_id))

    def resting(self, job: str) -> WorkflowHandle[Any, Any]:
        return self.handle(job)

    def everything(self, job: str) -> list[WorkflowHandle[Any, Any]]:
        return [self.handle(job)]


class Starting:
    """Events over HTTP, each of which starts a run."""

    def __init__(self, name: str, pids: Mapping[str, int], client: Client, http: KeepAlive) -> None:
        self.name, self.pids = name, pids
        self._client, self._http = client, http
        self._events: dict[str, str] = {}

    @property
    def repeated(self) -> int:
        return self._http.repeated

    async def start(self) -> str:
        return str(uuid.uuid4())

    async def send(self, job: str) -> None:
        answer = await self._http.call("POST", "/api/v0/events", {"name": EVENT, "payload": PAYLOAD})
        self._events[job] = str(answer["data"]["event_id"])

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        definition_id = ids.definition_id(language.DIALECT, ORGANISATION, STARTED["id"])
        run_id = ids.run_id(ORGANISATION, definition_id, 1, ["event", EVENT, self._events[job]])
        return self._client.get_workflow_handle(ids.run_workflow_id(language.DIALECT, ORGANISATION, run_id))

    def resting(self, job: str) -> None:
        return None

    def everything(self, job: str) -> list[WorkflowHandle[Any, Any]]:
        event = ids.event_workflow_id(language.DIALECT, ORGANISATION, EVENT, self._events[job])
        return [self.handle(job), self._client.get_workflow_handle(event)]


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round."""
    with stack(NOBODY) as running:
        address = await serve_temporal(running, default_server=options.default_server)
        site = await serve_namespace(running, address, temporal_server.NAMESPACE)
        http = KeepAlive(site.url)
        try:
            for workflow in (WORKFLOW, STARTED):
                await http.call("PUT", f"/api/v0/workflows/{workflow['id']}", workflow)
            return await waits_in_rounds(_rows(site, http), [os.getpid(), *running.pids.values()], options)
        finally:
            http.close()


def _rows(site: Site, http: KeepAlive) -> list[ByHand | OverHttp | Starting]:
    caller = {"caller": os.getpid()}
    return [
        ByHand(BY_HAND, {**site.by_hand, **caller}, site.client),
        OverHttp(RAW, {**site.over_http, **caller}, site.client, http, True),
        OverHttp(OVER_HTTP, {**site.over_http, **caller}, site.client, http, False),
        Starting(EVENT_STARTS, {**site.over_http, **caller}, site.client, http),
    ]


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    yield "event→step: from the beginning of the signal, or event, to the end of the run, which follows at once"
    for row in (RAW, OVER_HTTP, EVENT_STARTS):
        yield f"{comparison(turns, row, BY_HAND)}, {latency(turns, row, BY_HAND)}"
    yield repetitions(turns)
    yield load_of_others(turns)


if __name__ == "__main__":
    compare(measure, lines)
