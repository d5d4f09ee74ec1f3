"""`/resume/{token}`: the links that people and systems call to resume a run. The token is the credential.

A call is checked against the token's signature before Temporal hears of it, then delivered to the one wait that the
token names; the run decides which of several calls was first. A program is answered when the action that it has
resumed ends, or after `TIDEGATE_RESUME_WAIT`; a person's browser at once, with a page or the link's redirect. Whatever
does not resume anything (forged, expired, used, unknown) is answered with one and the same 404.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from adapter import pages, redirects
from adapter.answers import JsonAnswer
from adapter.body import parse_json
from adapter.callers import is_prefetch, wants_page
from adapter.dialect import Dialect, under
from adapter.failures import MethodNotAllowed, QueryTooLong, RequestInvalid, status_of
from adapter.services import services
from definitions.contract import LINK, BranchOutcome, Event, timestamp
from definitions.errors import NotFound, Overloaded, RunClosed, TidegateError, TooLarge, Unauthenticated, Unavailable
from definitions.links import PATH, Link, verify
from definitions.tokens import token_keys

GONE = "this link has been used already, has expired, or does not exist"
FAILED = "the resumed step has failed"
#: Bytes of a query; more are answered with 414.
MAX_QUERY = 8192
#: Field of a "Try again" form: what tells the call that it repeats.
DELIVERY = "tidegate-delivery"
FORM = "application/x-www-form-urlencoded"
#: Of every answer: nothing keeps it, tells the link to another site, guesses its type or lists it.
PRIVATE = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "vary": "Accept",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}

router = APIRouter()
ROUTE = PATH + "{token}"


@dataclass(frozen=True)
class Call:
    """What one call says: `data` is for the action. A form can say it again by posting `fields`, if there are any.

    `delivery` is the caller's own name for it (`named`), or a new one: the same name again is the same call.
    """

    data: Any
    fields: dict[str, str] | None
    delivery: str
    named: bool


@router.get(ROUTE, response_model=None, openapi_extra={"x-credential": "the token"})
async def follow(request: Request, token: str) -> Response:
    """Resume with the query's values, all of them texts; without a query, with null. Or ask first, if the link does."""
    link = _link(request, token)
    if link.confirm:
        return _question(request, link)
    if is_prefetch(request):
        raise Unavailable("a link is not followed ahead of its click", part="adapter", retry_after=1)
    return await _resume(request, token, link, Call(_query(request), {}, *_delivery(request, {})))


@router.post(ROUTE, response_model=None, openapi_extra={"x-credential": "the token"})
async def send(request: Request, token: str) -> Response:
    """Resume with the JSON value of the body, whatever its type is said to be; without one, as GET does."""
    link = _link(request, token)
    return await _resume(request, token, link, await _posted(request))


@router.head(ROUTE, response_model=None, openapi_extra={"x-credential": "the token"})
async def look(request: Request, token: str) -> Response:
    """What GET would be answered with, as far as the token tells. Resumes nothing."""
    link = _link(request, token)
    return _question(request, link) if link.confirm else _done(request, link)


def _link(request: Request, token: str) -> Link:
    """Raises NotFound for every token that was not signed here, for this, or whose time is over."""
    if len(request.scope["query_string"]) > MAX_QUERY:
        raise QueryTooLong(f"the query is longer than {MAX_QUERY} bytes")
    keys = services(request).settings.token_keys
    if not keys:
        raise NotFound(GONE)
    try:
        return verify(token_keys(keys), token, now=datetime.now(timezone.utc))
    except Unauthenticated:
        raise NotFound(GONE) from None


# --- what the caller says ---


def _query(request: Request) -> dict[str, str] | None:
    """The last value of each name, or None without any."""
    return dict(request.query_params) or None


async def _posted(request: Request) -> Call:
    body = await request.body()
    try:
        return Call(parse_json(body), None, *_delivery(request, {}))
    except RequestInvalid:
        fields = _form(request, body)
    delivery = _delivery(request, fields)
    fields.pop(DELIVERY, None)
    return Call(fields or _query(request), fields, *delivery)


