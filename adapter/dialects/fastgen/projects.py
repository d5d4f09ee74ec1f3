"""Projects: public names. The organisation that has used one first keeps it for good."""

from __future__ import annotations

import re

from adapter.calls import Call
from adapter.dialects.fastgen.words import DIALECT
from adapter.failures import RequestInvalid
from definitions.dialects.fastgen.words import PROJECT_LIMIT
from definitions.errors import Conflict, NotFound
from worker.client import TidegateClient

SCOPE = "project"
#: In place of an organisation: no organisation has an empty name.
PUBLIC = ""
#: Seconds: longer than anybody asks.
FOR_GOOD = 10 * 365 * 86_400.0
MISSING = "there is no such project"

_PROJECT = re.compile(rf"[A-Za-z0-9_-]{{1,{PROJECT_LIMIT}}}")


async def taken(call: Call) -> str:
    """The project of the path, which is the caller's from now on.

    Raises Conflict for one of another organisation, RequestInvalid for what is no project's name.
    """
    project, organisation = call.path("project"), call.organisation
    if not _PROJECT.fullmatch(project):
        message = f"must be 1 to {PROJECT_LIMIT} letters, digits, - and _"
        raise RequestInvalid(f"project: {message}", {"project": message})
    claim = await call.client.claim(DIALECT, PUBLIC, SCOPE, project, FOR_GOOD, organisation, organisation)
    if claim.run_id != organisation:
        raise Conflict(f"the project {project!r} is another organisation's")
    return project


async def owner(client: TidegateClient, project: str) -> str:
    """The organisation that a project belongs to. Raises NotFound. Takes nothing."""
    claim = await client.standing_claim(DIALECT, PUBLIC, SCOPE, project)
    if claim is None:
        raise NotFound(MISSING)
    return claim.run_id
