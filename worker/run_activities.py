"""The interpreter's own activities: what it asks of Temporal and the catalog."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from definitions import contract, ids
from definitions.contract import (
    ChildStart,
    ClosedRun,
    PostOutcome,
    ResolveChildren,
    ResolvedChild,
    ResolvedChildren,
    ResumeInput,
    SendEvent,
    UseStore,
    VersionFacts,
)
from definitions.dialects import DIALECTS
from definitions.errors import (
    DefinitionError,
    InputInvalid,
    NotFound,
    NotResumable,
    Overloaded,
    TidegateError,
    Unavailable,
)
from definitions.model import Definition
from worker.activities import team_executors
from worker.failures import failure
from worker.state import size

if TYPE_CHECKING:
    from worker.client import TidegateClient

T = TypeVar("T")

HEARTBEAT_SECONDS = 5.0
#: Bytes of what one activity returns, about: what does not fit is asked for again.
RESULT_BYTES = 1_000_000


def _fitting(closed: Iterable[ClosedRun]) -> Iterator[ClosedRun]:
    room = RESULT_BYTES
    for place, run in enumerate(closed):
        room -= size(run.output)
        if place and room < 0:
            return
        yield run


class RunActivities:
    """Activities over one client."""

    def __init__(self, tidegate: TidegateClient, temporal: Client) -> None:
        self._tidegate = tidegate
        self._temporal = temporal

    def all(self) -> list[Callable[..., Coroutine[Any, Any, Any]]]:
        return [
            self.resolve_children,
            self.await_runs,
            self.resume_runs,
            self.resume_run,
            self.cancel_run,
            self.use_store,
            self.send_event,
        ]

    @activity.defn(name=contract.RESOLVE_CHILDREN)
    async def resolve_children(self, request: ResolveChildren) -> ResolvedChildren:
        """Find, compile and check what children are started from. A fault of the definition is not retried."""
        result = ResolvedChildren({}, [])
        compiled: dict[str, Definition] = {}
        versions: dict[tuple[Any, ...], VersionFacts] = {}
        taken = 0
        for start in request.starts:
            try:
                key = (start.definition_name, start.tag, start.version_number, start.version_id)
                if key not in versions:
                    versions[key] = await self._version(request, start)
                version = versions[key]
                if version.version_id not in compiled:
                    compiled[version.version_id] = DIALECTS[request.dialect].compile_text(
                        version.text, executors=team_executors()
                    )
                definition = compiled[version.version_id]
                DIALECTS[request.dialect].check_input(definition, start.input is not None, start.input)
            except (NotFound, DefinitionError, InputInvalid) as error:
                raise ApplicationError(
                    f"child {start.key!r} ({start.definition_name}): {error.message}",
                    type="child-invalid",
                    non_retryable=True,
                ) from error
            if version.version_id not in result.definitions:
                dumped = definition.dump()
                taken += size(dumped)
                if result.children and taken > RESULT_BYTES:
                    return result
                result.definitions[version.version_id] = dumped
            result.children.append(
                ResolvedChild(
                    start.key, version.definition_id, start.definition_name, version.version_id, version.number
                )
            )
        return result

    async def _version(self, request: ResolveChildren, start: ChildStart) -> VersionFacts:
        dialect, organisation = request.dialect, request.organisation
        definition_id = ids.definition_id(dialect, organisation, start.definition_name)
        number = start.version_number
        if start.tag is not None:
            facts = await self._tidegate.describe_definition(dialect, organisation, definition_id)
            number = facts.tags.get(start.tag)
        elif start.version_id is not None:
            number = ids.version_number(definition_id, start.version_id)
        if number is None:
            raise NotFound(f"no version {start.tag or start.version_id!r}")
        return await self._tidegate.get_version(dialect, organisation, definition_id, number)

    @activity.defn(name=contract.AWAIT_RUNS)
    async def await_runs(self, workflow_ids: list[str]) -> list[ClosedRun]:
        """Return those of the runs that have ended, as soon as one has."""
        tasks = {asyncio.ensure_future(self._ended(workflow_id)) for workflow_id in workflow_ids}
        try:
            while True:
                done, _ = await asyncio.wait(tasks, timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                if done:
                    return list(_fitting(task.result() for task in done))
                activity.heartbeat()
        finally:
            for task in tasks:
                task.cancel()

    async def _ended(self, workflow_id: str) -> ClosedRun:
        handle = self._temporal.get_workflow_handle(workflow_id)
        try:
            output = await handle.result()
        except WorkflowFailureError as error:
            status = (await self._tidegate.describe_workflow(workflow_id)).status
            return ClosedRun(workflow_id, status, error=str(error.cause))
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return ClosedRun(workflow_id, "failed", error="the run is not found any more")
        return ClosedRun(workflow_id, "succeeded", output)

    @activity.defn(name=contract.RESUME_RUNS)
    async def resume_runs(self, workflow_ids: list[str]) -> None:
        """Resume each run that is failed or cancelled; those that are open or have succeeded are left alone."""
        for workflow_id in workflow_ids:
            activity.heartbeat()
            try:
                await self._tidegate.resume_workflow(workflow_id)
            except (NotResumable, NotFound):
                continue

    @activity.defn(name=contract.RESUME_RUN)
    async def resume_run(self, claim: ResumeInput) -> None:
        try:
            await self._tidegate.start_resumed(claim)
        except (NotResumable, NotFound) as error:
            raise failure(error) from error

    @activity.defn(name=contract.CANCEL_RUN)
    async def cancel_run(self, workflow_id: str) -> None:
        try:
            # This execution and no other: by the time of a repetition the run may have been resumed.
            run_id = activity.info().workflow_run_id
            await self._temporal.get_workflow_handle(workflow_id, run_id=run_id).cancel()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise

    @activity.defn(name=contract.USE_STORE)
    async def use_store(self, request: UseStore) -> Any:
        return await _final(self._tidegate.use_store(request))

    @activity.defn(name=contract.SEND_EVENT)
    async def send_event(self, request: SendEvent) -> PostOutcome:
        to = request.address
        posting = self._tidegate.post_event(to.dialect, to.organisation, to.name, to.key, request.event)
        return await _final(posting)


async def _final(call: Coroutine[Any, Any, T]) -> T:
    """An answer that another attempt would get again ends the activity; who is away or busy is asked again."""
    try:
        return await call
    except (Overloaded, Unavailable):
        raise
    except TidegateError as error:
        raise failure(error) from error
