"""The error shapes, of which the vendor has three.

A   {status, error: {code, message, details?}}                           executions, signals, events, credentials
B   {status, error: title, details?, code?, type, instance} (problem)    bodies that cannot be read, workflows,
                                                                         what is away, what is not served
hook {error: word, details}                                              public webhooks
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.dialects.compozy.exec_ids import NO_EXECUTION
from adapter.dialects.compozy.words import ERROR_CODE, HOOK_ERROR, HOOK_INTERNAL, INTERNAL_ERROR, STATUS
from adapter.failures import (
    Internal,
    MethodNotAllowed,
    QueryTooLong,
    RequestInvalid,
    TooSlow,
    UnknownRoute,
    details_of,
    status_of,
)
from definitions import errors
from definitions.errors import DefinitionError, RunClosed, TidegateError

BASE = "/api/v0"
HOOKS = "/hooks"
WORKFLOWS = f"{BASE}/workflows"
EVENTS = f"{BASE}/events"
CHALLENGE = 'Bearer realm="compozy", charset="UTF-8"'


class Unsupported(TidegateError):
    """The vendor documents this, and Tidegate does not serve it."""

    code = "unsupported"


class PreconditionFailed(TidegateError):
    """The caller's `If-Match` is not what stands."""

    code = "precondition-failed"


class Unprocessable(TidegateError):
    """A webhook's payload that cannot be made a workflow's input."""

    code = "unprocessable"


class Duplicate(errors.Conflict):
    """A webhook that was received before."""

    code = "duplicate"


class CredentialMalformed(TidegateError):
    """An `Authorization` header that is no Bearer token."""

    code = "credential-malformed"


#: Error -> HTTP status, where it is not the usual one.
OWN_STATUS: tuple[tuple[type[TidegateError], int], ...] = (
    (Unsupported, 501),
    (PreconditionFailed, 412),
    (Unprocessable, 422),
    (CredentialMalformed, 400),
    (RunClosed, 404),
)
#: Errors that have shape B wherever they happen.
PROBLEMS = (
    RequestInvalid,
    DefinitionError,
    MethodNotAllowed,
    QueryTooLong,
    TooSlow,
    UnknownRoute,
    Unsupported,
    PreconditionFailed,
    Internal,
    errors.TooLarge,
    errors.Overloaded,
    errors.Unavailable,
)
CREDENTIALS = (errors.Unauthenticated, errors.Forbidden, CredentialMalformed)


def render_error(request: Request, error: TidegateError) -> Response:
    """One error in the shape that belongs to its place."""
    path: str = request.scope["path"]
    status = own_status_of(error)
    if path.startswith(f"{HOOKS}/"):
        return JsonAnswer({"error": HOOK_ERROR.get(status, HOOK_INTERNAL), "details": error.message}, status)
    if path == EVENTS and isinstance(error, RequestInvalid):
        return _first(status, "Invalid event format", error.message)
    if not isinstance(error, CREDENTIALS) and (isinstance(error, PROBLEMS) or _is_about_workflows(path)):
        return _problem(path, status, error)
    response = _first(status, *_told(error))
    if status == 401:
        response.headers["www-authenticate"] = CHALLENGE
    return response


def own_status_of(error: TidegateError) -> int:
    return next((status for kind, status in OWN_STATUS if isinstance(error, kind)), status_of(error))


def _is_about_workflows(path: str) -> bool:
    return path.startswith(WORKFLOWS) and "/executions" not in path


def _told(error: TidegateError) -> tuple[str, str | None]:
    """Message and details."""
    if isinstance(error, RunClosed):
        return NO_EXECUTION, f"the execution has ended: {STATUS.get(error.status, error.status)}"  # type: ignore[call-overload]
    if isinstance(error, errors.InputInvalid):
        return "the input does not fit the workflow", f"{error.path}: {error.message}"
    if isinstance(error, errors.PayloadInvalid):
        return "the payload does not fit", f"{error.path}: {error.message}"
    return error.message, None


def first_shape(status: int, message: str, details: str | None = None) -> dict[str, Any]:
    """Shape A."""
    told = {"code": ERROR_CODE.get(status, INTERNAL_ERROR), "message": message}
    return {"status": status, "error": told if details is None else told | {"details": details}}


def _first(status: int, message: str, details: str | None) -> Response:
    return JsonAnswer(first_shape(status, message, details), status)


def _problem(path: str, status: int, error: TidegateError) -> Response:
    """Shape B; `errors` says what is wrong place by place."""
    shown: dict[str, Any] = {
        "status": status,
        "error": HTTPStatus(status).phrase,
        "details": error.message,
        "code": error.code.upper().replace("-", "_"),
        "type": "about:blank",
        "instance": path,
    }
    if places := details_of(error):
        shown["errors"] = places
    return JsonAnswer(shown, status, media_type="application/problem+json")
