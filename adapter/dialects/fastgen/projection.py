"""Our neutral records in the vendor's words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from adapter.dialects.fastgen.words import ACTION_STATUS, CANCELLED, DEBUG, RUNNING, SKIPPED, STATUS, UNKNOWN, WAITING
from definitions.contract import RunSnapshot, StepRecord, timestamp
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.words import ROUTE
from worker.client import RunDescription

Json = dict[str, Any]
CREATE_EVENT, DELAY = "createEvent", "delay"


def summary(run: RunDescription) -> Json:
    """A run as it stands in a list."""
    facts = run.facts
    project, kind, name = language.parts_of(facts.definition_name) or ("", "workflow", facts.definition_name)
    started = facts.started_at or facts.created_at
    ended = None if run.closed_at is None else timestamp(run.closed_at)
    return {
        "id": facts.run_id,
        kind: name,
        "project": project,
        "version": facts.version_number,
        "status": STATUS[run.status],
        "debug": facts.queue == DEBUG,
        "startedBy": facts.submitted_by or None,
        "startedAt": started,
        "endedAt": ended,
        "durationMs": None if ended is None else _milliseconds(started, ended),
    }


def run(description: RunDescription, snapshot: RunSnapshot, text: str) -> Json:
    """One run with what it was given, and the record of each action; `text` is that of its version."""
    shown = summary(description)
    given = "request" if ROUTE in shown else "params"
    shown[given] = snapshot.data.get("request" if ROUTE in shown else "param")
    if ROUTE in shown and description.status == "succeeded":
        shown["response"] = snapshot.output
    if description.status == "failed":
        shown["error"] = snapshot.error or "the run was ended"
    found = list(_actions(snapshot, text, description.closed_at is not None))
    return shown | {"actions": found, "events": _events(found)}


def _actions(snapshot: RunSnapshot, text: str, ended: bool) -> Iterator[Json]:
    """The record of each visit of each action, in the order in which the actions are written."""
    records: dict[str, list[StepRecord]] = {}
    for record in snapshot.records:
        if record.source == "engine" and language.is_action(record.step):
            records.setdefault(record.step, []).append(record)
    written = language.actions(text)
    at_work = _at_work(snapshot, written)
    for action in written:
        head = {key: action[key] for key in ("name", "key", "type")}
        visits = records.get(action["key"], [])
        yield from (head | _visit(record) for record in visits)
        if at_work == action["key"]:
            yield head | _empty(CANCELLED if ended else RUNNING)
        elif not visits:
            yield head | _empty(_gone(snapshot, action) or (SKIPPED if ended else WAITING))


def _gone(snapshot: RunSnapshot, action: dict[str, str]) -> str | None:
    """What became of an action whose records the run may have dropped; None if it has not been visited.

    An action leaves its output in the data, but for a delay and a `return`, whose record is the run's last.
    """
    if not snapshot.records or snapshot.records[0].number <= 1:
        return None
    if action["key"] in (snapshot.data.get("action") or {}):
        return ACTION_STATUS["success"]
    return UNKNOWN if action["type"] == DELAY else None


def _at_work(snapshot: RunSnapshot, written: list[dict[str, str]]) -> str | None:
    """The action that a run is at, or was at when it was cancelled."""
    if snapshot.status != "cancelled":
        return snapshot.next_step
    records = [record for record in snapshot.records if record.source == "engine"]
    return records[-1].next if records else next((action["key"] for action in written), None)


def _visit(record: StepRecord) -> Json:
    shown: Json = {
        "status": ACTION_STATUS[record.status],
        "visit": record.visit,
        "input": record.input,
        "output": record.output,
        "startedAt": record.started_at,
        "endedAt": record.ended_at,
        "durationMs": _milliseconds(record.started_at, record.ended_at),
    }
    if record.logs:
        shown["logs"] = record.logs
    return shown | ({"error": "; ".join(record.errors), "code": record.code} if record.errors else {})


def _empty(status: str) -> Json:
    times = {"startedAt": None, "endedAt": None, "durationMs": None}
    return {"status": status, "visit": None, "input": None, "output": None, **times}


def _events(actions: list[Json]) -> list[Json]:
    """The events that the actions of a run have created, or, in a dry one, would have."""
    found = []
    for action in actions:
        output, given = action["output"], action["input"]
        if action["type"] == CREATE_EVENT and action["status"] == ACTION_STATUS["success"] and isinstance(output, dict):
            shown = given if isinstance(given, dict) else {}
            emitted = output.get("emitted", True)
            event = {"event": shown.get("event"), "params": shown.get("params"), "emitted": emitted}
            found.append(event | ({"started": output.get("started", [])} if emitted else {}))
    return found


def _milliseconds(start: str, end: str) -> float | None:
    if not start or not end:
        return None
    return round((_moment(end) - _moment(start)).total_seconds() * 1000, 3)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
