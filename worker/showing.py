"""What a run shows of itself: its records of visits and events, its snapshot, its search attributes and details."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from temporalio import workflow
from temporalio.converter import value_to_type

from definitions import contract
from definitions.contract import (
    BranchOutcome,
    DeliveryOutcome,
    Event,
    RunFacts,
    RunSnapshot,
    StepRecord,
    StepStatus,
    WaitView,
)
from worker import attributes
from worker.state import RunState, read_records
from worker.steps.base import Done, StepFailed, Visit, clipped
from worker.waits import OpenWait


def visit_record(
    visit: Visit,
    status: StepStatus,
    done: Done | None = None,
    error: StepFailed | None = None,
    following: str | None = None,
) -> StepRecord:
    """The record of one visit of a step, as it stands now."""
    return StepRecord(
        id=visit.id,
        step=visit.step,
        visit=visit.number,
        status=status,
        label=visit.label,
        has_input=visit.has_input,
        input=visit.input,
        has_output=done is not None and done.has_output,
        output=done.output if done else None,
        started_at=visit.frame.entered_at,
        ended_at=contract.timestamp(workflow.now()),
        errors=[] if error is None else [error.message],
        next=None if following is None else clipped(following),
        logs=list(error.logs if error else done.logs if done else ()),
        code=error.code if error else None,
    )


def event_record(event: Event, outcome: DeliveryOutcome, step: str, label: str | None) -> StepRecord:
    """The record of one received event; `step` is where the run was."""
    return StepRecord(
        id=event.id,
        step=outcome.step or step,
        visit=0,
        status="success",
        label=label,
        source="event",
        has_output=event.has_payload,
        output=event.payload,
        started_at=event.received_at,
        ended_at=event.received_at,
        event=event.name,
    )


def open_waits(state: RunState) -> list[OpenWait]:
    return [wait for wait in state.waits.open if not wait.satisfied]


def snapshot(state: RunState) -> RunSnapshot:
    """What is known of the run. While it is parked, its last record is that of the incomplete wait."""
    running = state.status == "running"
    waits = open_waits(state) if running else []
    records = list(state.records)
    if waits and (not records or records[-1].status != "incomplete"):
        records += [r for r in records if r.id == waits[-1].id and r.status == "incomplete"][-1:]
    return RunSnapshot(
        status=state.status,  # type: ignore[arg-type]
        next_step=state.frame.cursor if running else None,
        data=state.frame.data,
        records=records,
        waits=[_wait_view(wait) for wait in waits],
        output=state.output,
        error=state.error,
        quarantined=state.waits.quarantine,
        attempts=state.attempts,
        retry_at=state.retry_at if running else None,
        error_code=state.error_code,
        paused=state.paused and running,
    )


def outcome(state: RunState, branch: str) -> BranchOutcome:
    """What became of a branch's action, as far as its record is kept."""
    record = next((one for one in reversed(state.records) if one.id == branch and one.status != "incomplete"), None)
    if record is None:
        return BranchOutcome("pending")
    error = "; ".join(record.errors) if record.errors else None
    return BranchOutcome("success" if record.status == "success" else "failure", record.output, error)


def packed(shown: RunSnapshot) -> bytes:
    """A snapshot that Temporal would not take as it is. Read it with `unpacked`."""
    return zlib.compress(json.dumps(asdict(shown), separators=(",", ":")).encode())


def unpacked(answer: Any) -> RunSnapshot:
    """The snapshot that a query has given, packed or not."""
    value = json.loads(zlib.decompress(answer)) if isinstance(answer, bytes) else answer
    shown: RunSnapshot = value_to_type(RunSnapshot, value | {"records": []})
    shown.records = read_records(value["records"])
    return shown


def _wait_view(wait: OpenWait) -> WaitView:
    return WaitView(
        step=wait.step,
        visit=wait.visit,
        events=wait.events,
        received=[event.name for event in wait.received],
        since=wait.since,
        deadline=wait.deadline,
        on_deadline=wait.on_deadline,
        next=wait.next,
    )


def show(facts: RunFacts, state: RunState, waits: Sequence[OpenWait], search_attributes: bool) -> None:
    """Bring current details, and search attributes where there are any, up to date; an event only if they change."""
    workflow.set_current_details(attributes.details(facts, waits, state))
    if not search_attributes:
        return
    before, state.attributes = state.attributes or [None, None, None], attributes.wait_values(waits)
    if updates := attributes.wait_updates(before, state.attributes):
        workflow.upsert_search_attributes(updates)
