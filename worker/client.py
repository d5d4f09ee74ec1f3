"""How to talk to runs, definitions and secrets on Temporal: the only module of `worker` that `adapter` imports.

Every method bounds its time and raises the errors of `definitions.errors`: `Unavailable` (Temporal or every worker is
away), `Overloaded`, `NotFound`, `RunClosed` and what each says besides. Nothing read after a write goes through
visibility; only `list_*` does, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

from definitions import ids
from definitions.contract import (
    BranchOutcome,
    ClosedRun,
    DefinitionFacts,
    DeliveryOutcome,
    Event,
    MailboxAddress,
    PostEvent,
    PostOutcome,
    ResumeInput,
    RunFacts,
    RunSnapshot,
    StoreChange,
    UseStore,
    VersionFacts,
)
from definitions.errors import InputInvalid, TidegateError
from definitions.model import Definition
from worker.activities import team_executors
from worker.branch_client import BranchClient
from worker.catalog_client import CatalogClient
from worker.claims import LONGEST, Claim, Wanted, claim, release, standing
from worker.code_client import inspect_code
from worker.event_client import EventClient
from worker.listing import list_children, list_runs
from worker.mailbox_client import MailboxClient
from worker.resume_client import ResumeClient
from worker.rpc import RPC_SECONDS, bounded
from worker.run_client import RunClient
from worker.run_watch import RunWatches, Watch, outcome_within
from worker.secrets import SecretBox, SecretInvalid
from worker.value_client import Values
from worker.views import RunDescription, RunPage, RunQuery

__all__ = [
    "Claim",
    "RunDescription",
    "RunPage",
    "RunQuery",
    "SecretBox",
    "SecretInvalid",
    "TidegateClient",
    "Watch",
    "entity_task_queue",
    "team_executors",
]

T = TypeVar("T")

#: What the status of a run's snapshot is once it has ended.
ENDED = frozenset({"succeeded", "failed", "cancelled"})
#: A poller that has not asked for this long is gone: a poll lasts one minute.
POLLER_SECONDS = 70.0


def entity_task_queue(task_queue: str) -> str:
    """Entities have a task queue of their own: a burst of runs cannot keep them waiting."""
    return f"{task_queue}-entities"


def mailbox_task_queue(task_queue: str) -> str:
    """Mailboxes too: a run's worker must never wait for a mailbox that needs the same worker."""
    return f"{task_queue}-mailboxes"


