"""Jobs: register, list, read."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from adapter.body import json_object
from adapter.calls import Call
from adapter.dialects.stackshift import wire
from adapter.dialects.stackshift.operations import Answer, Json, operation
from adapter.dialects.stackshift.words import DIALECT, JOB_READ, JOB_WRITE
from definitions import ids
from definitions.contract import DefinitionFacts, VersionFacts
from definitions.dialects import stackshift as language
from definitions.errors import AlreadyExists, NotFound
from definitions.model import Definition
from worker.client import team_executors

router = APIRouter()


@operation(router, "RegisterJob", "POST", "/jobs", JOB_WRITE, wire.RegisterJob)
async def register_job(call: Call) -> Answer:
    """Register a job, or a new version of it; `?dryRun=true` only checks it. Runs under way keep their version."""
    dry_run = call.query(wire.Registration).dryRun == "true"
    text = await _text(call)
    # In a thread: a text seen for the first time takes up to a fraction of a second.
    definition = await asyncio.to_thread(language.compile_text, text, executors=team_executors())
    if dry_run:
        return Answer({"name": definition.name, "valid": True}, "The job is valid; nothing was registered.")
    facts = await _registered(call, definition.name)
    before = facts.tags.get(language.LIVE_TAG)
    sha256 = language.minified_sha256(text)
    version = await call.client.add_version(
        DIALECT,
        call.organisation,
        facts.definition_id,
        text,
        sha256,
        # A registration that was cut short, and is sent again, goes on with the version that it had added.
        request_id=f"{before}/{sha256}",
        unless_tag=language.LIVE_TAG,
    )
    data = {"name": definition.name, "version": version.number}
    if version.number == before:
        return Answer(data, "The job is registered like this already.")
    await call.client.set_tag(DIALECT, call.organisation, facts.definition_id, language.LIVE_TAG, version.number)
    return Answer(data, "The job is registered.", 201)


async def _text(call: Call) -> str:
    """The job as it is kept. Which jobs a source registers is found out by a worker, which runs its outermost code."""
    document = await json_object(call.request)
    raw = (await call.request.body()).decode("utf-8-sig")
    if not language.source.is_source(document):
        return raw
    jobs = await call.client.inspect_code(language.SHIM, document["source"])
    return language.source.text_of(language.source.checked(document, jobs))


async def _registered(call: Call, name: str) -> DefinitionFacts:
    definition_id = ids.definition_id(DIALECT, call.organisation, name)
    try:
        return await call.client.describe_definition(DIALECT, call.organisation, definition_id)
    except NotFound:
        pass
    try:
        return await call.client.register_definition(DIALECT, call.organisation, name)
    except AlreadyExists:  # by another request at this moment
        return await call.client.describe_definition(DIALECT, call.organisation, definition_id)


@operation(router, "ListJobs", "GET", "/jobs", JOB_READ)
async def list_jobs(call: Call) -> Answer:
    """All jobs, A to Z."""
    found = await call.client.list_definitions(DIALECT, call.organisation)
    return Answer({"jobs": [_job(facts) for facts in found if language.LIVE_TAG in facts.tags]}, "The jobs.")


@operation(router, "GetJob", "GET", "/jobs/{job}", JOB_READ)
async def get_job(call: Call) -> Answer:
    """One job, as it was registered."""
    facts, version = await current(call, call.path("job"))
    document = language.document(version.text)
    return Answer(_job(facts) | {"registered_at": version.created_at} | document, "The job.")


def _job(facts: DefinitionFacts) -> Json:
    return {"name": facts.name, "version": facts.tags[language.LIVE_TAG], "created_at": facts.created_at}


async def current(call: Call, name: str) -> tuple[DefinitionFacts, VersionFacts]:
    """A job and its current version. Raises NotFound."""
    missing = NotFound(f"there is no job {name[:80]!r}")
    try:
        facts = await call.client.describe_definition(
            DIALECT, call.organisation, ids.definition_id(DIALECT, call.organisation, name)
        )
    except NotFound:
        raise missing from None
    if language.LIVE_TAG not in facts.tags:  # its registration was cut short
        raise missing
    number = facts.tags[language.LIVE_TAG]
    return facts, await call.client.get_version(DIALECT, call.organisation, facts.definition_id, number)


async def compiled(version: VersionFacts) -> Definition:
    """What a version compiles to; cached."""
    return await asyncio.to_thread(language.compile_text, version.text, executors=team_executors())
