"""Workflows: create, validate, read, update, activate, delete; their secrets and trigger URLs."""

from __future__ import annotations

import re

from fastapi import APIRouter

from adapter.body import json_object
from adapter.calls import Call
from adapter.dialects.jsworkflows import trigger_tokens, wire
from adapter.dialects.jsworkflows.operations import Answer, Json, operation
from adapter.dialects.jsworkflows.state import LIVE, State, Workflows, compiled
from adapter.dialects.jsworkflows.words import ACTIVE, DIALECT, SECRET_WRITE, WORKFLOW_READ, WORKFLOW_WRITE
from adapter.failures import RequestInvalid
from adapter.services import services
from definitions import ids
from definitions.contract import DefinitionFacts
from definitions.dialects import jsworkflows as language
from definitions.errors import AlreadyExists, NotFound, Unavailable
from definitions.model import Definition
from worker.client import SecretBox

router = APIRouter()

_WORKFLOW = "/workflows/{workflow}"
_SECRET = re.compile(r"[A-Z_][A-Z0-9_]{0,99}", re.ASCII)


@operation(router, "CreateWorkflow", "POST", "/workflows", WORKFLOW_WRITE, wire.Workflow)
async def create_workflow(call: Call) -> Answer:
    """Create a workflow, which is inactive at first; `?dryRun=true` only checks it."""
    definition, text = await _checked(call)
    if _dry_run(call):
        return Answer(_valid(definition))
    workflows = Workflows(call.client, call.organisation)
    state = State(await _named(call, definition.name))
    if state.exists:
        raise _taken(definition.name)
    version = await call.client.add_version(
        DIALECT, call.organisation, state.facts.definition_id, text, language.minified_sha256(text)
    )
    # One that was deleted under this name keeps its record, and gets another trigger URL.
    try:
        state = await workflows.create(state, version.number)
    except AlreadyExists:  # by another request at this moment
        raise _taken(definition.name) from None
    return Answer(_short(call, state), 201)


def _taken(name: str) -> AlreadyExists:
    return AlreadyExists(f"there is a workflow {name[:80]!r} already")


async def _named(call: Call, name: str) -> DefinitionFacts:
    """The record of a name, which is made if there is none."""
    definition_id = ids.definition_id(DIALECT, call.organisation, name)
    try:
        return await call.client.describe_definition(DIALECT, call.organisation, definition_id)
    except NotFound:
        pass
    try:
        return await call.client.register_definition(DIALECT, call.organisation, name)
    except AlreadyExists:  # by another request at this moment
        return await call.client.describe_definition(DIALECT, call.organisation, definition_id)


@operation(router, "ValidateWorkflow", "POST", "/workflows/validate", WORKFLOW_WRITE, wire.Workflow)
async def validate_workflow(call: Call) -> Answer:
    """Check a workflow, and keep nothing of it."""
    definition, _ = await _checked(call)
    return Answer(_valid(definition))


def _valid(definition: Definition) -> Json:
    return {"ok": True, "valid": True, "name": definition.name}


def _dry_run(call: Call) -> bool:
    return call.query(wire.Registration).dryRun


async def _checked(call: Call) -> tuple[Definition, str]:
    """A workflow, compiled, and the text that is kept of it. A worker looks at the class of one that has source."""
    document = await json_object(call.request)
    raw = (await call.request.body()).decode("utf-8-sig")
    document.pop("methods", None)  # found here, so what a caller has read may be sent back
    if not isinstance(document.get("source"), str):
        return await compiled(raw), raw
    text = language.text_of(document)
    await compiled(text)
    methods = await call.client.inspect_code(language.SHIM, document["source"])
    text = language.text_of(language.inspected(document, methods))
    return await compiled(text), text


@operation(router, "ListWorkflows", "GET", "/workflows", WORKFLOW_READ)
async def list_workflows(call: Call) -> Answer:
    """All workflows, A to Z."""
    found = await call.client.list_definitions(DIALECT, call.organisation)
    states = [State(facts) for facts in found]
    return Answer({"workflows": [_short(call, state) for state in states if state.exists]})


