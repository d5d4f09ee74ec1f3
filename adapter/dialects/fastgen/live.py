"""Live routes: `/fastgen/{project}/api/…`, and the roots of hosts that stand for a project. Each request is a run.

The answer is what the run's `return` gives, if that comes within `TIDEGATE_RESUME_WAIT`. A caller may give its request
a name in the header `Idempotency-Key`: the same name again finds the run that it has started, and is answered alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.answers import JsonAnswer, encoded
from adapter.dialects.fastgen import projects, requests, route_index, tokens
from adapter.dialects.fastgen.errors import BASE, LIVE
from adapter.dialects.fastgen.state import Definitions, State, compiled
from adapter.dialects.fastgen.words import DIALECT
from adapter.failures import MethodNotAllowed, RequestInvalid
from adapter.given_headers import add_given
from adapter.new_runs import new_run
from adapter.services import services
from definitions import ids
from definitions.contract import ClosedRun, VersionFacts
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.words import API_TOKEN, ROUTE
from definitions.errors import Conflict, InputInvalid, NotFound, Overloaded, Unavailable
from worker.client import RunDescription

router = APIRouter()

ROOT = f"{BASE}/{{project}}/{LIVE}"
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
KEY_LIMIT = 1_000
#: Seconds for which an idempotency key counts.
KEY_SECONDS = 86_400.0
SUBMITTED_BY = "request"
MISSING = "no route of the project is deployed here"
FAILED, SLOW = "the route has failed", "the route has not answered in time; its run goes on"


@dataclass(frozen=True)
class Target:
    """What serves a request."""

    routes: Definitions
    state: State
    version: VersionFacts
    route: language.Route
    path: str


async def serve(request: Request, project: str) -> Response:
    """Start a run of the route that this request is for, and answer what it returns."""
    target = await _target(request, project)
    if target.route.authentication == API_TOKEN:
        await tokens.check(request, target.routes.organisation, project)
    given = await requests.read(request, target.route, target.version.text, target.path)
    run = await _run(request, target, given)
    held = services(request)
    try:
        ended = await held.client.outcome(run.workflow_id, held.settings.resume_wait)
    except (Unavailable, Overloaded):  # the run is durable; what it comes to can be read later
        ended = None
    answer = _answer(ended)
    answer.headers["x-run-id"] = run.facts.run_id
    return answer


for _path in (ROOT, ROOT + "/{rest:path}"):
    router.add_api_route(_path, serve, methods=METHODS, response_model=None, include_in_schema=False)


async def _target(request: Request, project: str) -> Target:
    """Raises NotFound, MethodNotAllowed."""
    client = services(request).client
    organisation = await projects.owner(client, project)
    request.state.organisation = organisation
    routes, path = Definitions(client, organisation, project, ROUTE), requests.asked_path(request)
    fitting = await route_index.fitting(routes, path)
    for entry in (one for one in fitting if one.method == request.method):
        found = await route_index.live(routes, entry)
        if found is not None:
            return Target(routes, *found, language.route(found[1].text), path)
    raise await _not_here(routes, fitting, request.method)


async def _not_here(
    routes: Definitions, fitting: Sequence[route_index.Entry], method: str
) -> NotFound | MethodNotAllowed:
    others: set[str] = set()
    for entry in fitting:
        if entry.method not in {method, *others} and await route_index.live(routes, entry) is not None:
            others.add(entry.method)
    allowed = tuple(sorted(others))
    return MethodNotAllowed(f"this path takes {' and '.join(allowed)}", allowed) if allowed else NotFound(MISSING)


async def _run(request: Request, target: Target, given: dict[str, Any]) -> RunDescription:
    """A new run, or that of the same idempotency key. Raises InputInvalid (body), Conflict, RequestInvalid."""
    client, definition = target.routes.client, await compiled(target.version.text)
    language.check_input(definition, True, given)
    facts = new_run(target.state.facts, target.version, SUBMITTED_BY)
    key = request.headers.get("idempotency-key")
    if not key:
        return (await client.start_run(definition, facts, given))[0]
    if len(key) > KEY_LIMIT:
        raise RequestInvalid("the idempotency key is too long", {"Idempotency-Key": f"at most {KEY_LIMIT} characters"})
    content = ids.content_hash([given["body"], given["query"], given["path"]])
    scope = f"route/{facts.definition_id}"
    claim = await client.claim(DIALECT, facts.organisation, scope, key, KEY_SECONDS, content, facts.run_id)
    if claim.content_hash != content:
        raise Conflict("the idempotency key was used with another request")
    return (await client.start_claimed(claim, definition, facts, given))[0]


# --- the answer ---


def _answer(ended: ClosedRun | None) -> Response:
    if ended is None:
        return JsonAnswer({"message": SLOW, "code": "too-slow"}, 504)
    if ended.status != "succeeded":
        return JsonAnswer({"message": FAILED, "code": "route-failed"}, 500)
    try:
        return _given(language.reply(ended.output))
    except InputInvalid as error:
        return JsonAnswer({"message": f"{FAILED}: {error.message}", "code": "route-failed"}, 500)


def _given(reply: language.Reply) -> Response:
    """The answer as `return` gives it: text as it is under a content type that is not JSON, anything else as JSON."""
    given = Response()
    add_given(given, ((name, value) for name, value in (reply.headers or {}).items() if value or not _is_kind(name)))
    kind = given.headers.get("content-type", "application/json")
    as_it_is = isinstance(reply.body, str) and "json" not in kind.lower()
    content = reply.body.encode("utf-8", "replace") if as_it_is else encoded(reply.body)
    if reply.status in (204, 205, 304) or not reply.has_body:
        content = b""
    answer = Response(content, reply.status)
    add_given(answer, given.headers.items())
    if content:
        answer.headers.setdefault("content-type", "application/json")
    return answer


def _is_kind(header: str) -> bool:
    return header.lower() == "content-type"
