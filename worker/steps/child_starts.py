"""Starting the children of a step: which there are, what they are started from, and the start itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ChildWorkflowCancellationType, ParentClosePolicy

from definitions import ids
from definitions.contract import (
    MEMO,
    RESOLVE_CHILDREN,
    RUN_WORKFLOW,
    ChildStart,
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
from worker.lineage import extended
from worker.state import size
from worker.steps.base import StepFailed, Visit, raise_if_stopped

CHILDREN_LIMIT = 1_000
#: Children of children: a definition that starts itself would fill Temporal otherwise.
DEPTH_LIMIT = 10
STARTS_AT_ONCE = 100
#: Bytes of inputs that are sent to be checked at a time.
INPUT_BYTES = 1_000_000

Child = dict[str, Any]
NEW: Child = {"status": "new"}
#: A child that was started, with its handle; without one if it had been started before.
Started = tuple[Child, "workflow.ChildWorkflowHandle[Any, Any] | None"]


async def start_new(visit: Visit, step: ChildrenStep) -> list[Started]:
    """Start those children that have not been, and note all by key in the visit's memory. Raises StepFailed."""
    if visit.run.facts.depth >= DEPTH_LIMIT:
        raise StepFailed("children-too-deep", f"children of children are started {DEPTH_LIMIT} levels deep at most")
    known = visit.frame.memory.get("children", {})
    starts = [start for start in _starts(visit, step) if known.get(start[0].key, NEW)["status"] == "new"]
    resolved = await _resolve(visit, [start for start, _, _ in starts])
    sizes = {version_id: size(definition) for version_id, definition in resolved.definitions.items()}
    # Only now: a visit whose definitions were not found has not begun with any child.
    children: dict[str, Child] = visit.frame.memory.setdefault("children", {})
    upcoming: list[tuple[Child, RunInput, int]] = []
    for (start, child_id, index), found in zip(starts, resolved.children, strict=True):
        facts = _facts(visit, found)
        children[start.key] = child = {
            "id": child_id,
            "index": index,
            "runId": facts.run_id,
            "definition": facts.definition_name,
            "status": "new",
        }
        argument = RunInput(
            resolved.definitions[facts.version_id], facts, start.input, search_attributes=visit.run.search_attributes
        )
        upcoming.append((child, argument, sizes[facts.version_id] + size(start.input)))
    started: list[Started] = []
    for at in range(0, len(upcoming), STARTS_AT_ONCE):
        started += await asyncio.gather(*(_start_one(visit, *one) for one in upcoming[at : at + STARTS_AT_ONCE]))
    return started


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
    """Find and compile all definitions: in parts, as each must fit into what Temporal takes."""
    facts = visit.run.facts
    resolved = ResolvedChildren({}, [])
    while left := starts[len(resolved.children) :]:
        argument = ResolveChildren(facts.organisation, facts.dialect, list(_together(left)))
        try:
            part: ResolvedChildren = await workflow.execute_activity(
                RESOLVE_CHILDREN,
                argument,
                result_type=ResolvedChildren,
                start_to_close_timeout=timedelta(seconds=30),
                summary=short(f"find the definitions of {visit.step}"),
            )
        except ActivityError as error:
            raise_if_stopped(error)
            cause = error.cause
            if isinstance(cause, ApplicationError):
                raise StepFailed(cause.type or "child-invalid", cause.message) from error
            raise StepFailed("child-invalid", str(cause or error)) from error
        resolved.children += part.children
        resolved.definitions |= part.definitions
    return resolved


def _together(starts: list[ChildStart]) -> Iterator[ChildStart]:
    """The first of the starts, as many as may be sent at a time."""
    room = INPUT_BYTES
    for place, start in enumerate(starts):
        room -= size(start.input)
        if place and room < 0:
            return
        yield start


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
        depth=parent.depth + 1,
        lineage=extended(parent),
    )


async def _start_one(visit: Visit, child: Child, argument: RunInput, taken: int) -> Started:
    facts = argument.facts
    await visit.run.pace.room(taken)
    child["workflowId"] = _workflow_id(facts)
    try:
        handle = await workflow.start_child_workflow(
            RUN_WORKFLOW,
            argument,
            id=child["workflowId"],
            # Its id belongs to this visit: if it has ended already, it was started before this state was taken up.
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            parent_close_policy=ParentClosePolicy.ABANDON,
            cancellation_type=ChildWorkflowCancellationType.ABANDON,
            memo={MEMO: asdict(facts)},
            search_attributes=start_attributes(facts) if argument.search_attributes else None,
            static_summary=summary(facts),
        )
    except WorkflowAlreadyStartedError:
        handle = None
    child["status"] = "running"
    return child, handle


def _workflow_id(facts: RunFacts) -> str:
    return ids.run_workflow_id(facts.dialect, facts.organisation, facts.run_id)
