"""Runs: start, read, list, cancel, retry."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.stackshift import projection, wire
from adapter.dialects.stackshift.jobs import compiled, current
from adapter.dialects.stackshift.operations import Answer, operation
from adapter.dialects.stackshift.wire import StartRun
from adapter.dialects.stackshift.words import DIALECT, RUN_CANCEL, RUN_READ, RUN_START, STATUS_ASKED
from adapter.failures import said_of
from adapter.new_runs import new_run
from definitions import ids
from definitions.contract import RunFacts
from definitions.errors import Conflict, NotFound, RunClosed
from worker.client import Claim, RunDescription, RunQuery

router = APIRouter()

_RUN = "/runs/{run}"


@operation(router, "StartRun", "POST", "/jobs/{job}/runs", RUN_START, StartRun)
async def start_run(call: Call) -> Answer:
    """Start a run of a job, now or at `scheduled_at`; the same idempotency key and payload find the run there is."""
    body = await call.body(StartRun)
    facts, version = await current(call, call.path("job"))
    definition, run_facts = await compiled(version), new_run(facts, version, call.caller.name, queue=body.queue_name)
    at, attempts = body.scheduled_at, body.max_attempts
    if body.idempotency_key is None:
        run, made = await call.client.start_run(definition, run_facts, body.payload, start_at=at, max_attempts=attempts)
        return _started(run, made)
    claim = await _claim(call, body, run_facts)
    try:
        run, made = await call.client.start_claimed(
            claim, definition, run_facts, body.payload, start_at=at, max_attempts=attempts
        )
    except NotFound:  # the key counts for longer than Temporal keeps runs
        data = {"id": claim.run_id, "job": facts.name, "status": None}
        return Answer(data, "The run has ended, and is too long ago to be shown.")
    return _started(run, made)


def _started(run: RunDescription, made: bool) -> Answer:
    return Answer(projection.summary(run), "The run is started." if made else "The run exists.", 201 if made else 200)


async def _claim(call: Call, body: StartRun, run: RunFacts) -> Claim:
    """What the idempotency key stands for: this run, if the key is new. Raises Conflict for another payload."""
    content = ids.content_hash(body.payload)
    claim = await call.client.claim(
        DIALECT,
        call.organisation,
        run.definition_name,
        body.idempotency_key or "",
        float(body.idempotency_ttl or wire.DEFAULT_TTL),
        content,
        run.run_id,
    )
    if claim.content_hash != content:
        raise Conflict("the idempotency key was used with another payload")
    return claim


@operation(router, "GetRun", "GET", _RUN, RUN_READ)
async def get_run(call: Call) -> Answer:
    """One run: status, result, error, and what happened so far."""
    return Answer(await _whole(call, known_id(call.path("run"))), "The run.")


async def _whole(call: Call, run_id: str) -> projection.Json:
    return projection.run(*await call.client.read_run(DIALECT, call.organisation, run_id))


@operation(router, "ListRuns", "GET", "/runs", RUN_READ, wire.ListRuns)
async def list_runs(call: Call) -> Answer:
    """Runs, newest first, a page at a time."""
    asked = call.query(wire.ListRuns)
    status, waiting = STATUS_ASKED[asked.status] if asked.status else (None, None)
    question = RunQuery(
        dialect=DIALECT,
        organisation=call.organisation,
        status=status,
        waiting=waiting,
        definition_ids=None if asked.job is None else [ids.definition_id(DIALECT, call.organisation, asked.job)],
        page_size=asked.limit,
        page_token=asked.cursor,
    )
    with said_of("cursor" if asked.cursor else "status"):
        page = await call.client.list_runs(question)
    runs = [projection.summary(run) for run in page.runs]
    return Answer({"runs": runs, "next_cursor": page.next_page_token}, "The runs.")


@operation(router, "CancelRun", "POST", _RUN + "/cancel", RUN_CANCEL)
async def cancel_run(call: Call) -> Answer:
    """Stop a run that has not ended; of one that was cancelled before, nothing more is asked."""
    run_id = known_id(call.path("run"))
    try:
        await call.client.cancel_run(DIALECT, call.organisation, run_id)
    except RunClosed as closed:
        if closed.status != "cancelled":
            raise
    return Answer(await _short(call, run_id), "The run is cancelled.")


@operation(router, "RetryRun", "POST", _RUN + "/retry", RUN_START)
async def retry_run(call: Call) -> Answer:
    """Let a failed or cancelled run go on after its last completed step, with new attempts."""
    run_id = known_id(call.path("run"))
    await call.client.resume_run(DIALECT, call.organisation, run_id)
    return Answer(await _short(call, run_id), "The run goes on.")


async def _short(call: Call, run_id: str) -> projection.Json:
    return projection.summary(await call.client.describe_run(DIALECT, call.organisation, run_id))


def known_id(text: str) -> str:
    """A run's id as we write it. Raises NotFound for what cannot be one."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise NotFound(f"there is no run {text[:80]!r}") from None
