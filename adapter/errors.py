"""The one error boundary: whatever goes wrong is answered in the shape of the dialect that owns the path.

Nothing but a `TidegateError`'s message goes on the wire; defects are logged with the request id and answered as
`Internal`. Paths that no dialect owns get problem details (RFC 9457) with our stable `code`.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.body import invalid_fields
from adapter.dialect import Dialect, owner
from adapter.failures import Internal, MethodNotAllowed, RequestInvalid, TooSlow, UnknownRoute, status_of
from definitions.errors import DefinitionError, TidegateError, TooLarge, Unauthenticated, Unavailable

METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")

_log = logging.getLogger("tidegate.adapter")


class ErrorBoundary:
    """ASGI middleware around everything but the observation of requests."""

    def __init__(self, app: ASGIApp, dialects: tuple[Dialect, ...]) -> None:
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def tracking(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, tracking)
        except ClientDisconnect:
            return
        except (Exception, asyncio.CancelledError) as cause:
            if started:
                raise  # too late for another answer: the server closes the connection
            await self._answer(scope, cause)(scope, receive, send)

    def _answer(self, scope: Scope, cause: BaseException) -> Response:
        error = as_ours(cause, scope)
        if isinstance(error, MethodNotAllowed) and scope["method"] == "OPTIONS":
            return Response(status_code=204, headers={"allow": ", ".join((*error.allowed, "OPTIONS"))})
        if isinstance(error, Internal):
            _log.error("defect", exc_info=cause, extra={"fields": {"request_id": scope["state"].get("request_id")}})
        scope["state"]["failure"] = error
        response = self._rendered(Request(scope), error)
        for name, value in _headers(error).items():
            response.headers.setdefault(name, value)
        return response

    def _rendered(self, request: Request, error: TidegateError) -> Response:
        dialect = owner(self._dialects, request.scope)
        if dialect is None:
            return problem(request, error)
        try:
            return dialect.render_error(request, error)
        except Exception:
            _log.exception("a dialect cannot render an error", extra={"fields": {"dialect": dialect.name}})
            return problem(request, error)


def as_ours(cause: BaseException, scope: Scope) -> TidegateError:
    """Any exception as an error that may be shown. What is none of ours and no request's fault is `Internal`."""
    if isinstance(cause, TidegateError):
        return cause
    if isinstance(cause, asyncio.CancelledError):  # the grace period of a shutdown is over
        return Unavailable("the server is stopping", part="adapter", retry_after=1)
    if isinstance(cause, RequestValidationError):
        # A location starts with `query`, `path` or `header`, which callers need not be told.
        return invalid_fields({**detail, "loc": detail["loc"][1:]} for detail in cause.errors())
    if isinstance(cause, HTTPException):
        return _of_framework(cause, scope)
    return Internal()


def _of_framework(cause: HTTPException, scope: Scope) -> TidegateError:
    if cause.status_code == HTTPStatus.NOT_FOUND:
        return UnknownRoute("no such path")
    if cause.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = allowed_methods(scope)
        return MethodNotAllowed(f"this path takes {' and '.join(allowed)}", allowed)
    return RequestInvalid(str(cause.detail)) if cause.status_code < 500 else Internal()


def allowed_methods(scope: Scope) -> tuple[str, ...]:
    """The methods that the path of a request has a route for, A to Z."""
    probes = ({**scope, "method": method, "path_params": {}} for method in METHODS)
    routes = scope["app"].router.routes
    return tuple(probe["method"] for probe in probes if any(route.matches(probe)[0] is Match.FULL for route in routes))


def _headers(error: TidegateError) -> dict[str, str]:
    headers: dict[str, str] = {}
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, TooLarge | TooSlow):
        headers["connection"] = "close"  # part of the body may still be on its way
    return headers


def problem(request: Request, error: TidegateError) -> Response:
    """An error as problem details: `type`, `title`, `status`, `detail`, and our `code` and `request_id`."""
    status = status_of(error)
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "request_id": request.scope["state"].get("request_id"),
    }
    if isinstance(error, RequestInvalid) and error.fields:
        content["errors"] = [{"path": path, "detail": text} for path, text in error.fields.items()]
    if isinstance(error, DefinitionError):
        content["errors"] = [
            {"path": one.path, "detail": one.message, "code": one.code, "unsupported": one.unsupported}
            for one in error.problems
        ]
    if isinstance(error, Unavailable):
        content["part"] = error.part
    return JSONResponse(content, status_code=status, media_type="application/problem+json")


async def to_boundary(request: Request, cause: Exception) -> Response:
    """Exception handler that hands what the framework would answer itself to the boundary."""
    raise cause
