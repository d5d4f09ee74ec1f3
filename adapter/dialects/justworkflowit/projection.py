"""Our neutral records in the vendor's shapes. Pure; absent values are left out, never null, unless said otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from adapter.dialects.justworkflowit.words import INPUT, SOURCE, STATUS, STEP_STATUS, WAIT_TYPE
from definitions.contract import DefinitionFacts, RunSnapshot, StepRecord, VersionFacts, timestamp
from worker.client import RunDescription

Json = dict[str, Any]
_TERMINAL = ("succeeded", "failed", "cancelled")


def workflow(facts: DefinitionFacts) -> Json:
    return {"workflowId": facts.definition_id, "name": facts.name, "createdAt": facts.created_at}


def version(facts: VersionFacts, tags: dict[str, int]) -> Json:
    """One version, without the id of its workflow; `tags` are all of the workflow's."""
    return {
        "versionId": facts.version_id,
        "versionNumber": facts.number,
        "definition": facts.text,
        "createdAt": facts.created_at,
        "tags": sorted(tag for tag, number in tags.items() if number == facts.number),
    }


def job(run: RunDescription) -> Json:
    """A JobSummary."""
    facts = run.facts
    summary = {
        "jobId": facts.run_id,
        "status": STATUS[run.status],
        "workflowId": facts.definition_id,
        "workflowName": facts.definition_name,
        "workflowVersion": {"versionId": facts.version_id, "versionNumber": facts.version_number},
        "submittedByUser": facts.submitted_by,
        "createdAt": facts.created_at,
        "updatedAt": timestamp(run.updated_at),
        "startedAt": None if run.status == "pending" else facts.started_at or timestamp(run.started_at),
        "finishedAt": _moment(run.closed_at),
    }
    if facts.parent is not None:
        summary |= {
            "parentJobId": facts.parent.run_id,
            "parentStepName": facts.parent.step,
            "rootJobId": facts.root_run_id or facts.parent.run_id,
        }
    return _present(summary)


def parent_job(parent: RunDescription, step: str) -> Json:
    return {
        "jobId": parent.facts.run_id,
        "status": STATUS[parent.status],
        "workflowName": parent.facts.definition_name,
        "stepName": step,
    }


def child_job(child: RunDescription) -> Json:
    return _present(
        {
            "jobId": child.facts.run_id,
            "status": STATUS[child.status],
            "workflowName": child.facts.definition_name,
            "parentStepName": child.facts.parent.step if child.facts.parent else "",
            "createdAt": child.facts.created_at,
            "finishedAt": _moment(child.closed_at),
        }
    )


def state(snapshot: RunSnapshot) -> Json:
    """The job's state; `nextStepName` is there until the job has ended."""
    return _present(
        {
            "nextStepName": None if snapshot.status in _TERMINAL else snapshot.next_step,
            # A job without an input has none in its data, not a null.
            "executionData": {key: value for key, value in snapshot.data.items() if (key, value) != (INPUT, None)},
            "executionHistory": history(snapshot.records, snapshot.next_step),
        }
    )


def history(records: Sequence[StepRecord], next_step: str | None) -> list[Json]:
    """The records as the vendor's engine would have written them.

    Its engine looks again at a waiting step after every event, and writes that the step is still incomplete. So an
    event that does not end the wait is followed by such an item, and a parked job's last item always is one.
    """
    at = next((record.step for record in records if record.source == "engine"), next_step or "")
    waiting: StepRecord | None = None
    items: list[Json] = []
    for record, following in zip_longest(records, records[1:]):
        if record.source == "event":
            items.append(_item(record, record.step or at))
            if waiting is not None and (following is None or _goes_on(following, waiting)):
                items.append(_looked_again(waiting, record))
        elif waiting is None or not _goes_on(record, waiting):
            waiting = record if record.status == "incomplete" else None
            at = record.next or record.step
            items.append(_item(record, record.step))
    return items


def _goes_on(record: StepRecord, waiting: StepRecord) -> bool:
    """Whether a wait is still open at this record: one of an event, or the wait shown once more."""
    return record.source == "event" or (record.status == "incomplete" and record.id == waiting.id)


def _item(record: StepRecord, step: str) -> Json:
    output: Json = {"status": STEP_STATUS[record.status]}
    if record.has_output:
        output["payload"] = record.output
    item: Json = {
        "id": _identity(record),
        "stepName": step,
        "stepExecutorType": record.label or WAIT_TYPE,
        "historySource": SOURCE[record.source],
        # Required by the vendor, also of a step that has no input.
        "input": record.input if record.has_input else None,
        "output": output,
        "startTimestamp": record.started_at,
        "endTimestamp": record.ended_at or record.started_at,
        "errors": record.errors,
        "warnings": record.warnings,
    }
    return item if record.event is None else item | {"eventId": record.event}


def _looked_again(waiting: StepRecord, event: StepRecord) -> Json:
    moment = event.ended_at or event.started_at
    identity = _identity(waiting, event.id)
    return _item(waiting, waiting.step) | {"id": identity, "startTimestamp": moment, "endTimestamp": moment}


def _identity(record: StepRecord, *more: str) -> str:
    """A record's id names the visit, of which there may be several items: each gets an id of its own."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "/".join((record.id, record.status, record.ended_at, *more))))


def _moment(value: datetime | None) -> str | None:
    return None if value is None else timestamp(value)


def _present(values: Json) -> Json:
    return {key: value for key, value in values.items() if value is not None}
