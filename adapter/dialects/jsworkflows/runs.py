"""Runs: list, read."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.jsworkflows import projection, wire
from adapter.dialects.jsworkflows.operations import Answer, operation
from adapter.dialects.jsworkflows.words import DIALECT, RUN_READ, STATUS_ASKED
from adapter.failures import said_of
from definitions import ids
from definitions.errors import NotFound
from worker.client import RunQuery

router = APIRouter()


@operation(router, "ListRuns", "GET", "/runs", RUN_READ)
async def list_runs(call: Call) -> Answer:
    """Runs, newest first, a page at a time."""
    asked = call.query(wire.ListRuns)
    status, or_status, waiting = STATUS_ASKED[asked.status] if asked.status else (None, None, None)
    question = RunQuery(
        dialect=DIALECT,
        organisation=call.organisation,
        status=status,
        or_status=or_status,
        waiting=waiting,
        definition_ids=None if asked.workflow is None else [_definition_id(call, asked.workflow)],
        page_size=asked.limit,
        page_token=asked.pageToken,
    )
    with said_of("pageToken" if asked.pageToken else "status"):
        page = await call.client.list_runs(question)
    return Answer({"runs": [projection.summary(run) for run in page.runs], "nextPageToken": page.next_page_token})


def _definition_id(call: Call, asked: str) -> str:
    """A workflow's id, of its id or its name."""
    try:
        return str(uuid.UUID(asked))
    except ValueError:
        return ids.definition_id(DIALECT, call.organisation, asked)


@operation(router, "GetRun", "GET", "/runs/{run}", RUN_READ)
async def get_run(call: Call) -> Answer:
    """One run: its status, its steps with their results and logs, and the links that it waits for."""
    run_id = _known_id(call.path("run"))
    return Answer(projection.run(*await call.client.read_run(DIALECT, call.organisation, run_id)))


def _known_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise NotFound(f"there is no run {text[:80]!r}") from None
