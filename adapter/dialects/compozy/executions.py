"""Executions: start, wait for, read, list, cancel, pause and resume."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.calls import Call
from adapter.dialects.compozy import exec_ids, projection, wire
from adapter.dialects.compozy.errors import BASE, first_shape
from adapter.dialects.compozy.exec_ids import NO_EXECUTION
from adapter.dialects.compozy.operations import Answer, Json, operation
from adapter.dialects.compozy.starting import correlation, started
from adapter.dialects.compozy.wire import Execute, ExecuteSync, ListExecutions
from adapter.dialects.compozy.words import DIALECT, EXECUTION_CONTROL, EXECUTION_READ, EXECUTION_START, STATUS
from definitions import ids
from definitions.errors import NotFound, Unavailable
from worker.client import RunQuery

router = APIRouter()

EXECUTIONS = "/executions/workflows"
#: Executions that are asked at once for one list.
READS_AT_ONCE = 4
_ONE = EXECUTIONS + "/{exec_id}"
_OF_WORKFLOW = "/workflows/{workflow_id}/executions"


@operation(router, "ExecuteWorkflow", "POST", _OF_WORKFLOW, EXECUTION_START, Execute)
async def execute(call: Call) -> Answer:
    """Start an execution, and do not wait for it."""
    run = await started(call, await call.body(Execute, may_be_empty=True))
    exec_id = exec_ids.of_run(run.facts)
    url = f"{BASE}{EXECUTIONS}/{exec_id}"
    data = {"exec_url": url, "exec_id": exec_id, "workflow_id": run.facts.definition_name}
    # The last two for the vendor's command line, which looks for these names.
    data |= {"execution_id": exec_id, "status": STATUS[run.status]}
    return Answer("workflow triggered successfully", data, 202, {"location": url} | correlation(call))


@operation(router, "ExecuteWorkflowSync", "POST", _OF_WORKFLOW + "/sync", EXECUTION_START, ExecuteSync)
async def execute_sync(call: Call) -> Answer | Response:
    """Start an execution, and wait for its end. Past the timeout the execution goes on."""
    body = await call.body(ExecuteSync, may_be_empty=True)
    run = await started(call, body)
    seconds = body.timeout or wire.SYNC_SECONDS
    ended = await call.client.ended_within(run.workflow_id, seconds)
    try:
        execution = projection.execution(*await call.client.read_run(DIALECT, call.organisation, run.facts.run_id))
    except Unavailable:
        if ended:
            raise
        execution = projection.row(run)  # It has begun all the same, and its caller is to know it by its id.
    data: Json = {"workflow": execution, "exec_id": execution["workflow_exec_id"]}
    if ended:
        data |= {} if execution["output"] is None else {"output": execution["output"]}
        return Answer("workflow execution completed", data, headers=correlation(call))
    told = first_shape(408, "execution timeout", f"the execution has not ended within {seconds:g} s, and goes on")
    return JsonAnswer(told | {"message": "execution timeout", "data": data}, 408, correlation(call))


@operation(router, "GetExecution", "GET", _ONE, EXECUTION_READ)
async def get_execution(call: Call) -> Answer:
    """One execution: its status, input, output, error, and what its tasks have come to."""
    run_id = exec_ids.run_id(call.path("exec_id"))
    try:
        found = await call.client.read_run(DIALECT, call.organisation, run_id)
    except NotFound:
        raise NotFound(NO_EXECUTION) from None
    return Answer("workflow execution retrieved", projection.execution(*found))


@operation(router, "ListExecutions", "GET", EXECUTIONS, EXECUTION_READ, ListExecutions)
async def list_executions(call: Call) -> Answer:
    """The newest executions of all workflows; a row tells the status; the rest with `expand=details`."""
    return await _listed(call, None)


@operation(router, "ListWorkflowExecutions", "GET", _OF_WORKFLOW, EXECUTION_READ, ListExecutions)
async def list_of_workflow(call: Call) -> Answer:
    """The newest executions of one workflow; none for a workflow that is not there."""
    return await _listed(call, ids.definition_id(DIALECT, call.organisation, call.path("workflow_id")))


async def _listed(call: Call, definition_id: str | None) -> Answer:
    asked = call.query(ListExecutions)
    whole = wire.DETAILS in asked.expand
    question = RunQuery(
        dialect=DIALECT,
        organisation=call.organisation,
        definition_ids=None if definition_id is None else [definition_id],
        page_size=min(asked.limit, wire.DETAILS_LIMIT) if whole else asked.limit,
    )
    page = await call.client.list_runs(question)
    rows = [projection.row(run) for run in page.runs]
    if whole:
        rows = await _in_detail(call, [run.facts.run_id for run in page.runs])
    return Answer("workflow executions retrieved", {"executions": rows})


async def _in_detail(call: Call, run_ids: list[str]) -> list[Json]:
    places = asyncio.Semaphore(READS_AT_ONCE)

    async def read(run_id: str) -> Json:
        async with places:
            return projection.execution(*await call.client.read_run(DIALECT, call.organisation, run_id))

    return await asyncio.gather(*map(read, run_ids))


@operation(router, "CancelExecution", "POST", _ONE + "/cancel", EXECUTION_CONTROL)
async def cancel(call: Call) -> Answer:
    """Stop an execution that has not ended, with all that it waits for."""
    try:
        await call.client.cancel_run(DIALECT, call.organisation, exec_ids.run_id(call.path("exec_id")))
    except NotFound:
        raise NotFound(NO_EXECUTION) from None
    return Answer("workflow execution canceled")


@operation(router, "PauseExecution", "POST", _ONE + "/pause", EXECUTION_CONTROL)
async def pause(call: Call) -> Answer:
    """Begin no further task. Tasks at work end, signals are taken, and deadlines pass meanwhile."""
    await _paused(call, True)
    return Answer("workflow execution paused")


@operation(router, "ResumeExecution", "POST", _ONE + "/resume", EXECUTION_CONTROL)
async def resume(call: Call) -> Answer:
    """Go on with a paused execution."""
    await _paused(call, False)
    return Answer("workflow execution resumed")


async def _paused(call: Call, paused: bool) -> None:
    try:
        await call.client.pause_run(DIALECT, call.organisation, exec_ids.run_id(call.path("exec_id")), paused)
    except NotFound:
        raise NotFound(NO_EXECUTION) from None
