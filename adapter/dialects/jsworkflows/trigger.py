"""`/trigger/{token}`: the URL that starts runs of an active workflow. The token is the credential.

The answer is what `start` gives, if that comes within `TIDEGATE_RESUME_WAIT`. A caller may give its request a name in
the header `Idempotency-Key`: the same name again finds the run that it has started, and is answered alike.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.body import parse_json
from adapter.dialects.jsworkflows import trigger_tokens
from adapter.dialects.jsworkflows.starting import result_of, run_facts, started
from adapter.dialects.jsworkflows.state import State, Workflows, compiled
from adapter.dialects.jsworkflows.words import DIALECT
from adapter.failures import QueryTooLong, RequestInvalid
from adapter.given_headers import add_given
from adapter.services import services
from definitions import ids
from definitions.contract import BranchOutcome
from definitions.errors import Conflict, NotFound
from worker.client import RunDescription

router = APIRouter()

ROUTE = trigger_tokens.PATH + "{token}"
MAX_QUERY = 8_192
KEY_LIMIT = 1_000
#: Seconds for which an idempotency key counts.
KEY_SECONDS = 86_400.0
SUBMITTED_BY = "trigger"
FAILED = "the step `start` has failed"


@router.get(ROUTE, response_model=None, openapi_extra={"x-credential": "the token"})
async def get(request: Request, token: str) -> Response:
    """Start a run with the query as `data`."""
    return await _start(request, token)


@router.post(ROUTE, response_model=None, openapi_extra={"x-credential": "the token"})
async def post(request: Request, token: str) -> Response:
    """Start a run with the JSON body, and the query, as `data`."""
    return await _start(request, token)


async def _start(request: Request, token: str) -> Response:
    if len(request.scope["query_string"]) > MAX_QUERY:
        raise QueryTooLong(f"the query is longer than {MAX_QUERY} bytes")
    held = services(request)
    trigger = trigger_tokens.verify(held.settings, token, datetime.now(timezone.utc))
    request.state.organisation = trigger.organisation
    workflows = Workflows(held.client, trigger.organisation)
    gone = NotFound(trigger_tokens.GONE)
    try:
        state = await workflows.read(trigger.definition_id)
    except NotFound:
        raise gone from None
    if not state.active or state.generation != trigger.generation:
        raise gone
    run = await _run(request, workflows, state, {"data": await _data(request), "headers": _headers(request)})
    answer = _answer(await started(held.client, run.workflow_id, held.settings.resume_wait))
    answer.headers["x-run-id"] = run.facts.run_id
    return answer


async def _run(request: Request, workflows: Workflows, state: State, given: dict[str, Any]) -> RunDescription:
    """A new run, or that of the same idempotency key. Raises Conflict for the same key with other data."""
    client, version = workflows.client, await workflows.version(state)
    definition = await compiled(version.text)
    facts = run_facts(state, version, SUBMITTED_BY)
    key = request.headers.get("idempotency-key")
    if not key:
        return (await client.start_run(definition, facts, given))[0]
    if len(key) > KEY_LIMIT:
        raise RequestInvalid("the idempotency key is too long", {"Idempotency-Key": f"at most {KEY_LIMIT} characters"})
    content, scope = ids.content_hash(given["data"]), f"trigger/{facts.definition_id}"
    claim = await client.claim(DIALECT, facts.organisation, scope, key, KEY_SECONDS, content, facts.run_id)
    if claim.content_hash != content:
        raise Conflict("the idempotency key was used with other data")
    return (await client.start_claimed(claim, definition, facts, given))[0]


# --- what the caller says ---


async def _data(request: Request) -> dict[str, Any]:
    """The body's members beside the query's; where both have a name, the body's counts. No JSON is no members."""
    try:
        body = parse_json(await request.body())
    except RequestInvalid:
        body = None
    if isinstance(body, list):  # as JavaScript spreads one
        body = {str(index): item for index, item in enumerate(body)}
    return {**request.query_params, **(body if isinstance(body, dict) else {})}


def _headers(request: Request) -> dict[str, str]:
    """The headers by name in small letters; one that comes several times is joined by commas."""
    return {name: ", ".join(request.headers.getlist(name)) for name in request.headers}


# --- the answer ---


def _answer(outcome: BranchOutcome) -> Response:
    if outcome.state == "failure":
        return JsonAnswer({"ok": False, "error": outcome.error or FAILED}, 500)
    if outcome.state == "pending":
        return JsonAnswer({"success": True}, 202)
    value, response = result_of(outcome)
    if response is not None:
        return _given(response)
    return JsonAnswer({"success": True} if value is None else value)


def _given(response: dict[str, Any]) -> Response:
    """The response that `start` gave, as it gave it."""
    status = response.get("status", 200)
    if not isinstance(status, int) or not 200 <= status <= 599:
        return JsonAnswer({"ok": False, "error": "`start` gave a response without a status from 200 to 599"}, 500)
    try:
        body = base64.b64decode(response.get("body") or "")
    except (binascii.Error, ValueError, TypeError):
        body = b""
    answer = Response(b"" if status in (204, 205, 304) else body, status)
    add_given(answer, response.get("headers", []))
    return answer
