"""`children`: start runs of other definitions, wait for all.

Children are Temporal child workflows that outlive their parent. While the parent stays the same run, Temporal tells it
how they end; after continue-as-new or resume one activity watches those still open. A resume keeps what has succeeded
and resumes what has not.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from definitions import ids
from definitions.contract import (
    AWAIT_RUNS,
    MEMO,
    RESOLVE_CHILDREN,
    RESUME_RUNS,
    RUN_WORKFLOW,
    ChildStart,
    ClosedRun,
    ParentRef,
    ResolveChildren,
    ResolvedChild,
    ResolvedChildren,
    RunFacts,
    RunInput,
    timestamp,
)
from definitions.model import ChildrenStep
from worker.attributes import short, start_attributes, summary
from worker.steps.base import Done, StepFailed, Visit, stopping

CHILDREN_LIMIT = 1_000
STARTS_AT_ONCE = 100

Child = dict[str, Any]


async def run(visit: Visit, step: ChildrenStep) -> Done:
    memory = visit.frame.memory
    watchers: list[asyncio.Task[None]] = []
    try:
        async with stopping(watchers):
            await _begin(visit, step, watchers)
            await workflow.wait_condition(lambda: all(c["status"] != "running" for c in memory["children"].values()))
    except asyncio.CancelledError:
        if step.cancel_children:
            await _cancel(memory.get("children", {}))
        raise
    return _result(step, memory["children"])


async def _begin(visit: Visit, step: ChildrenStep, watchers: list[asyncio.Task[None]]) -> None:
    """Have every child running and watched: started, resumed, or found running when the state was taken up again."""
    memory = visit.frame.memory
    with visit.run.working():
        await _resume(memory.get("children", {}))
        if any(child["status"] == "running" for child in memory.get("children", {}).values()):
            watchers.append(asyncio.ensure_future(_attend(memory["children"])))
        if "children" not in memory or any(child["status"] == "new" for child in memory["children"].values()):
            await _start(visit, step, watchers)


async def _start(visit: Visit, step: ChildrenStep, watchers: list[asyncio.Task[None]]) -> None:
    starts = _starts(visit, step)
    resolved = await _resolve(visit, [start for start, _, _ in starts])
    by_key = {child.key: child for child in resolved.children}
    children: dict[str, Child] = visit.frame.memory.setdefault("children", {})
    inputs: list[tuple[Child, RunInput]] = []
    for start, child_id, index in starts:
        if children.get(start.key, {"status": "new"})["status"] != "new":
            continue
        facts = _facts(visit, by_key[start.key])
        children[start.key] = child = {
            "id": child_id,
            "index": index,
            "runId": facts.run_id,
            "definition": facts.definition_name,
            "status": "new",
        }
        definition = resolved.definitions[facts.version_id]
        inputs.append((child, RunInput(definition, facts, start.input, search_attributes=visit.run.search_attributes)))
    for at in range(0, len(inputs), STARTS_AT_ONCE):
        chunk = inputs[at : at + STARTS_AT_ONCE]
        watchers += await asyncio.gather(*(_start_one(step, child, argument) for child, argument in chunk))


def _starts(visit: Visit, step: ChildrenStep) -> list[tuple[ChildStart, str, int | None]]:
    starts: list[tuple[ChildStart, str, int | None]] = []
    for child in step.children:
        ref = child.definition
        base = ChildStart("", ref.name, visit.input, ref.tag, ref.version_number, ref.version_id)
        if child.for_each is None:
            starts.append((replace(base, key=child.id), child.id, None))
            continue
        items = visit.evaluate(child.for_each, **{"$input": visit.input})
        if not isinstance(items, list):
            raise StepFailed("items-invalid", f"child {child.id!r}: forEach does not give a list")
        starts += [(replace(base, key=f"{child.id}/{i}", input=item), child.id, i) for i, item in enumerate(items)]
    if len(starts) > CHILDREN_LIMIT:
        raise StepFailed(
            "too-many-children", f"{len(starts)} children; at most {CHILDREN_LIMIT} are started by one step"
        )
    return starts


async def _resolve(visit: Visit, starts: list[ChildStart]) -> ResolvedChildren:
    facts = visit.run.facts
    try:
        resolved: ResolvedChildren = await workflow.execute_activity(
            RESOLVE_CHILDREN,
            ResolveChildren(facts.organisation, facts.dialect, starts),
            result_type=ResolvedChildren,
            start_to_close_timeout=timedelta(seconds=30),
            summary=short(f"find the definitions of {visit.step}"),
        )
        return resolved
    except ActivityError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise StepFailed(cause.type or "child-invalid", cause.message) from error
        raise StepFailed("child-invalid", str(cause or error)) from error


def _facts(visit: Visit, child: ResolvedChild) -> RunFacts:
    parent = visit.run.facts
    run_id = ids.run_id(
        parent.organisation, child.definition_id, child.version_number, [parent.run_id, visit.id, child.key], child=True
    )
    workflow_id = ids.run_workflow_id(parent.dialect, parent.organisation, parent.run_id)
    return RunFacts(
        organisation=parent.organisation,
        dialect=parent.dialect,
        run_id=run_id,
        definition_id=child.definition_id,
        definition_name=child.definition_name,
        version_id=child.version_id,
        version_number=child.version_number,
        created_at=timestamp(visit.run.now()),
        submitted_by=parent.submitted_by,
        root_run_id=parent.root_run_id or parent.run_id,
        parent=ParentRef(workflow_id, parent.run_id, visit.step, parent.definition_name),
    )


async def _start_one(step: ChildrenStep, child: Child, argument: RunInput) -> asyncio.Task[None]:
    facts = argument.facts
    workflow_id = _workflow_id(facts)
    child["workflowId"] = workflow_id
    try:
        handle = await workflow.start_child_workflow(
            RUN_WORKFLOW,
            argument,
            id=workflow_id,
            parent_close_policy=ParentClosePolicy.ABANDON,
            cancellation_type=ChildWorkflowCancellationType.ABANDON,
            memo={MEMO: asdict(facts)},
            search_attributes=start_attributes(facts) if argument.search_attributes else None,
            static_summary=summary(facts),
        )
    except WorkflowAlreadyStartedError:
        child["status"] = "running"
        return asyncio.ensure_future(_attend({"": child}))
    child["status"] = "running"
    return asyncio.ensure_future(_watch(handle, child))


def _workflow_id(facts: RunFacts) -> str:
    return ids.run_workflow_id(facts.dialect, facts.organisation, facts.run_id)


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
        closed = await workflow.execute_activity(
            AWAIT_RUNS,
            open_ids,
            result_type=list[ClosedRun],
            start_to_close_timeout=timedelta(days=3650),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=30)),
            summary=f"{len(open_ids)} children",
        )
        ended = {run.workflow_id: run for run in closed}
        for child in children.values():
            if child["status"] == "running" and (run := ended.get(child["workflowId"])) is not None:
                child.update(status=run.status, output=run.output, error=run.error)


async def _resume(children: dict[str, Child]) -> None:
    """Resume the children that had not succeeded when the parent was closed."""
    chosen = [child for child in children.values() if child["status"] == "to resume"]
    if not chosen:
        return
    await workflow.execute_activity(
        RESUME_RUNS,
        [child["workflowId"] for child in chosen],
        start_to_close_timeout=timedelta(minutes=5),
        heartbeat_timeout=timedelta(seconds=30),
        summary=f"resume {len(chosen)} children",
    )
    for child in chosen:
        child.update(status="running", output=None, error=None)


async def _cancel(children: dict[str, Child]) -> None:
    for child in children.values():
        if child["status"] == "running":
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
