"""Errors of the HTTP edge itself, and which HTTP status each error of ours stands for.

A dialect's `render_error` gets one of these or one of `definitions.errors`, never an exception of a library.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from definitions import errors
from definitions.errors import TidegateError


class RequestInvalid(TidegateError):
    """A request that cannot be understood. `fields` maps a JSON path or parameter name to what is wrong with it."""

    code = "request-invalid"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


@contextmanager
def said_of(parameter: str) -> Iterator[None]:
    """What is wrong with an input, such as the token of a page, is told as a fault of this parameter."""
    try:
        yield
    except errors.InputInvalid as error:
        raise RequestInvalid(error.message, {parameter: error.message}) from None


class UnknownRoute(errors.NotFound):
    """No route has this path."""

    code = "unknown-route"


class MethodNotAllowed(TidegateError):
    """The path exists, with other methods: `allowed`, A to Z."""

    code = "method-not-allowed"

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class QueryTooLong(TidegateError):
    """A query over its limit."""

    code = "query-too-long"


class TooSlow(TidegateError):
    """The rest of a request did not arrive in time."""

    code = "too-slow"


class Internal(TidegateError):
    """A defect. What happened is in the log, under the request id; nothing of it goes on the wire."""

    code = "internal"

    def __init__(self) -> None:
        super().__init__("internal error")


#: Error -> HTTP status. The first entry that an error is an instance of counts, so subclasses come first.
STATUS: tuple[tuple[type[TidegateError], int], ...] = (
    (RequestInvalid, 400),
    (errors.DefinitionError, 400),
    (errors.InputInvalid, 400),
    (errors.PayloadInvalid, 400),
    (errors.ExpressionError, 400),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (MethodNotAllowed, 405),
    (TooSlow, 408),
    (errors.AlreadyExists, 409),
    (errors.Conflict, 409),
    (errors.RunClosed, 409),
    (errors.NotResumable, 409),
    (errors.TooLarge, 413),
    (QueryTooLong, 414),
    (errors.Overloaded, 429),
    (errors.Unavailable, 503),
)


def status_of(error: TidegateError) -> int:
    """The usual HTTP status of an error; a dialect may differ where its vendor does. Unknown ones are 500."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


#: As `STATUS`, for dialects in which input that is understood but wrong is 422.
UNPROCESSABLE: tuple[tuple[type[TidegateError], int], ...] = (
    (RequestInvalid, 422),
    (errors.DefinitionError, 422),
    (errors.InputInvalid, 422),
    (errors.PayloadInvalid, 422),
    (errors.ExpressionError, 422),
)


def unprocessable_status_of(error: TidegateError) -> int:
    """The HTTP status of an error where wrong input is 422."""
    return next((status for kind, status in UNPROCESSABLE if isinstance(error, kind)), status_of(error))


def details_of(error: TidegateError) -> list[dict[str, Any]]:
    """What is wrong, place by place: {code, path, message, unsupported?}; nothing for an error that names no place."""
    if isinstance(error, errors.DefinitionError):
        return [
            {"code": one.code, "path": one.path, "message": one.message}
            | ({"unsupported": True} if one.unsupported else {})
            for one in error.problems
        ]
    if isinstance(error, RequestInvalid):
        return [{"code": error.code, "path": path, "message": text} for path, text in error.fields.items()]
    if isinstance(error, errors.InputInvalid | errors.PayloadInvalid | errors.ExpressionError):
        return [{"code": error.code, "path": error.path, "message": error.message}]
    return []
