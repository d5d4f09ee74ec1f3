"""`/hooks/{slug}`: public webhooks that start workflows. The signature, where there is one, is the credential."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.body import parse_json
from adapter.dialects.compozy import exec_ids, signatures, slugs, wire
from adapter.dialects.compozy.documents import secret_name, webhooks_of
from adapter.dialects.compozy.errors import HOOKS, Duplicate, Unprocessable
from adapter.dialects.compozy.state import Workflow, Workflows
from adapter.dialects.compozy.words import DIALECT
from adapter.failures import MethodNotAllowed
from adapter.new_runs import new_run
from adapter.services import Services, services
from definitions import ids, schemas
from definitions.dialects import compozy as language
from definitions.dialects.compozy import document as texts
from definitions.dialects.compozy.triggers import Webhook, WebhookEvent
from definitions.errors import ExpressionError, InputInvalid, NotFound, Unauthenticated
from definitions.expressions import ABSENT, Meter, evaluate
from definitions.model import Expression
from worker.client import SecretBox, SecretInvalid

router = APIRouter()

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
SUBMITTED_BY = "webhook"


@dataclass(frozen=True)
class Hook:
    """A webhook of a workflow; `timed` tells whether its signatures have to carry a time."""

    workflow: Workflow
    webhook: Webhook
    timed: bool


async def receive(request: Request, slug: str) -> Response:
    """Start the workflow that the slug belongs to, if one of its events matches."""
    held = services(request)
    organisation, definition_id = await slugs.owner(held.client, slug)
    request.state.organisation = organisation
    workflows = Workflows(held.client, organisation)
    hook = await _hook(workflows, definition_id, slug)
    if request.method != hook.webhook.method:
        raise MethodNotAllowed(f"this webhook takes {hook.webhook.method}", (hook.webhook.method,))
    body = await request.body()
    await _verify(request, held, hook, body)
    seen = {
        "payload": parse_json(body) if body.strip() else {},
        "headers": _headers(request),
        "query": dict(request.query_params),
    }
    event = await asyncio.to_thread(_matching, hook.webhook, seen)
    if event is None:
        return JsonAnswer({"data": {"status": "no_matching_event"}, "message": "Success"})
    given = await asyncio.to_thread(_input, hook, event, seen)
    exec_id = await _start(request, workflows, hook, given, seen)
    return JsonAnswer(
        {"data": {"status": "accepted", "event": event.name, "exec_id": exec_id}, "message": "Success"}, 202
    )


for _method in METHODS:
    router.add_api_route(
        HOOKS + "/{slug}",
        receive,
        methods=[_method],
        response_model=None,
        operation_id=f"compozy_ReceiveWebhook_{_method}",
        openapi_extra={"x-credential": "the signature"},
    )


async def _hook(workflows: Workflows, definition_id: str, slug: str) -> Hook:
    missing = NotFound("there is no such webhook")
    try:
        workflow = await workflows.loaded(await workflows.known(definition_id))
    except NotFound:
        raise missing from None
    found = (await asyncio.to_thread(_webhooks, workflow.version.text)).get(slug)
    if found is None:
        raise missing
    return Hook(workflow, *found)


@lru_cache(maxsize=256)
def _webhooks(text: str) -> dict[str, tuple[Webhook, bool]]:
    """The webhooks of a version by their slugs, each with whether it has written down a `skew`."""
    written = {one.get("slug"): one.get("verify") or {} for one in webhooks_of(texts.parse(text))}
    return {one.slug: (one, bool(written[one.slug].get("skew"))) for one in language.webhooks(text)}


# --- who sends it ---


async def _verify(request: Request, held: Services, hook: Hook, body: bytes) -> None:
    """Raises Unauthenticated."""
    wanted = hook.webhook.verify
    if wanted.strategy == "none":
        return
    secret = await _secret(held, hook)
    signatures.verify(
        request.headers.get(wanted.header),
        body,
        secret,
        skew=wanted.skew,
        timed=hook.timed,
        now=datetime.now(timezone.utc),
    )


async def _secret(held: Services, hook: Hook) -> str:
    facts = hook.workflow.state.facts
    name = secret_name(facts.name, hook.webhook.slug, hook.webhook.verify.secret)
    try:
        sealed = await held.client.get_secret(facts.organisation, name)
        secret = SecretBox(held.settings.secret_keys).open(facts.organisation, name, sealed)
    except (NotFound, SecretInvalid):
        secret = ""
    if not secret.strip():  # one that is empty would let everybody sign
        raise Unauthenticated("the signature cannot be verified: the webhook's secret is not there")
    return secret


# --- what it says ---


def _headers(request: Request) -> dict[str, str]:
    """By name, as filters may write it: in small letters, or with a capital at the beginning of each word."""
    found: dict[str, str] = {}
    for name in request.headers:
        found[name] = found[name.title()] = ", ".join(request.headers.getlist(name))
    return found


def _computed(expression: Expression, seen: Mapping[str, Any]) -> Any:
    value = evaluate(expression, seen, Meter())
    return None if value is ABSENT else value


def _matching(webhook: Webhook, seen: Mapping[str, Any]) -> WebhookEvent | None:
    """The first event that matches. A filter that cannot be computed for this request does not match it."""
    for event in webhook.events:
        try:
            if event.filter is None or _computed(event.filter, seen) is True:
                return event
        except ExpressionError:
            continue
    return None


def _input(hook: Hook, event: WebhookEvent, seen: Mapping[str, Any]) -> Any:
    """What the execution is started with. Raises Unprocessable."""
    try:
        given = seen["payload"] if event.input is None else _computed(event.input, seen)
        wrong = None if event.schema is None else schemas.first_error(event.schema, given)
        if wrong is not None:
            raise Unprocessable(f"the payload does not fit the schema of {event.name!r}: {wrong[0]}: {wrong[1]}")
        language.check_input(hook.workflow.definition, True, given)
    except (ExpressionError, InputInvalid) as error:
        raise Unprocessable(f"the event {event.name!r} cannot be used: {error.message}") from None
    return given


# --- what it starts ---


async def _start(request: Request, workflows: Workflows, hook: Hook, given: Any, seen: Mapping[str, Any]) -> str:
    """The new execution's id. Raises Duplicate for a key that has been used before."""
    client = workflows.client
    facts = new_run(hook.workflow.state.facts, hook.workflow.version, SUBMITTED_BY)
    key = await asyncio.to_thread(_key, request, hook.webhook, seen)
    if key is None:
        run, _ = await client.start_run(hook.workflow.definition, facts, given)
        return exec_ids.of_run(run.facts)
    scope, ttl = f"webhook/{hook.webhook.slug}/{facts.definition_id}", hook.webhook.dedupe.ttl
    claim = await client.claim(DIALECT, facts.organisation, scope, key, ttl, ids.content_hash(given), facts.run_id)
    try:
        run, made = await client.start_claimed(claim, hook.workflow.definition, facts, given)
    except NotFound:  # it has come and gone
        made = False
    if not made:
        raise Duplicate("this webhook was received before")
    return exec_ids.of_run(run.facts)


def _key(request: Request, webhook: Webhook, seen: Mapping[str, Any]) -> str | None:
    """What tells repetitions of a request; None: nothing does."""
    if not webhook.dedupe.enabled:
        return None
    if webhook.dedupe.key is None:
        return wire.idempotency_key(request)
    try:
        value = _computed(webhook.dedupe.key, seen)
    except ExpressionError as error:
        raise Unprocessable(f"the key of the webhook cannot be computed: {error.message}") from None
    return ids.content_hash(value) if value not in (None, "") else None
