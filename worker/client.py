"""How to talk to runs, definitions and secrets on Temporal: the only module of `worker` that `adapter` imports.

Every method bounds its time and raises the errors of `definitions.errors`: `Unavailable` (Temporal or every worker is
away), `Overloaded`, `NotFound`, `RunClosed` and what each says besides. Nothing read after a write goes through
visibility; only `list_*` does, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from definitions import ids
from definitions.contract import (
    DefinitionFacts,
    DeliveryOutcome,
    Event,
    ResumeInput,
    RunFacts,
    RunSnapshot,
    VersionFacts,
)
from definitions.errors import TidegateError
from definitions.model import Definition
from worker.activities import team_executors
from worker.catalog_client import CatalogClient
from worker.listing import list_children, list_runs
from worker.resume_client import ResumeClient
from worker.rpc import RPC_SECONDS, bounded
from worker.run_client import RunClient
from worker.views import RunDescription, RunPage, RunQuery

__all__ = ["RunDescription", "RunPage", "RunQuery", "TidegateClient", "entity_task_queue", "team_executors"]

T = TypeVar("T")

#: A poller that has not asked for this long is gone: a poll lasts one minute.
POLLER_SECONDS = 70.0


def entity_task_queue(task_queue: str) -> str:
    """Entities have a task queue of their own: a burst of runs cannot keep them waiting."""
    return f"{task_queue}-entities"


class TidegateClient:
    """One connection to Temporal; cheap to share, safe to use from many requests at once."""

    def __init__(self, client: Client, task_queue: str = "tidegate", rpc_seconds: float = RPC_SECONDS) -> None:
        self.temporal = client
        self.task_queue = task_queue
        self._seconds = rpc_seconds
        self._runs = RunClient(client, task_queue, rpc_seconds)
        self._resumes = ResumeClient(client, task_queue, self._runs, rpc_seconds)
        self._catalog = CatalogClient(client, entity_task_queue(task_queue), rpc_seconds=rpc_seconds)

    @classmethod
    async def connect(
        cls, *, task_queue: str = "tidegate", rpc_seconds: float = RPC_SECONDS, lazy: bool = True
    ) -> TidegateClient:
        """A client of the Temporal that the standard environment (`TEMPORAL_ADDRESS`, …, profile file) names.

        It connects at its first use, and again whenever the connection is lost. A worker's may not be lazy: it connects
        now, and raises Unavailable if that fails.
        """
        config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
        config.setdefault("target_host", "localhost:7233")
        client = await bounded(Client.connect(**config, lazy=lazy), seconds=rpc_seconds)
        return cls(client, task_queue, rpc_seconds)

    # --- runs ---

    async def start_run(
        self, definition: Definition, facts: RunFacts, input: Any = None
    ) -> tuple[RunDescription, bool]:
        """Start a run with the id that follows from `facts`; the bool tells whether this call made it.

        A run with the same id, running or closed, is returned as it is: a repeated request starts nothing.
        """
        return await self._runs.start(definition, facts, input)

    async def describe_run(self, dialect: str, organisation: str, run_id: str) -> RunDescription:
        """Raises NotFound. Needs no worker."""
        return await self.describe_workflow(ids.run_workflow_id(dialect, organisation, run_id))

    async def describe_workflow(self, workflow_id: str) -> RunDescription:
        """The same, of a run that is known by its workflow id."""
        return await self._runs.describe_workflow(workflow_id)

    async def snapshot(self, dialect: str, organisation: str, run_id: str) -> RunSnapshot:
        """State and records of an open or closed run. Needs a worker: Unavailable(part='worker') without one."""
        return await self._runs.snapshot(ids.run_workflow_id(dialect, organisation, run_id))

    async def deliver(
        self, dialect: str, organisation: str, run_id: str, event: Event, *, may_signal: bool = False
    ) -> DeliveryOutcome:
        """Deliver an event to a run; returns when it is durable.

        `event.id` is the delivery id: a repetition is answered with the first one's outcome. With `may_signal`, an
        event whose outcome the caller does not need is left as a signal when no worker is up.

        Raises NotFound, RunClosed, PayloadInvalid (with path), Overloaded, Unavailable.
        """
        return await self._runs.deliver(ids.run_workflow_id(dialect, organisation, run_id), event, may_signal)

    async def cancel_run(self, dialect: str, organisation: str, run_id: str, *, request_id: str = "") -> None:
        """Ask a run to stop; waits a bounded time until it has. The same `request_id` again succeeds.

        Raises NotFound, RunClosed.
        """
        await self._runs.cancel(ids.run_workflow_id(dialect, organisation, run_id), request_id)

    async def resume_run(self, dialect: str, organisation: str, run_id: str, *, request_id: str = "") -> None:
        """Start a failed or cancelled run again after its last completed step, under the same id.

        Raises NotFound, NotResumable (also for the loser of two calls). The same `request_id` again succeeds.
        """
        await self._resumes.resume(ids.run_workflow_id(dialect, organisation, run_id), request_id)

    async def resume_workflow(self, workflow_id: str) -> None:
        """The same, of a run that is known by its workflow id."""
        await self._resumes.resume(workflow_id, "")

    async def start_resumed(self, claim: ResumeInput) -> None:
        """Carry out the resume that `claim` stands for; safe to repeat. For the claim's own activity."""
        await self._resumes.start_resumed(claim)

    async def list_runs(self, query: RunQuery) -> RunPage:
        """Runs, newest first, through visibility: a run may show up a moment after its start."""
        return await self._in_time(list_runs(self.temporal, query, seconds=self._seconds))

    async def list_children(self, dialect: str, organisation: str, run_id: str) -> list[RunDescription]:
        """The children of a run, each as its latest execution is; through visibility."""
        workflow_id = ids.run_workflow_id(dialect, organisation, run_id)
        return await self._in_time(list_children(self.temporal, workflow_id, seconds=self._seconds))

    # --- definitions ---

    async def register_definition(
        self, dialect: str, organisation: str, name: str, *, request_id: str = ""
    ) -> DefinitionFacts:
        """Raises AlreadyExists, unless it was made by the same `request_id`."""
        return await self._catalog.register_definition(dialect, organisation, name, request_id=request_id)

    async def describe_definition(self, dialect: str, organisation: str, definition_id: str) -> DefinitionFacts:
        """Raises NotFound. Needs no worker."""
        return await self._catalog.describe_definition(dialect, organisation, definition_id)

    async def list_definitions(self, dialect: str, organisation: str) -> list[DefinitionFacts]:
        """All, A to Z by name, through visibility; a definition is listed as soon as its registration has returned."""
        return await self._in_time(self._catalog.list_definitions(dialect, organisation))

    async def add_version(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        text: str,
        sha256: str,
        *,
        request_id: str = "",
        unless_tag: str | None = None,
    ) -> VersionFacts:
        """Add an immutable version, number +1; or return the version tagged `unless_tag` if its hash is the same.

        The same `request_id` again returns the same version. Raises NotFound. Needs a worker.
        """
        return await self._catalog.add_version(
            dialect, organisation, definition_id, text, sha256, request_id=request_id, unless_tag=unless_tag
        )

    async def get_version(self, dialect: str, organisation: str, definition_id: str, number: int) -> VersionFacts:
        """Raises NotFound. Needs no worker."""
        return await self._catalog.get_version(dialect, organisation, definition_id, number)

    async def list_versions(self, dialect: str, organisation: str, definition_id: str) -> list[VersionFacts]:
        """All versions, newest first; not through visibility. Raises NotFound."""
        return await self._in_time(self._catalog.list_versions(dialect, organisation, definition_id))

    async def set_tag(self, dialect: str, organisation: str, definition_id: str, tag: str, number: int) -> None:
        """Idempotent. Raises NotFound for an unknown definition or version number. Needs a worker."""
        await self._catalog.set_tag(dialect, organisation, definition_id, tag, number)

    # --- secrets ---

    async def put_secret(self, organisation: str, name: str, sealed: str) -> None:
        """Keep a sealed (encrypted) secret, replacing an earlier one."""
        await self._catalog.put_secret(organisation, name, sealed)

    async def get_secret(self, organisation: str, name: str) -> str:
        """The sealed secret. Raises NotFound. Needs no worker."""
        return await self._catalog.get_secret(organisation, name)

    async def _in_time(self, listing: Coroutine[Any, Any, T]) -> T:
        """A list takes many calls, and is bounded as one is."""
        return await bounded(listing, seconds=self._seconds)

    # --- health ---

    async def health(self) -> Mapping[str, bool]:
        """{'temporal': …, 'worker': …}: worker means that some worker polls the task queue. Never raises."""
        request = DescribeTaskQueueRequest(
            namespace=self.temporal.namespace,
            task_queue=TaskQueue(name=self.task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
        call = self.temporal.workflow_service.describe_task_queue(request, timeout=timedelta(seconds=self._seconds))
        try:
            found = await bounded(call, seconds=self._seconds)
        except (TidegateError, RPCError):
            return {"temporal": False, "worker": False}
        oldest = time.time() - POLLER_SECONDS
        return {"temporal": True, "worker": any(p.last_access_time.ToSeconds() > oldest for p in found.pollers)}