def _form(request: Request, body: bytes) -> dict[str, str]:
    """The fields of a form that a browser has sent; a program's are no JSON, and therefore nothing."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM or not wants_page(request):
        return {}
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _delivery(request: Request, fields: Mapping[str, str]) -> tuple[str, bool]:
    name = request.headers.get("idempotency-key") or fields.get(DELIVERY)
    return name or uuid.uuid4().hex, bool(name)


# --- resuming ---


async def _resume(request: Request, token: str, link: Link, call: Call) -> Response:
    request.state.again = None if call.fields is None else {**call.fields, DELIVERY: call.delivery}
    event = Event(
        # Bound to the token, so that a caller's name for its call means nothing to any other link.
        id=hashlib.sha256(f"{token}\n{call.delivery}".encode("utf-8", "surrogatepass")).hexdigest()[:32],
        name=LINK,
        payload=call.data,
        has_payload=True,
        received_at=timestamp(datetime.now(timezone.utc)),
        wait=link.wait,
    )
    try:
        await _deliver(request, link, event, call.named)
    except (NotFound, RunClosed):
        raise NotFound(GONE) from None
    return _done(request, link) if wants_page(request) else _told(await _outcome(request, link))


async def _deliver(request: Request, link: Link, event: Event, named: bool) -> None:
    """Raises NotFound or RunClosed, unless it repeats the call that was taken before the run ended."""
    client = services(request).client
    try:
        await client.deliver_link(link.workflow_id, event)
    except RunClosed:
        if not (named and await client.took_link(link.workflow_id, event.id)):
            raise


async def _outcome(request: Request, link: Link) -> BranchOutcome:
    """What became of the action. The resume itself is durable by now: whatever hides the outcome is no failure of it,
    and a caller that was told of one would try a used link again."""
    held = services(request)
    try:
        return await held.client.branch_outcome(link.workflow_id, link.wait, held.settings.resume_wait)
    except (TidegateError, asyncio.CancelledError):
        return BranchOutcome("pending")


def _told(outcome: BranchOutcome) -> Response:
    if outcome.state == "failure":
        return _private(JsonAnswer({"ok": False, "error": outcome.error or FAILED}, 500))
    return _private(JsonAnswer({"ok": True}))


def _done(request: Request, link: Link) -> Response:
    if not wants_page(request):
        return _told(BranchOutcome("success"))
    target = _target(request, link)
    if target is None:
        return _private(pages.page(pages.DONE))
    return _private(RedirectResponse(target, 303 if request.method == "POST" else 302))


def _question(request: Request, link: Link) -> Response:
    """A page whose button posts. Programs do not press buttons, least of all those that look at links in mails."""
    if not wants_page(request):
        raise MethodNotAllowed("this link asks for confirmation: it is resumed by POST", ("POST",))
    target = _target(request, link)
    leaves_to = None if target is None else target.partition(":")[0]
    return _private(pages.page(pages.ASK, shown=_query(request), form={}, leaves_to=leaves_to))


def _target(request: Request, link: Link) -> str | None:
    if link.redirect is None:
        return None
    url = redirects.allowed(link.redirect, services(request).settings.redirect_hosts)
    return None if url is None else str(url)


# --- the answer's form ---


def _private(response: Response) -> Response:
    response.headers.update(PRIVATE)
    return response


#: Error -> the page that says so. The first entry that an error is an instance of counts.
PAGES: tuple[tuple[type[TidegateError], pages.Words], ...] = (
    (NotFound, pages.GONE),
    (Unavailable, pages.AWAY),
    (Overloaded, pages.AWAY),
    (TooLarge, pages.TOO_MUCH),
    (QueryTooLong, pages.TOO_MUCH),
    (TidegateError, pages.REFUSED),
)


def render_error(request: Request, error: TidegateError) -> Response:
    """Any error in the caller's form. A path that cannot be read is no link either."""
    if isinstance(error, NotFound | RequestInvalid):
        error = NotFound(GONE)
    status = status_of(error)
    if not wants_page(request):
        return _private(JsonAnswer({"ok": False, "error": error.message}, status))
    words = next(words for kind, words in PAGES if isinstance(error, kind))
    again = getattr(request.state, "again", None) if words is pages.AWAY else None
    return _private(pages.page(words, status=status, form=again))


RESUME = Dialect("resume", under(PATH), router, render_error)
