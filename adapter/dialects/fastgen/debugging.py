"""Debugging: a draft is run as it was saved, with what its caller makes up; nothing that is live is touched.

Such a run is stored as any other. The events that it creates are shown, and sent only if its caller asks for that.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.fastgen import requests, wire
from adapter.dialects.fastgen.management import definitions_of
from adapter.dialects.fastgen.operations import Answer, operation
from adapter.dialects.fastgen.runs import whole
from adapter.dialects.fastgen.state import compiled
from adapter.dialects.fastgen.words import DEBUG, RUN_START
from adapter.new_runs import new_run
from adapter.services import services
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.words import ROUTE, WORKFLOW

router = APIRouter()


@operation(router, "DebugWorkflow", "POST", "/workflows/{name}/debug", RUN_START, wire.DebugWorkflow)
async def debug_workflow(call: Call) -> Answer:
    """Run the draft with these parameters: what became of each action, as far as it has come in a bounded time."""
    body = await call.body(wire.DebugWorkflow, may_be_empty=True)
    return await _debug(call, WORKFLOW, body.params, body.dryRun)


@operation(router, "DebugRoute", "POST", "/routes/{name}/debug", RUN_START, wire.DebugRoute)
async def debug_route(call: Call) -> Answer:
    """Run the draft with this request: what became of each action, as far as it has come in a bounded time."""
    asked = await call.body(wire.DebugRoute, may_be_empty=True)
    raw = asked.bodyRaw
    if raw is None:
        raw = "" if asked.body is None else json.dumps(asked.body, ensure_ascii=False)
    headers = {name.lower(): value for name, value in asked.headers.items()}
    given = language.request(asked.body, asked.query, asked.path, headers, raw)
    return await _debug(call, ROUTE, given, asked.dryRun)


async def _debug(call: Call, kind: str, given: Any, dry: bool) -> Answer:
    definitions = definitions_of(call, kind)
    state = await definitions.state(call.path("name"))
    version = await definitions.version(state, state.draft)
    definition = await compiled(version.text)
    if kind == ROUTE:
        given["header"] = requests.seen(given["header"], version.text)
    language.check_input(definition, True, given)
    facts = new_run(state.facts, version, call.caller.name, queue=DEBUG)
    run, _ = await call.client.start_run(language.dried(definition) if dry else definition, facts, given)
    await call.client.ended_within(run.workflow_id, services(call.request).settings.resume_wait)
    return Answer(await whole(call, facts.run_id) | {"dryRun": dry})