class TidegateClient(EventClient):
    """One connection to Temporal; cheap to share, safe to use from many requests at once."""

    def __init__(self, client: Client, task_queue: str = "tidegate", rpc_seconds: float = RPC_SECONDS) -> None:
        self.temporal = client
        self.task_queue = task_queue
        self._seconds = rpc_seconds
        self._branches = BranchClient(client, rpc_seconds)
        self._runs = RunClient(client, task_queue, rpc_seconds)
        #: Runs that somebody looks at, by their workflow ids.
        self.watches = RunWatches(client, self._runs.snapshot, rpc_seconds)
        self._resumes = ResumeClient(client, task_queue, self._runs, rpc_seconds)
        self._values = Values(client, entity_task_queue(task_queue), rpc_seconds)
        self._catalog = CatalogClient(client, entity_task_queue(task_queue), rpc_seconds=rpc_seconds)
        self.mailboxes = MailboxClient(client, mailbox_task_queue(task_queue), rpc_seconds)
        self._init_events(client, entity_task_queue(task_queue), self._catalog, rpc_seconds)

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
        self,
        definition: Definition,
        facts: RunFacts,
        input: Any = None,
        *,
        start_at: datetime | None = None,
        max_attempts: int | None = None,
    ) -> tuple[RunDescription, bool]:
        """Start a run with the id that follows from `facts`; the bool tells whether this call made it.

        A run with the same id, running or closed, is returned as it is: a repeated request starts nothing.
        `start_at`, with a time zone, holds it back until then; what has passed holds nothing back. `max_attempts`, 1 to
        1,000, takes the place of the definition's own.
        """
        if max_attempts is not None:
            attempts = definition.attempts.model_copy(update={"maximum_attempts": max_attempts})
            definition = definition.model_copy(update={"attempts": attempts})
        return await self._runs.start(definition, facts, input, start_at)

    async def claim(
        self, dialect: str, organisation: str, scope: str, key: str, ttl: float, content_hash: str, run_id: str
    ) -> Claim:
        """Claim an idempotency key for a run, for `ttl` seconds; needs no worker.

        One of many callers gets a fresh claim; the others get that one's run and content hash, and decide whether it
        is a conflict. Every caller then calls `start_claimed`, since the first may have died before it did.
        """
        workflow_id = ids.claim_workflow_id(dialect, organisation, scope, key)
        wanted = Wanted(run_id, content_hash, timedelta(seconds=min(ttl, LONGEST.total_seconds())))
        queue = entity_task_queue(self.task_queue)
        return await claim(self.temporal, workflow_id, wanted, task_queue=queue, seconds=self._seconds)

    async def standing_claim(self, dialect: str, organisation: str, scope: str, key: str) -> Claim | None:
        """What a key stands for now, if for anything; makes no claim. Needs no worker."""
        workflow_id = ids.claim_workflow_id(dialect, organisation, scope, key)
        return await standing(self.temporal, workflow_id, seconds=self._seconds)

    async def release_claim(self, dialect: str, organisation: str, scope: str, key: str, run_id: str) -> None:
        """Free a key that stands for this run; one that stands for another is left alone. Needs no worker."""
        workflow_id = ids.claim_workflow_id(dialect, organisation, scope, key)
        await release(self.temporal, workflow_id, run_id, seconds=self._seconds)

    async def start_claimed(
        self,
        claim: Claim,
        definition: Definition,
        facts: RunFacts,
        input: Any = None,
        *,
        start_at: datetime | None = None,
        max_attempts: int | None = None,
    ) -> tuple[RunDescription, bool]:
        """Start the run that a claim names, or describe it; the bool tells whether this call started it.

        Raises NotFound for a run that has come and gone: a key may be remembered for longer than Temporal keeps runs.
        """
        if claim.may_start():
            facts = replace(facts, run_id=claim.run_id)
            return await self.start_run(definition, facts, input, start_at=start_at, max_attempts=max_attempts)
        return await self.describe_run(facts.dialect, facts.organisation, claim.run_id), False

    async def describe_run(self, dialect: str, organisation: str, run_id: str) -> RunDescription:
        """Raises NotFound. Needs no worker."""
        return await self.describe_workflow(ids.run_workflow_id(dialect, organisation, run_id))

    async def describe_workflow(self, workflow_id: str) -> RunDescription:
        """The same, of a run that is known by its workflow id."""
        return await self._runs.describe_workflow(workflow_id)

    async def snapshot(self, dialect: str, organisation: str, run_id: str) -> RunSnapshot:
        """State and records of an open or closed run. Needs a worker: Unavailable(part='worker') without one."""
        return await self._runs.snapshot(ids.run_workflow_id(dialect, organisation, run_id))

    async def read_run(self, dialect: str, organisation: str, run_id: str) -> tuple[RunDescription, RunSnapshot]:
        """Description and snapshot that agree, though the run ends while it is read. Needs a worker."""
        snapshot = await self.snapshot(dialect, organisation, run_id)
        description = await self.describe_run(dialect, organisation, run_id)
        if description.closed_at is not None and snapshot.status not in ENDED:
            snapshot = await self.snapshot(dialect, organisation, run_id)
        return description, snapshot

    async def deliver(
        self, dialect: str, organisation: str, run_id: str, event: Event, *, may_signal: bool = False
    ) -> DeliveryOutcome:
        """Deliver an event to a run; returns when it is durable.

        `event.id` is the delivery id: a repetition is answered with the first one's outcome. With `may_signal`, an
        event whose outcome the caller does not need is left as a signal when no worker is up.

        Raises NotFound, RunClosed, PayloadInvalid (with path), Overloaded, Unavailable.
        """
        return await self._runs.deliver(ids.run_workflow_id(dialect, organisation, run_id), event, may_signal)

    async def post_event(
        self, dialect: str, organisation: str, name: str, key: str | None, event: PostEvent
    ) -> PostOutcome:
        """Send an event to whichever run waits for its name and key, now or within the event's retention.

        Returns when it is durable; with `event.wait` when a run has taken it, or none does now. `event.id` and the
        idempotency key make a repetition a duplicate. The scope of both is organisation, name and key.

        Raises Conflict (the same idempotency key with another payload), TooLarge, Overloaded, Unavailable.
        """
        return await self.mailboxes.post(MailboxAddress(organisation, dialect, name, key), event)

    async def deliver_link(self, workflow_id: str, event: Event) -> DeliveryOutcome:
        """Deliver what the caller of a link has sent, to the one wait that the link names (`event.wait`).

        Raises NotFound or RunClosed for a wait that has ended or never was, Overloaded, Unavailable.
        """
        return await self._runs.deliver(workflow_id, event, may_signal=False)

    async def took_link(self, workflow_id: str, delivery_id: str) -> bool:
        """Whether a run that may have ended took this delivery, of which its caller perhaps did not hear.

        Raises NotFound, Overloaded, Unavailable.
        """
        return await self._branches.took(workflow_id, delivery_id)

    async def branch_outcome(self, workflow_id: str, branch: str, seconds: float) -> BranchOutcome:
        """What became of a branch's action: waits at most `seconds` for its end, and is `pending` then."""
        return await self._branches.outcome(workflow_id, branch, seconds)

    async def use_run_store(self, workflow_id: str, change: StoreChange) -> Any:
        """Use the store that the branches of a run share; the same `change.id` again changes nothing.

        Raises InputInvalid, NotANumber, TooLarge, RunClosed, Overloaded, Unavailable.
        """
        return await self._branches.use_store(workflow_id, change)

    async def pause_run(self, dialect: str, organisation: str, run_id: str, paused: bool) -> None:
        """Have a run begin no further step, or go on; doing it twice changes nothing.

        Calls at work end, waits take their events, and deadlines pass while a run is paused. Raises NotFound,
        RunClosed, Overloaded, Unavailable.
        """
        await self._runs.pause(ids.run_workflow_id(dialect, organisation, run_id), paused)

    async def ended_within(self, workflow_id: str, seconds: float) -> bool:
        """Whether a run ends within so many seconds; asks nothing meanwhile, and needs no worker. Raises NotFound."""
        return await self.outcome(workflow_id, seconds) is not None

    async def outcome(self, workflow_id: str, seconds: float) -> ClosedRun | None:
        """How a run has ended, if it ends within so many seconds: its status, and its output or its error.

        Asks nothing meanwhile, and needs no worker. Raises NotFound, Overloaded, Unavailable.
        """
        return await outcome_within(self.temporal.get_workflow_handle(workflow_id), seconds)

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
        """Runs, newest first, through visibility: a run may show up a moment after its start.

        A namespace without our search attributes cannot tell which runs wait: InputInvalid if just these are asked for.
        """
        if query.waiting is not None and not await self._runs.search_attributes():
            if query.waiting:
                raise InputInvalid("which runs wait is known only where Tidegate's search attributes are registered")
            query = replace(query, waiting=None)
        return await self._in_time(list_runs(self.temporal, query, seconds=self._seconds))

    async def list_children(self, dialect: str, organisation: str, run_id: str) -> list[RunDescription]:
        """The children of a run, each as its latest execution is; through visibility."""
        workflow_id = ids.run_workflow_id(dialect, organisation, run_id)
        return await self._in_time(list_children(self.temporal, workflow_id, seconds=self._seconds))

    async def inspect_code(self, shim: str, source: str) -> list[str]:
        """The names that a source of code registers, found by a worker that runs its outermost code in the sandbox.

        Raises DefinitionError (`code-invalid` with the line, `code-too-large`, `code-unsupported`: no worker can run
        code), Overloaded, Unavailable(part='worker') if no worker looks at it in time.
        """
        return await inspect_code(self.temporal, self.task_queue, shim, source)

    # --- the organisation's durable values ---

    async def use_store(self, request: UseStore) -> Any:
        """One operation on a value, as `StoreStep` says; the same `request.id` again changes nothing.

        `get` needs no worker. Raises InputInvalid (key, expiry), TooLarge, NotANumber, Overloaded, Unavailable.
        """
        return await self._values.use(request)

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

    async def change_tags(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        tags: Mapping[str, int],
        remove: Sequence[str] = (),
        unless: str | None = None,
        only: str | None = None,
    ) -> None:
        """Set and remove tags at once; idempotent. Raises as `set_tag`, and if the tag `unless` is there AlreadyExists,
        if the tag `only` is not there NotFound."""
        await self._catalog.change_tags(dialect, organisation, definition_id, tags, remove, unless, only)

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
