"""Jobs: submit, list, read, send events to, cancel, resume."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from fastapi import APIRouter

from adapter.answers import encoded
from adapter.dialects.justworkflowit import projection, wire
from adapter.dialects.justworkflowit.children import may_have_children
from adapter.dialects.justworkflowit.compiled import compiled
from adapter.dialects.justworkflowit.operations import Call, known_id, operation
from adapter.dialects.justworkflowit.projection import Json
from adapter.dialects.justworkflowit.wire import SendEvent, SubmitJob, VersionSelector
from adapter.dialects.justworkflowit.words import DIALECT, HIERARCHY, STATUS_ASKED
from adapter.dialects.justworkflowit.workflows import tagged, version_number
from adapter.failures import RequestInvalid, said_of
from definitions import ids
from definitions.contract import DefinitionFacts, Event, RunFacts, timestamp
from definitions.dialects import justworkflowit as language
from definitions.errors import InputInvalid, NotFound, PayloadInvalid, RunClosed, TooLarge, Unavailable
from worker.client import RunDescription, RunQuery

router = APIRouter()

#: For how long after a tag was moved a repeated submission may still be one of before.
RETRY_WINDOW = timedelta(minutes=15)

_JOB = "/jobs/{jobId}"


@operation(router, "SubmitJob", "POST", "/jobs", "job:submit", SubmitJob)
async def submit_job(call: Call) -> Json:
    """Start a job, once its input has been found valid."""
    body = await call.body(SubmitJob)
    definition = await call.client.describe_definition(DIALECT, call.organisation, known_id(body.workflowId))
    request_id = await call.request_id()
    number = _selected(definition, body.workflowVersion)
    if (made := await _made_before(call, definition, body.workflowVersion, request_id)) is not None:
        return {"jobId": made}
    version = await call.client.get_version(DIALECT, call.organisation, definition.definition_id, number)
    flow = await compiled(version.text)
    with _found_at("$.inputJson"):
        language.check_input(flow, body.inputJson is not None, body.inputJson)
    facts = RunFacts(
        organisation=call.organisation,
        dialect=DIALECT,
        run_id=ids.run_id(call.organisation, definition.definition_id, number, request_id),
        definition_id=definition.definition_id,
        definition_name=definition.name,
        version_id=version.version_id,
        version_number=number,
        created_at=timestamp(datetime.now(timezone.utc)),
        submitted_by=call.caller.name,
        request_id=request_id,
    )
    run, _ = await call.client.start_run(flow, facts, body.inputJson)
    return {"jobId": run.facts.run_id}


@contextlib.contextmanager
def _found_at(place: str) -> Iterator[None]:
    """What is wrong in a part of the body is told by its path in the body."""
    try:
        yield
    except (InputInvalid, PayloadInvalid) as error:
        error.path = place + error.path.removeprefix("$")
        raise


def _selected(definition: DefinitionFacts, selector: VersionSelector) -> int:
    """The number of the version that is asked for. Raises NotFound."""
    if selector.versionNumber is not None:
        return selector.versionNumber
    if selector.versionId is not None:
        return version_number(definition.definition_id, selector.versionId)
    assert selector.tag is not None
    return tagged(definition.tags, selector.tag)


async def _made_before(
    call: Call, definition: DefinitionFacts, selector: VersionSelector, request_id: str
) -> str | None:
    """The job that an earlier attempt made by a tag that has been moved since: a job's id holds its version."""
    moved = definition.moved.get(selector.tag or "")
    if moved is None or moved.at < timestamp(datetime.now(timezone.utc) - RETRY_WINDOW):
        return None
    job_id = ids.run_id(call.organisation, definition.definition_id, moved.number, request_id)
    try:
        return (await call.client.describe_run(DIALECT, call.organisation, job_id)).facts.run_id
    except NotFound:
        return None


@operation(router, "ListJobs", "GET", "/jobs", "job:list", wire.ListJobs)
async def list_jobs(call: Call) -> Json:
    """Jobs, newest first, a page at a time."""
    asked = call.query(wire.ListJobs)
    question = RunQuery(
        dialect=DIALECT,
        organisation=call.organisation,
        status=STATUS_ASKED[asked.status] if asked.status else None,
        definition_ids=await _definitions(call, asked),
        version_number=asked.workflowVersionNumber,
        created_after=asked.createdAfter,
        created_before=asked.createdBefore and to_the_end_of(asked.createdBefore),
        child=HIERARCHY[asked.jobHierarchy],
        page_size=asked.pageSize,
        page_token=asked.pageToken,
        definitions_of=(asked.workflowName or "").casefold(),
    )
    try:
        with said_of("pageToken"):
            page = await call.client.list_runs(question)
    except TooLarge:
        message = "the list is about too many workflows; ask for part of a name that fewer of them have"
        raise RequestInvalid(message, {"workflowName": message}) from None
    answer = {"jobs": [projection.job(run) for run in page.runs], "totalCount": page.total}
    return answer | ({"nextPageToken": page.next_page_token} if page.next_page_token else {})


