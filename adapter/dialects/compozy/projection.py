"""Our neutral records in the vendor's shapes. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from adapter.dialects.compozy import exec_ids
from adapter.dialects.compozy.words import CANCELED, EXECUTION_TYPE, PAUSED, RUNNING, STATUS, TASK_STATUS, WAITING
from definitions import ksuids
from definitions.contract import RunFacts, RunSnapshot, StepRecord, WaitView
from worker.client import RunDescription

Json = dict[str, Any]

#: The parts of a task that are steps of their own have this in their names: `<task>:<part>`.
_PART = ":"
_ENDED = frozenset({"succeeded", "failed", "cancelled"})
#: Code of an execution's error, and of one whose outputs could not be computed.
FAILED_CODE, OUTPUT_CODE = "workflow_execution_error", "OUTPUT_TRANSFORMATION_FAILED"
_RESULT_FAILED = "result-failed"


def row(run: RunDescription, *, paused: bool | None = None) -> Json:
    """An execution as it stands in a list. `paused` None: as far as is known without asking it."""
    facts = run.facts
    rests = run.waiting_since is not None if paused is None else paused
    return {
        "workflow_id": facts.definition_name,
        "workflow_exec_id": exec_ids.of_run(facts),
        "status": PAUSED if rests and run.status == "running" else STATUS[run.status],
        "input": None,
        "output": None,
        "error": None,
        "tasks": {},
    }


def execution(run: RunDescription, snapshot: RunSnapshot) -> Json:
    """One execution with all that is known of it."""
    return row(run, paused=bool(snapshot.waits) or snapshot.paused) | {
        "input": _given(snapshot.data),
        "output": snapshot.output if run.status == "succeeded" else None,
        "error": failure(snapshot) if run.status == "failed" else None,
        "tasks": tasks(run.facts, snapshot),
    }


def _given(data: Mapping[str, Any]) -> Any:
    about = data.get("workflow")
    return about.get("input") if isinstance(about, dict) else None


def failure(snapshot: RunSnapshot) -> Json:
    """Why an execution has failed."""
    code = OUTPUT_CODE if snapshot.error_code == _RESULT_FAILED else FAILED_CODE
    shown: Json = {"message": snapshot.error or "the execution was ended", "code": code}
    failed = next((one for one in reversed(snapshot.records) if one.status == "failure"), None)
    cause = {"code": snapshot.error_code, "task_id": None if failed is None else task_of(failed.step)}
    return shown | {"details": {key: value for key, value in cause.items() if value}}


def has_ended(snapshot: RunSnapshot) -> bool:
    return snapshot.status in _ENDED


# --- tasks ---


def task_of(step: str) -> str:
    """The task that a step is, or is a part of."""
    return step.rpartition("/")[2].partition(_PART)[0]


def is_task(step: str) -> bool:
    return _PART not in step.rpartition("/")[2]


def tasks(facts: RunFacts, snapshot: RunSnapshot) -> Json:
    """Every task that has begun, by its id; of one that was there several times, the last."""
    waits = {wait.step: wait for wait in snapshot.waits}
    found: dict[str, Json] = {}
    for record in snapshot.records:
        if record.source == "event" or not (is_task(record.step) or record.status == "failure"):
            continue
        found[task_of(record.step)] = _task(facts, snapshot, record, waits.get(record.step))
    current = snapshot.next_step
    if current is not None and snapshot.status == "running" and not snapshot.waits:
        name = task_of(current)
        latest = snapshot.records[-1].ended_at if snapshot.records else facts.created_at
        if found.get(name, {}).get("status") not in (WAITING, RUNNING):
            record = StepRecord(f"{current}#0", current, 0, "incomplete", started_at=latest, ended_at=latest)
            found[name] = _task(facts, snapshot, record, None)
    return found


def _task(facts: RunFacts, snapshot: RunSnapshot, record: StepRecord, wait: WaitView | None) -> Json:
    waits = wait is not None and record.status == "incomplete"
    parent = record.step.rpartition("/")[0].rpartition("/")[0]
    shown: Json = {
        "component": "task",
        "status": _task_status(snapshot, record, waits),
        "task_id": task_of(record.step),
        "task_exec_id": _task_exec_id(facts, record.id),
        "workflow_id": facts.definition_name,
        "workflow_exec_id": exec_ids.of_run(facts),
        "execution_type": EXECUTION_TYPE.get(record.label or "basic", record.label or "basic"),
    }
    if parent:
        shown["parent_state_id"] = _task_exec_id(facts, f"{parent}#1")
    if record.has_input:
        shown["input"] = record.input
    if waits and wait is not None:
        shown["output"] = _waiting(wait)
    elif record.has_output:
        shown["output"] = record.output
    if record.status == "failure":
        shown["error"] = _error(snapshot.data, record)
    return shown | {"created_at": record.started_at, "updated_at": record.ended_at or record.started_at}


def _task_status(snapshot: RunSnapshot, record: StepRecord, waits: bool) -> str:
    if record.status == "incomplete" and has_ended(snapshot):
        return CANCELED  # it was ended with the execution
    return WAITING if waits else TASK_STATUS[record.status]


def _task_exec_id(facts: RunFacts, visit: str) -> str:
    return ksuids.derived("task", uuid.UUID(facts.run_id).hex, visit)


def _waiting(wait: WaitView) -> Json:
    """What a wait shows while it lasts; its deadline, or that it has none, in words."""
    shown: Json = {"wait_status": "waiting", "signal_name": wait.events[0] if wait.events else None}
    if wait.deadline is None:
        return shown | {"timeout_seconds": None, "timeout_milliseconds": None, "deadline": "never"}
    seconds = (_moment(wait.deadline) - _moment(wait.since)).total_seconds()
    return shown | {
        "timeout_seconds": round(seconds),
        "timeout_milliseconds": round(seconds * 1000),
        "deadline": wait.deadline,
    }


def _moment(timestamp: str) -> datetime:
    return datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ")


def _error(data: Mapping[str, Any], record: StepRecord) -> Json:
    """A task's error as it was saved for later tasks, or else as it was recorded."""
    kept = data.get("tasks")
    task = kept.get(task_of(record.step)) if isinstance(kept, dict) else None
    saved = task.get("error") if isinstance(task, dict) else None
    if isinstance(saved, dict) and saved.get("message"):
        return saved
    return {"message": "; ".join(record.errors), "code": record.code}


