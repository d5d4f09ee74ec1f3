"""What the flows that are recorded are played on: a server of their own, a worker, and a Lambda endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.fernet import Fernet
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from definitions import contract, ids
from definitions.contract import Call
from definitions.dialects import DIALECTS
from tests.conftest import connect, free_port, server_command
from tests.lambda_endpoint import LambdaEndpoint
from tests.running import Runs, eventually, runs_on
from tests.worker.activities.local_server import LocalServer
from worker.activities import load_executors
from worker.activities.executor import Executor, Tools
from worker.secrets import SecretBox

LIBRARY = Path(__file__).parents[2] / "definitions" / "library" / "justworkflowit"
VENDOR = "justworkflowit"
#: After so many events Temporal suggests to continue as new, so that histories of it can be small.
SUGGEST_AFTER = 45
#: What actions call; it stands for the scene's own site.
SITE = "https://site.example.com"


@dataclass
class Scene:
    """One organisation on the recording server, and a site that it calls.

    `failures` is how often the team's executor fails before it works.
    """

    runs: Runs
    lambdas: LambdaEndpoint
    box: SecretBox
    site: LocalServer
    failures: list[str] = field(default_factory=list)

    @property
    def temporal(self) -> Client:
        return self.runs.tidegate.temporal

    def run_workflow(self, run_id: str, dialect: str = "native") -> str:
        return ids.run_workflow_id(dialect, self.runs.organisation, run_id)

    async def renew(self, run_id: str) -> None:
        """Have a parked run continue as new, and wait until it is parked again."""
        handle, before = self.runs.handle(run_id), (await self.runs.describe(run_id)).temporal_run_id
        await handle.signal(contract.CONTINUE_AS_NEW)
        await eventually(lambda: self.runs.describe(run_id), lambda d: d.temporal_run_id != before)
        await self.runs.parked(run_id)

    async def publish(self, name: str, text: str) -> str:
        """A live definition of the vendor's; its id."""
        client, organisation = self.runs.tidegate, self.runs.organisation
        facts = await client.register_definition(VENDOR, organisation, name, request_id=name)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        version = await client.add_version(VENDOR, organisation, facts.definition_id, text, sha256)
        await client.set_tag(VENDOR, organisation, facts.definition_id, "$LIVE", version.number)
        return facts.definition_id

    async def start_vendors(self, text: str, input: Any, name: str) -> str:
        """Start a run of a definition in the vendor's language; its run id."""
        facts = self.runs.facts(name)
        facts.dialect = VENDOR
        await self.runs.tidegate.start_run(DIALECTS[VENDOR].compile_text(text), facts, input)
        return facts.run_id

    async def vendors_parked(self, run_id: str) -> None:
        client, organisation = self.runs.tidegate, self.runs.organisation
        await eventually(lambda: client.snapshot(VENDOR, organisation, run_id), lambda s: bool(s.waits))

    async def send_vendors(self, run_id: str, name: str, payload: Any = ...) -> None:
        event = contract.Event(id=f"event-{run_id}-{name}", name=name)
        if payload is not ...:
            event.payload, event.has_payload = payload, True
        await self.runs.tidegate.deliver(VENDOR, self.runs.organisation, run_id, event)

    async def vendors_ended(self, run_id: str) -> None:
        client, organisation = self.runs.tidegate, self.runs.organisation
        run = await eventually(
            lambda: client.describe_run(VENDOR, organisation, run_id), lambda d: d.closed_at is not None
        )
        assert run.status == "succeeded", run

    async def executions(self, workflow_id: str) -> list[str]:
        """The Temporal run ids of a workflow id, oldest first: over continue-as-new and resume."""
        found: list[str] = []
        described = await self.temporal.get_workflow_handle(workflow_id).describe()
        following: str | None = described.run_id
        while following:
            found.insert(0, following)
            following = await self._before(workflow_id, following)
        return found

    async def _before(self, workflow_id: str, run_id: str) -> str | None:
        handle = self.temporal.get_workflow_handle(workflow_id, run_id=run_id)
        started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
        if started.continued_execution_run_id:
            return started.continued_execution_run_id
        memo = await (await handle.describe()).memo()
        resumed: str | None = memo.get(contract.MEMO, {}).get("resumed_from")
        return resumed


#: What a flow returns: label -> workflow id. An empty label is the flow itself.
Kept = dict[str, str]
Flow = Callable[[Scene], Awaitable[Kept]]


def vendors_text(name: str) -> str:
    return (LIBRARY / f"{name}.json").read_text()


@contextlib.asynccontextmanager
async def scene() -> AsyncIterator[Scene]:
    """A fresh server and worker; all gone at the end."""
    port = free_port()
    limit = ["--dynamic-config-value", f"limit.historyCount.suggestContinueAsNew={SUGGEST_AFTER}"]
    server = await asyncio.create_subprocess_exec(
        *server_command(port), *limit, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with LambdaEndpoint() as lambdas, patch.dict("os.environ", lambdas.environment()):
            async with _played(await connect(f"127.0.0.1:{port}"), lambdas) as made:
                yield made
    finally:
        server.terminate()
        await asyncio.wait_for(server.wait(), 10)


@contextlib.asynccontextmanager
async def _played(client: Client, lambdas: LambdaEndpoint) -> AsyncIterator[Scene]:
    key = Fernet.generate_key().decode()
    failures: list[str] = []

    async def flaky(call: Call, tools: Tools) -> Any:
        """A team's own executor: fails as often as asked, then echoes its input."""
        if failures:
            raise ApplicationError(failures.pop(), type="team-service-down")
        return {"echo": call.input}

    executors = {**load_executors(), "team_flaky": Executor(flaky)}
    with patch("worker.activities.activity.load_executors", lambda: executors), LocalServer() as site:
        rewrite = ((SITE, site.url("")),)
        async with runs_on(client, "tidegate", secret_keys=(key,), http_rewrite=rewrite) as runs:
            runs.organisation = "acme"
            yield Scene(runs, lambdas, SecretBox((key,)), site, failures)
