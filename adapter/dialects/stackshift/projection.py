"""Our neutral records in the vendor's shapes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapter.dialects.stackshift.words import END_TYPE, EVENT_TYPE, STATUS, STEP_TYPE, WAITING
from definitions.contract import RunSnapshot, StepRecord, WaitView, timestamp
from definitions.dialects.stackshift import HANDLER, HANDLER_LABEL
from worker.client import RunDescription

Json = dict[str, Any]
PAYLOAD = "payload"


def summary(run: RunDescription, *, waiting: bool | None = None) -> Json:
    """A run as it stands in a list. `waiting` None: as far as is known without asking the run."""
    facts = run.facts
    waits = run.waiting_since is not None if waiting is None else waiting
    is_open = run.status in ("pending", "running")
    return {
        "id": facts.run_id,
        "job": facts.definition_name,
        "version": facts.version_number,
        "status": WAITING if waits and is_open else STATUS[run.status],
        "queue_name": facts.queue,
        "created_at": facts.created_at,
        "scheduled_at": facts.start_at,
        "started_at": _started_at(run),
        "finished_at": None if run.closed_at is None else timestamp(run.closed_at),
        # No attempt follows by itself; somebody may look into it and retry it.
        "dead_lettered": run.status == "failed",
    }


def _started_at(run: RunDescription) -> str | None:
    """When the run began: a scheduled one no earlier than asked for; one that was ended before that never did."""
    if run.status in ("pending", "scheduled"):
        return None
    began = max(run.facts.started_at or timestamp(run.started_at), run.facts.start_at or "")
    return None if run.closed_at is not None and timestamp(run.closed_at) < began else began


def run(description: RunDescription, snapshot: RunSnapshot) -> Json:
    """One run with all that is known of it."""
    return summary(description, waiting=bool(snapshot.waits)) | {
        "payload": snapshot.data.get(PAYLOAD),
        "result": snapshot.output,
        "error": snapshot.error,
        "attempts": 0 if description.status in ("pending", "scheduled") else snapshot.attempts,
        "next_attempt_at": snapshot.retry_at,
        "waiting_for": [_wait(wait) for wait in snapshot.waits],
        "timeline": list(_timeline(description, snapshot)),
    }


def _wait(wait: WaitView) -> Json:
    return {
        "step": _step(wait.step),
        "event": wait.events[0],
        "since": wait.since,
        "until": wait.deadline,
        "on_timeout": wait.on_deadline,
    }


def _timeline(description: RunDescription, snapshot: RunSnapshot) -> Iterator[Json]:
    facts = description.facts
    yield {"at": facts.created_at, "type": "run.created"}
    if facts.start_at is not None:
        yield {"at": facts.created_at, "type": "run.scheduled", "until": facts.start_at}
    if (began := _started_at(description)) is not None:
        yield {"at": began, "type": "run.started"}
    yield from (item for record in snapshot.records for item in _items(record))
    if snapshot.retry_at is not None:
        ended = snapshot.records[-1].ended_at if snapshot.records else facts.created_at
        yield {"at": ended, "type": "run.retrying", "until": snapshot.retry_at}
    if description.closed_at is not None:
        end = {"at": timestamp(description.closed_at), "type": END_TYPE[description.status]}
        yield end if snapshot.error is None else end | {"error": snapshot.error}


def _items(record: StepRecord) -> Iterator[Json]:
    """What a record says; that of a handler as a whole tells only how an attempt failed, and what was logged last."""
    if record.label != HANDLER_LABEL or record.source == "event":
        yield _item(record)
    elif record.status == "failure":
        failed = {"at": record.ended_at, "type": "attempt.failed", "attempt": record.attempt}
        yield failed | {"error": "; ".join(record.errors)} | _logs(record)
    elif record.logs:
        yield {"at": record.ended_at, "type": "job.logged", "attempt": record.attempt} | _logs(record)


def _logs(record: StepRecord) -> Json:
    return {"logs": record.logs} if record.logs else {}


def _step(name: str) -> str:
    """A step's own name, without that of the handler that it is in."""
    return name.removeprefix(f"{HANDLER}/")


def _item(record: StepRecord) -> Json:
    if record.source == "event":
        event = {"at": record.started_at, "type": EVENT_TYPE, "event": record.event, "step": _step(record.step)}
        return event | ({"payload": record.output} if record.has_output else {})
    item: Json = {
        "at": record.ended_at or record.started_at,
        "type": STEP_TYPE[record.status],
        "step": _step(record.step),
        "kind": record.label,
        "attempt": record.attempt,
        "started_at": record.started_at,
    }
    if record.has_output:
        item["output"] = record.output
    if record.errors:
        item["error"] = "; ".join(record.errors)
    return item | _logs(record)
