"""Workflows and routes: save, read, deploy, switch, delete. Both kinds have the same operations."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from adapter.calls import Call
from adapter.dialects.fastgen import deploying, projects, wire
from adapter.dialects.fastgen.errors import BASE, LIVE
from adapter.dialects.fastgen.operations import Answer, Json, operation
from adapter.dialects.fastgen.state import Definitions, State, compiled
from adapter.dialects.fastgen.words import WORKFLOW_READ, WORKFLOW_WRITE
from adapter.failures import RequestInvalid
from adapter.services import services
from definitions import json_text
from definitions.contract import VersionFacts
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.words import ROUTE, WORKFLOW
from definitions.errors import DefinitionError, Problem

router = APIRouter()

#: Versions that are read at once for a list; each is read once by a process, since it never changes.
READS_AT_ONCE = 16
#: What a list tells of a document, and what is shown besides it, which may be sent back with it.
HEAD = ("description", "event", "method", "path", "authentication")
SHOWN = ("project", "version", "deployedVersion", "createdAt", "updatedAt", "url")


def definitions_of(call: Call, kind: str) -> Definitions:
    """The workflows, or the routes, of the path's project."""
    return Definitions(call.client, call.organisation, call.path("project"), kind)


@dataclass(frozen=True)
class Kind:
    """The operations of one kind, at `/{kind}s`."""

    kind: str
    model: type[BaseModel]

    def serve(self) -> None:
        title, root = self.kind.capitalize(), f"/{self.kind}s"
        one = root + "/{name}"
        operation(router, f"List{title}s", "GET", root, WORKFLOW_READ)(self.list)
        operation(router, f"Save{title}", "PUT", one, WORKFLOW_WRITE, self.model)(self.save)
        operation(router, f"Get{title}", "GET", one, WORKFLOW_READ, wire.Read)(self.get)
        operation(router, f"Delete{title}", "DELETE", one, WORKFLOW_WRITE)(self.delete)
        operation(router, f"Deploy{title}", "POST", f"{one}/deploy", WORKFLOW_WRITE, wire.Deploy)(self.deploy)
        operation(router, f"Switch{title}", "PUT", f"{one}/active", WORKFLOW_WRITE, wire.Switch)(self.switch)

    async def list(self, call: Call) -> Answer:
        """All of the project, A to Z, as they were saved last."""
        definitions = definitions_of(call, self.kind)
        places = asyncio.Semaphore(READS_AT_ONCE)

        async def row(state: State) -> Json:
            async with places:
                version = await definitions.version(state, state.draft)
            document = deploying.shown(version)
            return {key: document[key] for key in HEAD if key in document} | _short(call, definitions, state, version)

        return Answer({f"{self.kind}s": await asyncio.gather(*map(row, await definitions.listed()))})

    async def save(self, call: Call) -> Answer:
        """Save as the draft: nothing that runs changes. `?dryRun=true` only checks."""
        name, dry = call.path("name"), call.query(wire.Save).dryRun
        body = await _document(call, name)
        definitions = definitions_of(call, self.kind)
        await _check(call, deploying.text_of(definitions, name, body))
        if dry:
            return Answer({"valid": True, "name": name, "project": definitions.project})
        await projects.taken(call)
        state, created = await deploying.save(definitions, name, body)
        return Answer(await _shown(call, definitions, state), 201 if created else 200)

    async def get(self, call: Call) -> Answer:
        """One as it was saved last, or as it is deployed."""
        definitions = definitions_of(call, self.kind)
        state = await definitions.state(call.path("name"))
        asked = call.query(wire.Read)
        number = state.live if asked.deployed and state.live is not None else state.draft
        version = await definitions.version(state, number)
        times = {"createdAt": state.facts.created_at, "updatedAt": version.created_at}
        return Answer(deploying.shown(version) | _short(call, definitions, state, version) | times)

    async def deploy(self, call: Call) -> Answer:
        """Put what was saved last, or a version named, in force: at once, for every server."""
        definitions = definitions_of(call, self.kind)
        state = await definitions.state(call.path("name"))
        body = await call.body(wire.Deploy, may_be_empty=True)
        state = await deploying.deploy(definitions, state, body.version or state.draft)
        return Answer(await _shown(call, definitions, state))

    async def switch(self, call: Call) -> Answer:
        """Switch on or off: at once, for every server, whatever the documents say."""
        definitions = definitions_of(call, self.kind)
        state = await definitions.state(call.path("name"))
        body = await call.body(wire.Switch)
        return Answer(await _shown(call, definitions, await deploying.switch(definitions, state, body.active)))

    async def delete(self, call: Call) -> Answer:
        """Take it away, deployed or not; runs go on. Its name is free again."""
        definitions = definitions_of(call, self.kind)
        state = await definitions.state(call.path("name"))
        await deploying.delete(definitions, state)
        return Answer({"name": state.name, "deleted": True})


async def _check(call: Call, text: str) -> None:
    """What can be found wrong without running anything; a worker looks at custom code. Raises DefinitionError."""
    await compiled(text)
    for path, module in language.sources(text):
        try:
            await call.client.inspect_code(language.SHIM, module)
        except DefinitionError as error:
            found = [Problem(one.code, path, one.message, one.unsupported) for one in error.problems]
            raise DefinitionError(found) from None


async def _document(call: Call, name: str) -> Json:
    """The body, without what is shown besides it. Raises DefinitionError, RequestInvalid."""
    raw = await call.request.body()
    try:
        body: Any = json_text.parse(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise RequestInvalid(f"the body is not UTF-8 at byte {error.start}") from None
    if not isinstance(body, dict):
        raise RequestInvalid("the body must be a JSON object", {"$": "must be an object"})
    if body.get("name", name) != name:
        raise RequestInvalid("the name is not that of the path", {"$.name": f"must be {name!r}"})
    return {key: value for key, value in body.items() if key not in SHOWN}


async def _shown(call: Call, definitions: Definitions, state: State) -> Json:
    return _short(call, definitions, state, await definitions.version(state, state.draft))


def _short(call: Call, definitions: Definitions, state: State, draft: VersionFacts) -> Json:
    """What is told of every one. `active` counts once it is deployed; `deployedVersion` null: it is not."""
    shown: Json = {
        "name": state.name,
        "project": definitions.project,
        "active": state.active and deploying.shown(draft).get("active") is not False,
        "version": state.draft,
        "deployedVersion": state.live,
    }
    if definitions.kind == ROUTE:
        base = services(call.request).settings.public_url or str(call.request.base_url)
        path = language.route(draft.text).path
        shown["url"] = f"{base.rstrip('/')}{BASE}/{definitions.project}/{LIVE}{path}"
    return shown


for _kind in (Kind(WORKFLOW, wire.Workflow), Kind(ROUTE, wire.Route)):
    _kind.serve()
