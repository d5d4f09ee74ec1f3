"""Workflows: list, read, save, delete."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from fastapi import APIRouter

from adapter.calls import Call
from adapter.dialects.compozy import cursors, wire
from adapter.dialects.compozy.documents import shown, workflow_of
from adapter.dialects.compozy.errors import WORKFLOWS, PreconditionFailed
from adapter.dialects.compozy.operations import Answer, Json, operation
from adapter.dialects.compozy.saving import delete, save
from adapter.dialects.compozy.state import NO_WORKFLOW, State, Workflows, matches
from adapter.dialects.compozy.words import WORKFLOW_READ, WORKFLOW_WRITE
from adapter.services import services
from definitions.errors import Conflict, NotFound

router = APIRouter()

_ONE = "/workflows/{workflow_id}"
#: Versions that are read at once for a list; each is read once by a process, since it never changes.
READS_AT_ONCE = 16
#: What a list tells of a workflow.
HEAD = ("version", "description", "author")
#: How often a change is made again that somebody else's has got in the way of.
TRIES = 4


@operation(router, "ListWorkflows", "GET", "/workflows", WORKFLOW_READ, wire.ListWorkflows)
async def list_workflows(call: Call) -> Answer:
    """Workflows, A to Z, a page at a time."""
    asked = call.query(wire.ListWorkflows)
    workflows = Workflows(call.client, call.organisation)
    states = {one.facts.name: one for one in await workflows.listed() if one.facts.name.startswith(asked.q)}
    page = cursors.page_of(sorted(states), asked.cursor, asked.limit)
    places = asyncio.Semaphore(READS_AT_ONCE)

    async def row(name: str) -> Json:
        async with places:
            version = await workflows.version(states[name])
            # In a thread: a large one takes a while to read.
            return await asyncio.to_thread(_row, states[name], version.text, asked.expand)

    data = {
        "workflows": await asyncio.gather(*map(row, page.ids)),
        "page": {
            "limit": asked.limit,
            "total": len(states),
            "next_cursor": page.following,
            "prev_cursor": page.previous,
        },
    }
    return Answer("workflows retrieved", data, headers=cursors.link_header(call.request, page))


def _row(state: State, text: str, expand: list[str]) -> Json:
    document = shown(text)
    row: Json = {"id": state.facts.name} | {key: document[key] for key in HEAD if key in document}
    for part in wire.EXPANDABLE:
        listed = document.get(part)
        parts = listed if isinstance(listed, list) else []
        row |= {part: parts} if part in expand else {f"{part.removesuffix('s')}_count": len(parts)}
    return row | {"created_at": state.facts.created_at, "etag": state.etag}


@operation(router, "GetWorkflow", "GET", _ONE, WORKFLOW_READ)
async def get_workflow(call: Call) -> Answer:
    """One workflow, as it was saved; no secret is shown."""
    workflows = Workflows(call.client, call.organisation)
    state = await workflows.state(call.path("workflow_id"))
    version = await workflows.version(state)
    return Answer("workflow retrieved", shown(version.text), headers={"etag": state.etag})


@operation(router, "PutWorkflow", "PUT", _ONE, WORKFLOW_WRITE)
async def put_workflow(call: Call) -> Answer:
    """Save a workflow, in JSON or YAML, by itself or in a list `workflows`; executions under way keep their version."""
    name = call.path("workflow_id")
    document = await asyncio.to_thread(workflow_of, await call.request.body(), name)
    workflows = Workflows(call.client, call.organisation)
    for _ in range(TRIES):
        before = await workflows.find(name)
        _check_match(call, before)
        try:
            state = await save(workflows, services(call.request).settings, document, before)
        except PreconditionFailed:
            continue  # somebody has changed it since it was read
        created = before is None or not before.exists
        headers = {"etag": state.etag} | ({"location": f"{WORKFLOWS}/{quote(name, safe='')}"} if created else {})
        version = await workflows.version(state)
        message = "workflow created" if created else "workflow updated"
        return Answer(message, shown(version.text), 201 if created else 200, headers)
    raise Conflict("the workflow is being changed by others")


@operation(router, "DeleteWorkflow", "DELETE", _ONE, WORKFLOW_WRITE)
async def delete_workflow(call: Call) -> Answer:
    """Take a workflow away: nothing starts it any more. Executions go on."""
    workflows = Workflows(call.client, call.organisation)
    for _ in range(TRIES):
        state = await workflows.find(call.path("workflow_id"))
        if state is None or not state.exists:
            raise NotFound(NO_WORKFLOW)
        _check_match(call, state)
        try:
            await delete(workflows, state)
        except PreconditionFailed:
            continue
        return Answer("workflow deleted", status=204)
    raise Conflict("the workflow is being changed by others")


def _check_match(call: Call, state: State | None) -> None:
    """Raises PreconditionFailed, if the caller has said what it thinks it changes."""
    wanted, unwanted = call.request.headers.get("if-match"), call.request.headers.get("if-none-match")
    if wanted is not None and not matches(wanted, state):
        raise PreconditionFailed("the workflow is not the one that If-Match names")
    if unwanted is not None and matches(unwanted, state):
        raise PreconditionFailed("the workflow is one that If-None-Match names")
