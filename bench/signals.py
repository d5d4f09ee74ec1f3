"""`python -m bench.signals`: a signal sent over HTTP to a run that waits, beside a raw signal of Temporal's own.

Three ways: a workflow written by hand and Temporal's client; the interpreter and Temporal's client, as operators and
other workflows send it; the interpreter over HTTP, as clients of the vendor do.
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

BY_HAND, RAW, OVER_HTTP = "by hand, raw signal", "raw signal", "signal over HTTP"
NOBODY = "http://127.0.0.1:9"
ORGANISATION = "default"
WORKFLOW: dict[str, Any] = {
    "id": "bench-signals",
    "tasks": [{"id": "hold", "type": "wait", "wait_for": EVENT}],
    "outputs": {name: f"{{{{ .tasks.hold.output.signal.payload.{name} }}}}" for name in PAYLOAD},
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


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round."""
    with stack(NOBODY) as running:
        address = await serve_temporal(running, default_server=options.default_server)
        site = await serve_namespace(running, address, temporal_server.NAMESPACE)
        http = KeepAlive(site.url)
        try:
            await http.call("PUT", f"/api/v0/workflows/{WORKFLOW['id']}", WORKFLOW)
            return await waits_in_rounds(_rows(site, http), [os.getpid(), *running.pids.values()], options)
        finally:
            http.close()


def _rows(site: Site, http: KeepAlive) -> list[ByHand | OverHttp]:
    caller = {"caller": os.getpid()}
    return [
        ByHand(BY_HAND, {**site.by_hand, **caller}, site.client),
        OverHttp(RAW, {**site.over_http, **caller}, site.client, http, True),
        OverHttp(OVER_HTTP, {**site.over_http, **caller}, site.client, http, False),
    ]


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    yield "event→step: from the beginning of the signal to the end of the run, which follows at once"
    for row in (RAW, OVER_HTTP):
        yield f"{comparison(turns, row, BY_HAND)}, {latency(turns, row, BY_HAND)}"
    yield repetitions(turns)
    yield load_of_others(turns)


if __name__ == "__main__":
    compare(measure, lines)