# --- what a stream tells ---


def statuses(records: Iterable[StepRecord]) -> Iterator[tuple[StepRecord, str]]:
    """The records that are told, each once, with the execution's status after it."""
    waiting: set[str] = set()
    last = 0
    for record in sorted(records, key=lambda one: one.number):
        if record.number == last:
            continue
        last = record.number
        if record.source != "event":
            waiting.discard(record.id)
            if record.status == "incomplete":
                waiting.add(record.id)
            if not is_task(record.step) and record.status != "failure":
                continue
        yield record, PAUSED if waiting else RUNNING


def happened(record: StepRecord) -> Json:
    """What a record tells: that a signal came, or where a task stands."""
    if record.source == "event":
        return {"signal": {"name": record.event, "signal_id": record.id}}
    status = WAITING if record.status == "incomplete" else TASK_STATUS[record.status]
    task: Json = {"task_id": task_of(record.step), "status": status}
    if record.has_output:
        task["output"] = record.output
    if record.errors:
        task["error"] = {"message": "; ".join(record.errors), "code": record.code}
    return {"task": task}


def ending(snapshot: RunSnapshot) -> tuple[str, Json]:
    """The last event of an execution: its name and what it tells."""
    status = STATUS[snapshot.status]
    if snapshot.status == "succeeded":
        return "complete", {"status": status, "output": snapshot.output}
    return "error", {"status": status, "error": failure(snapshot) if snapshot.status == "failed" else None}
