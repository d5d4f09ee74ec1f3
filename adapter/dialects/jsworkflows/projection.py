"""Our neutral records in the vendor's shapes. Pure."""

from __future__ import annotations

from typing import Any

from adapter.dialects.jsworkflows.words import STATUS, STEP_STATUS, TEST, WAITING
from definitions.contract import RunSnapshot, StepRecord, WaitView, timestamp
from definitions.dialects import jsworkflows as language
from worker.client import RunDescription

Json = dict[str, Any]


def summary(run: RunDescription, *, waits: bool | None = None) -> Json:
    """A run as it stands in a list. `waits` None: as far as is known without asking the run."""
    facts = run.facts
    waiting = run.waiting_since is not None if waits is None else waits
    is_open = run.status in ("pending", "running")
    return {
        "id": facts.run_id,
        "workflow": facts.definition_name,
        "workflowId": facts.definition_id,
        "version": facts.version_number,
        "status": WAITING if waiting and is_open else STATUS[run.status],
        "test": facts.queue == TEST,
        "startedAt": facts.started_at or facts.created_at,
        "endedAt": None if run.closed_at is None else timestamp(run.closed_at),
    }


def run(description: RunDescription, snapshot: RunSnapshot) -> Json:
    """One run with all that is known of it: its steps in the order in which they ended, and what it waits for."""
    steps = [_step(record) for record in snapshot.records if _is_action(record)]
    shown = summary(description, waits=bool(snapshot.waits)) | {
        "steps": steps,
        "waiting": [_wait(wait) for wait in snapshot.waits],
    }
    return shown if snapshot.error is None else shown | {"error": snapshot.error}


def _is_action(record: StepRecord) -> bool:
    """Whether a record is of an action that has run: not of the workflow as a whole, a call of a link, or a wait."""
    inside = record.step.startswith(f"{language.STEP}/")
    return inside and record.source == "engine" and record.status != "incomplete"


def _step(record: StepRecord) -> Json:
    output = record.output if isinstance(record.output, dict) else {}
    step: Json = {
        "name": _name(record.step),
        "status": STEP_STATUS[record.status],
        "data": output.get("value"),
        "logs": record.logs,
        "startedAt": record.started_at,
        "endedAt": record.ended_at,
    }
    if "response" in output:
        step["response"] = output["response"]
    return step | ({"error": "; ".join(record.errors)} if record.errors else {})


def _name(step: str) -> str:
    """An action's own name."""
    return step.removeprefix(f"{language.STEP}/")


def _wait(wait: WaitView) -> Json:
    return {"action": wait.next or _name(wait.step), "since": wait.since, "expiresAt": wait.deadline}
