"""Workflows, their versions and tags."""

from __future__ import annotations

import asyncio
import re

from fastapi import APIRouter

from adapter.dialects.justworkflowit import projection
from adapter.dialects.justworkflowit.operations import Call, operation
from adapter.dialects.justworkflowit.projection import Json
from adapter.dialects.justworkflowit.wire import RegisterVersion, RegisterWorkflow, SetTag
from adapter.dialects.justworkflowit.words import DIALECT, TAG
from adapter.failures import RequestInvalid
from definitions import ids
from definitions.dialects import justworkflowit as language
from definitions.errors import AlreadyExists, DefinitionError, NotFound
from worker.client import team_executors

router = APIRouter()

_WORKFLOW = "/workflows/{workflowId}"
_VERSIONS = _WORKFLOW + "/versions"
_TAG = _WORKFLOW + "/tags/{tag}"


@operation(router, "RegisterWorkflow", "POST", "/workflows", "workflow:create", RegisterWorkflow)
async def register_workflow(call: Call) -> Json:
    """Give a workflow a name, which no other workflow of the organisation may have."""
    body = await call.body(RegisterWorkflow)
    try:
        facts = await call.client.register_definition(
            DIALECT, call.organisation, body.name, request_id=await call.request_id()
        )
    except AlreadyExists:
        message = "A workflow already exists with this name."
        raise RequestInvalid(message, {"$.name": message}) from None
    return {"workflowId": facts.definition_id}


@operation(router, "ListWorkflows", "GET", "/workflows", "workflow:read")
async def list_workflows(call: Call) -> Json:
    """All workflows of the organisation, A to Z."""
    found = await call.client.list_definitions(DIALECT, call.organisation)
    return {"workflows": [projection.workflow(facts) for facts in found]}


@operation(router, "GetWorkflow", "GET", _WORKFLOW, "workflow:read")
async def get_workflow(call: Call) -> Json:
    """One workflow."""
    return projection.workflow(
        await call.client.describe_definition(DIALECT, call.organisation, call.identifier("workflowId"))
    )


@operation(router, "RegisterWorkflowVersion", "POST", _VERSIONS, "workflow:version:create", RegisterVersion)
async def register_version(call: Call) -> Json:
    """Add an immutable version, or find the live one if it says the same."""
    body = await call.body(RegisterVersion)
    # In a thread: a text seen for the first time takes up to a fraction of a second.
    await asyncio.to_thread(language.compile_text, body.definition, executors=team_executors())
    facts = await call.client.add_version(
        DIALECT,
        call.organisation,
        call.identifier("workflowId"),
        body.definition,
        language.minified_sha256(body.definition),
        request_id=await call.request_id(),
        unless_tag=language.LIVE_TAG,
    )
    return {"workflowId": facts.definition_id, "versionId": facts.version_id, "versionNumber": facts.number}


@operation(
    router, "ValidateWorkflowVersion", "POST", _VERSIONS + "/validate", "workflow:version:create", RegisterVersion
)
async def validate_version(call: Call) -> Json:
    """Say what is wrong with a definition; an invalid one is no error of this call."""
    body = await call.body(RegisterVersion)
    await call.client.describe_definition(DIALECT, call.organisation, call.identifier("workflowId"))
    try:
        await asyncio.to_thread(language.compile_text, body.definition, executors=team_executors())
    except DefinitionError as error:
        return {"valid": False, "errors": language.problem_texts(error)}
    return {"valid": True, "errors": [], "definition": body.definition}


@operation(router, "ListWorkflowVersions", "GET", _VERSIONS, "workflow:version:read")
async def list_versions(call: Call) -> Json:
    """All versions of a workflow, newest first."""
    workflow_id = call.identifier("workflowId")
    facts = await call.client.describe_definition(DIALECT, call.organisation, workflow_id)
    found = await call.client.list_versions(DIALECT, call.organisation, workflow_id)
    return {"versions": [projection.version(version, facts.tags) for version in found]}


@operation(router, "GetWorkflowVersion", "GET", _VERSIONS + "/{versionId}", "workflow:version:read")
async def get_version(call: Call) -> Json:
    """One version."""
    workflow_id = call.identifier("workflowId")
    number = version_number(workflow_id, call.path("versionId"))
    facts = await call.client.describe_definition(DIALECT, call.organisation, workflow_id)
    version = await call.client.get_version(DIALECT, call.organisation, workflow_id, number)
    return {"workflowId": workflow_id} | projection.version(version, facts.tags)


@operation(router, "SetWorkflowVersionTag", "PUT", _TAG, "workflow:version:create", SetTag)
async def set_tag(call: Call) -> Json:
    """Point a tag to a version."""
    tag = _tag(call)
    body = await call.body(SetTag)
    workflow_id = call.identifier("workflowId")
    number = version_number(workflow_id, body.versionId)
    await call.client.set_tag(DIALECT, call.organisation, workflow_id, tag, number)
    return {"success": True}


@operation(router, "GetTaggedWorkflowVersion", "GET", _TAG, "workflow:version:read")
async def get_tag(call: Call) -> Json:
    """The version that a tag points to."""
    tag = _tag(call)
    facts = await call.client.describe_definition(DIALECT, call.organisation, call.identifier("workflowId"))
    number = tagged(facts.tags, tag)
    return {"versionId": ids.version_id(facts.definition_id, number), "versionNumber": number}


def version_number(workflow_id: str, version_id: str) -> int:
    """The number that a version's id stands for. Raises NotFound."""
    number = ids.version_number(workflow_id, version_id)
    if number is None:
        raise NotFound("the workflow has no version with this id")
    return number


def tagged(tags: dict[str, int], tag: str) -> int:
    """The number of the version that a tag points to. Raises NotFound."""
    if tag not in tags:
        raise NotFound(f"the workflow has no version with the tag {tag}")
    return tags[tag]


def _tag(call: Call) -> str:
    tag = call.path("tag")
    if not re.fullmatch(TAG, tag):
        raise RequestInvalid("the tag is not valid", {"tag": f"must match {TAG}"})
    return tag
