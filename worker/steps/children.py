"""`children`: start runs of other definitions, wait for all.

Children are Temporal child workflows that outlive their parent. While the parent stays the same run, Temporal tells it
how they end; after continue-as-new or resume one activity watches those still open. A resume keeps what has succeeded
and resumes what has not.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, ChildWorkflowError

from definitions.contract import AWAIT_RUNS, RESUME_RUNS, ClosedRun
from definitions.model import ChildrenStep
from worker.steps.base import Done, StepFailed, Visit, raise_if_stopped, stopping
from worker.steps.child_starts import Child, start_new


async def run(visit: Visit, step: ChildrenStep) -> Done:
    memory = visit.frame.memory
    watchers: list[asyncio.Task[None]] = []
    try:
        async with stopping(watchers):
            await _begin(visit, step, watchers)
            await workflow.wait_condition(lambda: _ended(memory["children"]) or _failure(watchers) is not None)
    except asyncio.CancelledError:
        if step.cancel_children:
            await _cancel(memory.get("children", {}))
        raise
    if not _ended(memory["children"]):
        raise StepFailed("child-lost", f"the children cannot be watched: {_failure(watchers)}")
    return _result(step, memory["children"])


def _ended(children: dict[str, Child]) -> bool:
    return all(child["status"] != "running" for child in children.values())


def _failure(watchers: list[asyncio.Task[None]]) -> BaseException | None:
    """Why one of the watchers has failed, if one has."""
    ended = (watcher for watcher in watchers if watcher.done() and not watcher.cancelled())
    return next((error for watcher in ended if (error := watcher.exception()) is not None), None)


async def _begin(visit: Visit, step: ChildrenStep, watchers: list[asyncio.Task[None]]) -> None:
    """Have every child running and watched: started, resumed, or found running when the state was taken up again."""
    memory = visit.frame.memory
    children: dict[str, Child] = memory.get("children", {})
    with visit.run.working():
        await _resume(children)
        if not _ended(children):
            watchers.append(asyncio.ensure_future(_attend(children)))
        if "children" not in memory or any(child["status"] == "new" for child in children.values()):
            for child, handle in await start_new(visit, step):
                watching = _attend({"": child}) if handle is None else _watch(handle, child)
                watchers.append(asyncio.ensure_future(watching))


async def _watch(handle: workflow.ChildWorkflowHandle[Any, Any], child: Child) -> None:
    try:
        child["output"] = await handle
        child["status"] = "succeeded"
    except ChildWorkflowError as error:
        child["status"] = "cancelled" if isinstance(error.cause, CancelledError) else "failed"
        child["error"] = str(error.cause or error)


async def _attend(children: dict[str, Child]) -> None:
    """Watch children that this run has no Temporal handle of: one activity, repeated until all have ended."""
    while open_ids := [c["workflowId"] for c in children.values() if c["status"] == "running"]:
        closed = await _await_runs(open_ids)
        ended = {one.workflow_id: one for one in closed}
        for child in children.values():
            if child["status"] == "running" and (run := ended.get(child["workflowId"])) is not None:
                child.update(status=run.status, output=run.output, error=run.error)


async def _await_runs(open_ids: list[str]) -> list[ClosedRun]:
    try:
        closed: list[ClosedRun] = await workflow.execute_activity(
            AWAIT_RUNS,
            open_ids,
            result_type=list[ClosedRun],
            start_to_close_timeout=timedelta(days=3650),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary=f"{len(open_ids)} children",
        )
        return closed
    except ActivityError as error:
        raise_if_stopped(error)
        raise StepFailed("child-lost", str(error.cause or error)) from error


async def _resume(children: dict[str, Child]) -> None:
    """Resume the children that had not succeeded when the parent was closed."""
    chosen = [child for child in children.values() if child["status"] == "to resume"]
    if not chosen:
        return
    try:
        await workflow.execute_activity(
            RESUME_RUNS,
            [child["workflowId"] for child in chosen],
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=30),
            summary=f"resume {len(chosen)} children",
        )
    except ActivityError as error:
        raise_if_stopped(error)
        raise StepFailed("child-failed", f"the children cannot be resumed: {error.cause or error}") from error
    for child in chosen:
        child.update(status="running", output=None, error=None)


async def _cancel(children: dict[str, Child]) -> None:
    for child in children.values():
        # Also one whose start was asked for and not yet confirmed.
        if child["status"] == "running" or (child["status"] == "new" and "workflowId" in child):
            try:
                await workflow.get_external_workflow_handle(child["workflowId"]).cancel()
            except ApplicationError:
                continue  # it has ended meanwhile


def _result(step: ChildrenStep, children: dict[str, Child]) -> Done:
    """The children in the order of the definition: a state that was carried over has them by key, `10` before `2`."""
    failed = [(key, child) for key, child in children.items() if child["status"] != "succeeded"]
    if failed:
        key, child = failed[0]
        raise StepFailed(
            "child-failed", f"child {key!r} {child['status']}: {child.get('error') or 'no reason is given'}"
        )
    places = {child.id: place for place, child in enumerate(step.children)}
    ordered = sorted(children.values(), key=lambda child: (places[child["id"]], child["index"] or 0))
    shown = ("id", "index", "runId", "definition", "status", "output")
    return Done({"children": [{k: c[k] for k in shown if c.get(k) is not None} for c in ordered]})
