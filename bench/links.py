"""`python -m bench.links`: from the call of a resume link to the next action, beside an update written by hand."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import Client, WorkflowHandle

from bench.endpoint import Endpoint
from bench.flows import flows_in_rounds
from bench.keep_alive import KeepAlive
from bench.load import FIRST, SECOND, Turn
from bench.options import Options
from bench.report import comparison, latency, load_of_others, repetitions, table
from bench.rounds import compare
from bench.rows import ByHand, Row
from bench.site import BY_HAND_QUEUE, TASK_QUEUE, Site, serve_namespace, serve_temporal
from bench.stack import stack
from definitions import ids
from definitions.contract import RunFacts, timestamp
from definitions.links import PATH, Link, sign
from definitions.model import Definition
from definitions.tokens import TokenKeys
from tidegate import temporal_server
from worker.client import TidegateClient

DIALECT, NAME = "bench", "linked"
BY_HAND, BY_LINK = "by hand", "by link"
#: The first action of a run has this branch, and its one link is its first plan.
WAIT = "w#1.0.1"


class ByLink:
    """The flow as two actions, each one HTTP call: the first hands out a link, and a call of the link starts the other.

    The caller makes the tokens itself, as the worker does, since nobody reads the mails here.
    """

    def __init__(
        self, name: str, pids: Mapping[str, int], client: Client, site_url: str, functions: str, key: str
    ) -> None:
        self.name, self.pids = name, pids
        self._tidegate = TidegateClient(client, TASK_QUEUE)
        self._http = KeepAlive(site_url)
        self._organisation = str(uuid.uuid4())
        self._functions = functions
        self._keys = TokenKeys((key,))
        self._until = datetime.now(timezone.utc) + timedelta(hours=1)

    @property
    def repeated(self) -> int:
        return self._http.repeated

    async def start(self) -> str:
        definition_id = ids.definition_id(DIALECT, self._organisation, NAME)
        job = str(uuid.uuid4())
        facts = RunFacts(
            organisation=self._organisation,
            dialect=DIALECT,
            run_id=job,
            definition_id=definition_id,
            definition_name=NAME,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=timestamp(datetime.now(timezone.utc)),
        )
        await self._tidegate.start_run(self._definition(job), facts)
        return job

    async def send(self, job: str) -> None:
        link = Link(self.handle(job).id, WAIT)
        token = sign(self._keys, link, expires_at=self._until)
        await self._http.call("POST", PATH + token, {"approved": True})

    def handle(self, job: str) -> WorkflowHandle[Any, Any]:
        workflow_id = ids.run_workflow_id(DIALECT, self._organisation, job)
        return self._tidegate.temporal.get_workflow_handle(workflow_id)

    def close(self) -> None:
        self._http.close()

    def _definition(self, job: str) -> Definition:
        waits = {"action": "deploy", "payload": {}, "seconds": 3600}
        operations = {
            "start": [self._calls(FIRST, job), _operation("link", waits)],
            "deploy": [self._calls(SECOND, job)],
        }
        body = {"start": "w", "steps": {"w": {"kind": "branches", "operations": operations}}}
        return Definition.model_validate({"dialect": DIALECT, "name": NAME, "body": body})

    def _calls(self, function: str, job: str) -> dict[str, Any]:
        url = f"{self._functions}/2015-03-31/functions/{function}/invocations"
        return _operation("call", {"url": url, "body": {"__jobContext": {"jobId": job}}})


def _operation(op: str, value: Any) -> dict[str, Any]:
    return {"op": op, "input": {"language": "path", "source": value}}


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round."""
    async with Endpoint() as endpoint:
        with stack(endpoint.url) as running:
            address = await serve_temporal(running, default_server=options.default_server)
            site = await serve_namespace(running, address, temporal_server.NAMESPACE)
            rows = _rows(site, endpoint.url, running.token_key)
            return await flows_in_rounds(rows, endpoint, [os.getpid(), *running.pids.values()], options)


def _rows(site: Site, functions: str, key: str) -> list[Row]:
    caller = {"caller": os.getpid()}
    return [
        ByHand(BY_HAND, {**site.by_hand, **caller}, site.client, BY_HAND_QUEUE, True),
        ByLink(BY_LINK, {**site.over_http, **caller}, site.client, site.url, functions, key),
    ]


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    yield "event→step: from the beginning of the update, or of the link's call over HTTP, to the next action's call;"
    yield "the flow by hand calls its functions through AWS' library, the other one by plain HTTP"
    yield f"{comparison(turns, BY_LINK, BY_HAND)}, {latency(turns, BY_LINK, BY_HAND)}"
    yield repetitions(turns)
    yield load_of_others(turns)


if __name__ == "__main__":
    compare(measure, lines)