@operation(router, "GetWorkflow", "GET", _WORKFLOW, WORKFLOW_READ)
async def get_workflow(call: Call) -> Answer:
    """One workflow, as it was registered."""
    workflows, state = await _state(call)
    version = await workflows.version(state)
    times = {"createdAt": state.facts.created_at, "updatedAt": version.created_at}
    return Answer(language.document(version.text) | _short(call, state) | times)


@operation(router, "UpdateWorkflow", "PUT", _WORKFLOW, WORKFLOW_WRITE, wire.Workflow)
async def update_workflow(call: Call) -> Answer:
    """Put a new version in force for new runs; runs under way keep theirs. `?dryRun=true` only checks it."""
    workflows, state = await _state(call)
    definition, text = await _checked(call)
    facts = state.facts
    if definition.name != facts.name:
        raise RequestInvalid("a workflow keeps its name", {"$.name": f"must be {facts.name!r}"})
    if _dry_run(call):
        return Answer(_valid(definition))
    version = await call.client.add_version(
        DIALECT,
        call.organisation,
        facts.definition_id,
        text,
        language.minified_sha256(text),
        unless_tag=LIVE,
    )
    if version.number != facts.tags[LIVE]:
        state = await workflows.change(state, {LIVE: version.number})
    return Answer(_short(call, state))


@operation(router, "ActivateWorkflow", "POST", _WORKFLOW + "/activate", WORKFLOW_WRITE)
async def activate_workflow(call: Call) -> Answer:
    """Let its trigger URL start runs."""
    workflows, state = await _state(call)
    return Answer(_short(call, await workflows.change(state, {ACTIVE: 1})))


@operation(router, "DeactivateWorkflow", "POST", _WORKFLOW + "/deactivate", WORKFLOW_WRITE)
async def deactivate_workflow(call: Call) -> Answer:
    """Its trigger URL answers 404 until it is activated again; runs go on."""
    workflows, state = await _state(call)
    return Answer(_short(call, await workflows.change(state, {}, [ACTIVE])))


@operation(router, "RotateTrigger", "POST", _WORKFLOW + "/rotate-trigger", WORKFLOW_WRITE)
async def rotate_trigger(call: Call) -> Answer:
    """Give the workflow another trigger URL: the one before answers 404 from now on."""
    workflows, state = await _state(call)
    return Answer(_short(call, await workflows.change(state, *state.following())))


@operation(router, "DeleteWorkflow", "DELETE", _WORKFLOW, WORKFLOW_WRITE)
async def delete_workflow(call: Call) -> Answer:
    """Take it away: it is shown no more, and its trigger URL answers 404; runs go on. Its name is free again."""
    workflows, state = await _state(call)
    tags, remove = state.following()
    await workflows.change(state, tags, [*remove, LIVE, ACTIVE])
    return Answer({"ok": True, "id": state.facts.definition_id})


@operation(router, "PutSecret", "PUT", _WORKFLOW + "/secrets/{name}", SECRET_WRITE, wire.PutSecret)
async def put_secret(call: Call) -> Answer:
    """Keep a secret for this workflow, in place of an earlier one. It is sealed here, and never shown again."""
    _, state = await _state(call)
    name, keys = call.path("name"), services(call.request).settings.secret_keys
    if not _SECRET.fullmatch(name):
        raise RequestInvalid("the name is not one of capital letters, digits and _", {"name": "is not a secret's name"})
    if not keys:
        raise Unavailable("this server keeps no secrets: TIDEGATE_SECRET_KEYS is not set", part="adapter")
    body = await call.body(wire.PutSecret)
    kept_as = language.secret_name(state.facts.name, name)
    sealed = SecretBox(keys).seal(call.organisation, kept_as, body.value)
    await call.client.put_secret(call.organisation, kept_as, sealed)
    return Answer({"ok": True, "name": name})


async def _state(call: Call) -> tuple[Workflows, State]:
    workflows = Workflows(call.client, call.organisation)
    return workflows, await workflows.read(call.path("workflow"))


def _short(call: Call, state: State) -> Json:
    facts = state.facts
    trigger = trigger_tokens.Trigger(call.organisation, facts.definition_id, state.generation)
    return {
        "id": facts.definition_id,
        "name": facts.name,
        "active": state.active,
        "triggerUrl": trigger_tokens.url(services(call.request).settings, str(call.request.base_url), trigger),
        "version": facts.tags[LIVE],
    }
