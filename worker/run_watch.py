"""Watching runs: whoever looks at a run is told whenever it has changed, without asking again and again.

There is one watcher for each run that is looked at, however many look. It sleeps in Temporal's own long poll of the
run's history, and asks the run for its snapshot only when something has been added; so a run that rests costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError, TerminatedError
from temporalio.service import RPCError

from definitions.contract import ClosedRun, RunSnapshot
from definitions.errors import Overloaded, Unavailable
from worker.rpc import RPC_SECONDS, bounded

#: Runs that are watched at once by one process: each holds a long poll, of which Temporal allows a number.
WATCHED_AT_ONCE = 500
#: Snapshots that are asked for at once, so that watching leaves the workers to others.
LOOKS_AT_ONCE = 8
#: Seconds between two looks at one run; what happens in between is seen by the second.
LOOK_SECONDS = 0.25
#: Seconds for one long poll. The server answers within 20 s, if only to say that nothing has happened.
POLL_SECONDS = 40.0
#: Seconds until it is tried again when Temporal, or every worker, is away.
RETRY_SECONDS = 1.0
PAGE_EVENTS = 200

_ENDED = frozenset({"succeeded", "failed", "cancelled"})

#: Reads the snapshot of a run, known by its workflow id.
Look = Callable[[str], Awaitable[RunSnapshot]]


@dataclass(frozen=True)
class Seen:
    """A run as it was at one look; `number` counts the looks from 1. After an `ended` one there is no other."""

    number: int
    snapshot: RunSnapshot

    @property
    def ended(self) -> bool:
        return self.snapshot.status in _ENDED


class Watch:
    """One run as it is now, for all who look at it."""

    def __init__(self) -> None:
        self._seen: Seen | None = None
        self._failure: BaseException | None = None
        self._changed = asyncio.Event()

    async def after(self, number: int) -> Seen:
        """The newest look, once there is one after the look `number` (0: any). Raises what has ended the watch."""
        while True:
            if self._seen is not None and self._seen.number > number:
                return self._seen
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()

    def show(self, snapshot: RunSnapshot) -> None:
        self._seen = Seen(1 if self._seen is None else self._seen.number + 1, snapshot)
        self._wake()

    def fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._wake()

    @property
    def begun(self) -> bool:
        return self._seen is not None

    def _wake(self) -> None:
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()


@dataclass
class _Watched:
    watch: Watch
    task: asyncio.Task[None]
    watchers: int = 0


class RunWatches:
    """The runs that somebody in this process looks at."""

    def __init__(self, client: Client, look: Look, seconds: float = RPC_SECONDS) -> None:
        self._client = client
        self._look = look
        self._seconds = seconds
        self._watched: dict[str, _Watched] = {}
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)

    def __len__(self) -> int:
        return len(self._watched)

    @asynccontextmanager
    async def watch(self, workflow_id: str) -> AsyncIterator[Watch]:
        """Look at a run for as long as the block lasts. Raises Overloaded if too many runs are looked at.

        What `Watch.after` raises at first is NotFound, Overloaded or Unavailable; later it waits until a part that is
        away has come back.
        """
        watched = self._watched.get(workflow_id) or self._begin(workflow_id)
        watched.watchers += 1
        try:
            yield watched.watch
        finally:
            watched.watchers -= 1
            if not watched.watchers:
                self._watched.pop(workflow_id, None)
                watched.task.cancel()

    def _begin(self, workflow_id: str) -> _Watched:
        if len(self._watched) >= WATCHED_AT_ONCE:
            raise Overloaded(f"this server watches {WATCHED_AT_ONCE} runs already", 5)
        watch = Watch()
        task = asyncio.ensure_future(self._follow(workflow_id, watch))
        task.add_done_callback(lambda done: None if done.cancelled() else _end(done, watch))
        watched = self._watched[workflow_id] = _Watched(watch, task)
        return watched

    async def _follow(self, workflow_id: str, watch: Watch) -> None:
        """Until the run has ended. A failure before the first look ends it; a later one is waited out."""
        while True:
            try:
                await self._follow_once(workflow_id, watch)
                return
            except (Unavailable, Overloaded):
                if not watch.begun:
                    raise
            except RPCError:  # a page token of a server that is no more
                if not watch.begun:
                    raise
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow_once(self, workflow_id: str, watch: Watch) -> None:
        execution, known = await self._latest(workflow_id)
        ended = await self._looked(workflow_id, watch)
        token = b""
        while not ended:
            page = await self._page(workflow_id, execution, token)
            last = page.history.events[-1] if page.history.events else None
            following = _following(last)
            if following:
                execution, known, token = following, 0, b""
            else:
                token = page.next_page_token
            if following or (last is not None and last.event_id > known):
                ended = await self._looked(workflow_id, watch)
                await asyncio.sleep(LOOK_SECONDS)
            if not (token or following or ended):
                # It has closed, but what it shows is another execution by now: a resumption, which is followed too.
                await asyncio.sleep(RETRY_SECONDS)
                (execution, _), known = await self._latest(workflow_id), 0

    async def _latest(self, workflow_id: str) -> tuple[str, int]:
        """The latest execution's run id, and how many events it has."""
        request = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        call = self._client.workflow_service.describe_workflow_execution(
            request, retry=True, timeout=timedelta(seconds=self._seconds)
        )
        info = (await bounded(call, seconds=self._seconds, missing="no such run")).workflow_execution_info
        return info.execution.run_id, info.history_length

    async def _looked(self, workflow_id: str, watch: Watch) -> bool:
        async with self._looks:
            snapshot = await self._look(workflow_id)
        watch.show(snapshot)
        return snapshot.status in _ENDED

    async def _page(self, workflow_id: str, execution: str, token: bytes) -> GetWorkflowExecutionHistoryResponse:
        """The events after the token, as soon as there are any; none if there are none for a while."""
        request = GetWorkflowExecutionHistoryRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=execution),
            maximum_page_size=PAGE_EVENTS,
            next_page_token=token,
            wait_new_event=True,
            skip_archival=True,
        )
        call = self._client.workflow_service.get_workflow_execution_history(
            request, retry=True, timeout=timedelta(seconds=POLL_SECONDS)
        )
        return await bounded(call, seconds=POLL_SECONDS, missing="no such run")


def _following(last: HistoryEvent | None) -> str:
    """The run id of the execution that a closing event is followed by, if it is."""
    if last is None:
        return ""
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
        return last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    return ""


def _end(done: asyncio.Task[None], watch: Watch) -> None:
    failure = done.exception()
    if failure is not None:
        watch.fail(failure)


async def outcome_within(handle: WorkflowHandle[Any, Any], seconds: float) -> ClosedRun | None:
    """How a run has ended, if it ends within so many seconds; asks nothing meanwhile.

    Raises NotFound, Overloaded, Unavailable.
    """
    try:
        output = await bounded(handle.result(), seconds=seconds, missing="no such run")
    except WorkflowFailureError as error:
        stopped = isinstance(error.cause, CancelledError | TerminatedError)
        return ClosedRun(handle.id, "cancelled" if stopped else "failed", error=str(error.cause))
    except Unavailable as error:
        if error.__cause__ is None:  # our own limit has passed
            return None
        raise
    return ClosedRun(handle.id, "succeeded", output)