async def _definitions(call: Call, asked: wire.ListJobs) -> list[str] | None:
    """The ids of the workflows that a list is about; None: all. Names are compared without regard to case."""
    if not asked.workflowName and asked.workflowVersionNumber is None:
        return None
    found = await call.client.list_definitions(DIALECT, call.organisation)
    part = (asked.workflowName or "").casefold()
    named = [facts.definition_id for facts in found if part in facts.name.casefold()]
    return None if len(named) == len(found) and asked.workflowVersionNumber is None else named


def to_the_end_of(moment: datetime) -> datetime:
    """The last microsecond of a millisecond: a caller that knows no smaller unit has cut off what was below."""
    return moment if moment.microsecond % 1000 else moment + timedelta(microseconds=999)


@operation(router, "GetJob", "GET", _JOB, "job:read")
async def get_job(call: Call) -> Json:
    """One job, with the one that started it and those that it started."""
    run = await call.client.describe_run(DIALECT, call.organisation, call.identifier("jobId"))
    parent, children = await asyncio.gather(_parent(call, run), _children(call, run))
    return {"job": projection.job(run)} | parent | children


async def _parent(call: Call, run: RunDescription) -> Json:
    if run.facts.parent is None:
        return {}
    try:
        parent = await call.client.describe_run(DIALECT, call.organisation, run.facts.parent.run_id)
    except NotFound:  # past its retention
        return {}
    return {"parentJob": projection.parent_job(parent, run.facts.parent.step)}


async def _children(call: Call, run: RunDescription) -> Json:
    """The children; the key is left out when there are none."""
    if not await may_have_children(call.client, call.organisation, run.facts):
        return {}
    found = await call.client.list_children(DIALECT, call.organisation, run.facts.run_id)
    return {"childJobs": [projection.child_job(child) for child in found]} if found else {}


@operation(router, "GetWorkflowState", "GET", _JOB + "/state", "job:read")
async def get_state(call: Call) -> Json:
    """The job's data, its history, and the step that it is at."""
    return {"state": await _state(call)}


@operation(router, "GetWorkflowStateMetadata", "GET", _JOB + "/state/metadata", "job:read")
async def get_state_metadata(call: Call) -> Json:
    """How long the JSON of the state is, in bytes."""
    return {"contentLengthBytes": len(encoded(await _state(call)))}


async def _state(call: Call) -> Json:
    return projection.state(await call.client.snapshot(DIALECT, call.organisation, call.identifier("jobId")))


@operation(router, "SendJobEvent", "POST", _JOB + "/events", "job:event:send", SendEvent)
async def send_event(call: Call) -> Json:
    """Give an event to a job. An event that no step waits for now is kept for one that will."""
    job_id = call.identifier("jobId")
    body = await call.body(SendEvent)
    event = Event(
        id=await call.request_id(),
        name=body.eventId,
        payload=body.payload,
        has_payload=body.payload is not None,
        received_at=timestamp(datetime.now(timezone.utc)),
    )
    with _found_at("$.payload"):
        await _deliver(call, job_id, event)
    return {"jobId": job_id, "eventId": body.eventId}


async def _deliver(call: Call, job_id: str, event: Event) -> None:
    """Deliver an event whose payload the run may refuse only to a run that can say so.

    Without a payload nothing can be refused, and a job that has not begun has no wait that could: those events are
    left for the worker that comes. The delivery id stays the same, so that none of these attempts counts twice.
    """
    try:
        await call.client.deliver(DIALECT, call.organisation, job_id, event, may_signal=not event.has_payload)
    except RunClosed:
        if not await _recorded(call, job_id, event):
            raise
    except Unavailable as away:
        if away.part != "worker" or not event.has_payload:
            raise
        if (await call.client.describe_run(DIALECT, call.organisation, job_id)).status != "pending":
            raise
        await call.client.deliver(DIALECT, call.organisation, job_id, event, may_signal=True)


async def _recorded(call: Call, job_id: str, event: Event) -> bool:
    """Whether a job that has ended got this very event before: then this is a repetition, and no error."""
    if not call.may_be_repeated:
        return False
    try:
        snapshot = await call.client.snapshot(DIALECT, call.organisation, job_id)
    except Unavailable:
        return False
    return any(record.source == "event" and record.id == event.id for record in snapshot.records)


@operation(router, "CancelJob", "POST", _JOB + "/cancel", "job:cancel")
async def cancel_job(call: Call) -> Json:
    """Stop a job that has not ended."""
    job_id = call.identifier("jobId")
    await call.client.cancel_run(DIALECT, call.organisation, job_id, request_id=await call.request_id())
    return {"jobId": job_id}


@operation(router, "ResumeJob", "POST", _JOB + "/resume", "job:submit")
async def resume_job(call: Call) -> Json:
    """Let a failed or cancelled job go on after its last completed step."""
    job_id = call.identifier("jobId")
    await call.client.resume_run(DIALECT, call.organisation, job_id, request_id=await call.request_id())
    return {"jobId": job_id}
