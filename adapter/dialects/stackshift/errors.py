"""The error shape: the envelope with `error: {code, details?}`; a detail is {code, path, message}."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.dialects.stackshift.operations import envelope
from adapter.failures import RequestInvalid, status_of
from definitions import errors
from definitions.errors import DefinitionError, TidegateError

#: Where the vendor's status is not the usual one: input that is understood but wrong is 422.
STATUS: tuple[tuple[type[TidegateError], int], ...] = (
    (RequestInvalid, 422),
    (DefinitionError, 422),
    (errors.InputInvalid, 422),
    (errors.PayloadInvalid, 422),
    (errors.ExpressionError, 422),
)


def render_error(request: Request, error: TidegateError) -> Response:
    """One error as the vendor's envelope."""
    status = next((status for kind, status in STATUS if isinstance(error, kind)), status_of(error))
    shown: dict[str, Any] = {"code": error.code}
    if details := _details(error):
        shown["details"] = details
    return JsonAnswer(envelope(status, error.message, error=shown), status)


def _details(error: TidegateError) -> list[dict[str, Any]]:
    if isinstance(error, DefinitionError):
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
