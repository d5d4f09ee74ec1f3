"""The error shape: the type in the header `x-amzn-errortype`, where the vendor's client looks, and in the body."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import JSONResponse, Response

from adapter.failures import MethodNotAllowed, RequestInvalid, TooSlow, status_of
from definitions import errors
from definitions.errors import DefinitionError, TidegateError

TYPE_HEADER = "x-amzn-errortype"

#: Error -> the vendor's type and its status; None: the usual one. The first that an error is an instance of counts.
TYPES: tuple[tuple[type[TidegateError], str, int | None], ...] = (
    (RequestInvalid, "ValidationError", 400),
    (DefinitionError, "ValidationError", 400),
    (errors.InputInvalid, "ValidationError", 400),
    (errors.PayloadInvalid, "ValidationError", 400),
    (errors.AlreadyExists, "ValidationError", 400),
    (errors.RunClosed, "ValidationError", 400),
    (errors.NotResumable, "ValidationError", 400),
    (errors.TooLarge, "ValidationError", 413),
    (MethodNotAllowed, "ValidationError", 405),
    (TooSlow, "ValidationError", 408),
    (errors.Unauthenticated, "AuthenticationError", 401),
    (errors.Forbidden, "AuthorizationError", 403),
    (errors.NotFound, "NotFoundError", 404),
    (errors.Conflict, "ConflictError", 409),
    (TidegateError, "UnhandledError", None),
)


def render_error(request: Request, error: TidegateError) -> Response:
    """One error as the vendor's envelope."""
    word, status = next((word, status) for kind, word, status in TYPES if isinstance(error, kind))
    status = status or status_of(error)
    body: dict[str, Any] = {"message": _message(error), "errorType": word, "statusCode": status}
    if word == "ValidationError" and (fields := _fields(error)):
        body["fields"] = fields
    return JSONResponse(body, status, {TYPE_HEADER: word})


def _message(error: TidegateError) -> str:
    if isinstance(error, errors.InputInvalid | errors.PayloadInvalid):
        return f"{error.path}: {error.message}"
    return error.message


def _fields(error: TidegateError) -> dict[str, str]:
    """What is wrong, by JSON path or parameter name."""
    if isinstance(error, RequestInvalid):
        return error.fields
    if isinstance(error, errors.InputInvalid | errors.PayloadInvalid):
        return {error.path: error.message}
    if not isinstance(error, DefinitionError):
        return {}
    fields: dict[str, list[str]] = {}
    for problem in error.problems:
        fields.setdefault(problem.path, []).append(f"{problem.message} [{problem.code}]")
    return {path: "; ".join(messages) for path, messages in fields.items()}
