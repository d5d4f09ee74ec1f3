"""Test runs: a workflow is tried as it stands, active or not, with links that are stand-ins."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.jsworkflows import projection, wire
from adapter.dialects.jsworkflows.operations import Answer, operation
from adapter.dialects.jsworkflows.starting import result_of, run_facts, started
from adapter.dialects.jsworkflows.state import Workflows, compiled
from adapter.dialects.jsworkflows.words import DIALECT, RUN_START
from adapter.services import services
from definitions.dialects import jsworkflows as language
from worker.client import RunDescription

router = APIRouter()
#: Seconds between two looks at a run whose first action has ended.
PAUSE = 0.05


@operation(router, "TestWorkflow", "POST", "/workflows/{workflow}/test", RUN_START, wire.TestRun)
async def test_workflow(call: Call) -> Answer:
    """Try the workflow: its steps with their results and log, as far as they have come in a bounded time."""
    workflows = Workflows(call.client, call.organisation)
    state = await workflows.read(call.path("workflow"))
    body = await call.body(wire.TestRun, may_be_empty=True)
    version = await workflows.version(state)
    definition = language.as_test(await compiled(version.text))
    facts = run_facts(state, version, call.caller.name, test=True)
    headers = {name.lower(): value for name, value in body.headers.items()}
    run, _ = await call.client.start_run(definition, facts, {"data": body.data, "headers": headers})
    seconds = services(call.request).settings.resume_wait
    deadline = time.monotonic() + seconds
    outcome = await started(call.client, run.workflow_id, seconds)
    run = await _ended(call, run, deadline)
    shown = projection.run(run, await call.client.snapshot(DIALECT, call.organisation, facts.run_id))
    debug = [line for step in shown["steps"] for line in step["logs"]]
    value, response = result_of(outcome)
    result = {"result": value} if response is None else {"result": None, "response": response}
    return Answer(shown | result | {"debug": debug})


async def _ended(call: Call, run: RunDescription, deadline: float) -> RunDescription:
    """The run once it has ended, or when the time is over."""
    while True:
        run = await call.client.describe_workflow(run.workflow_id)
        if run.closed_at is not None or time.monotonic() >= deadline:
            return run
        await asyncio.sleep(PAUSE)
