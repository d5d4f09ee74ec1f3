"""Runs of a project: list, read, cancel."""

from __future__ import annotations

import uuid

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.fastgen import projection, wire
from adapter.dialects.fastgen.operations import Answer, Json, operation
from adapter.dialects.fastgen.words import DIALECT, RUN_CONTROL, RUN_READ, STATUS_ASKED
from adapter.failures import RequestInvalid, said_of
from definitions import ids
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.words import ROUTE, WORKFLOW
from definitions.errors import NotFound, RunClosed, TooLarge
from worker.client import RunDescription, RunQuery

router = APIRouter()

_RUN = "/runs/{run}"


@operation(router, "ListRuns", "GET", "/runs", RUN_READ, wire.ListRuns)
async def list_runs(call: Call) -> Answer:
    """Runs of the project, of one workflow or of one route; newest first, a page at a time."""
    asked = call.query(wire.ListRuns)
    question = RunQuery(
        dialect=DIALECT,
        organisation=call.organisation,
        status=STATUS_ASKED[asked.status] if asked.status else None,
        definition_ids=await _definitions(call, asked),
        definitions_of=f"{call.path('project')}/{asked.workflow or ''}/{asked.route or ''}",
        page_size=asked.limit,
        page_token=asked.cursor,
    )
    try:
        with said_of("cursor"):
            page = await call.client.list_runs(question)
    except TooLarge:
        message = "the project has too many workflows and routes for one list: ask for one of them"
        raise RequestInvalid(message, {"workflow": message}) from None
    return Answer({"runs": [projection.summary(run) for run in page.runs], "nextCursor": page.next_page_token})


async def _definitions(call: Call, asked: wire.ListRuns) -> list[str]:
    """The ids of those whose runs are asked for; those that have been deleted count too."""
    project = call.path("project")
    if asked.workflow is not None and asked.route is not None:
        raise RequestInvalid("either a workflow or a route", {"route": "must not stand beside `workflow`"})
    for kind, name in ((WORKFLOW, asked.workflow), (ROUTE, asked.route)):
        if name is not None:
            full = language.definition_name(project, kind, name)
            return [ids.definition_id(DIALECT, call.organisation, full)]
    found = await call.client.list_definitions(DIALECT, call.organisation)
    return [facts.definition_id for facts in found if (language.parts_of(facts.name) or ("",))[0] == project]


@operation(router, "GetRun", "GET", _RUN, RUN_READ)
async def get_run(call: Call) -> Answer:
    """One run: what it was given, and what became of each of its actions."""
    return Answer(await whole(call, (await _run(call)).facts.run_id))


async def whole(call: Call, run_id: str) -> Json:
    description, snapshot = await call.client.read_run(DIALECT, call.organisation, run_id)
    facts = description.facts
    at = (DIALECT, call.organisation, facts.definition_id, facts.version_number)
    return projection.run(description, snapshot, (await call.client.get_version(*at)).text)


@operation(router, "CancelRun", "POST", _RUN + "/cancel", RUN_CONTROL)
async def cancel_run(call: Call) -> Answer:
    """Stop a run that has not ended; of one that was cancelled before, nothing more is asked."""
    run = await _run(call)
    try:
        await call.client.cancel_run(DIALECT, call.organisation, run.facts.run_id)
    except RunClosed as closed:
        if closed.status != "cancelled":
            raise
    return Answer(projection.summary(await _run(call)))


async def _run(call: Call) -> RunDescription:
    """The run of the path. Raises NotFound also for one of another project."""
    text = call.path("run")
    missing = NotFound(f"there is no run {text[:80]!r}")
    try:
        found = await call.client.describe_run(DIALECT, call.organisation, str(uuid.UUID(text)))
    except (ValueError, NotFound):
        raise missing from None
    if (language.parts_of(found.facts.definition_name) or ("",))[0] != call.path("project"):
        raise missing
    return found
