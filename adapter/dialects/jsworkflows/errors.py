"""The error shape: {ok: false, error, code, details?}; a detail is {code, path, message}."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.failures import details_of, unprocessable_status_of
from definitions.errors import TidegateError


def render_error(request: Request, error: TidegateError) -> Response:
    """One error as it is told here."""
    status = unprocessable_status_of(error)
    shown: dict[str, Any] = {"ok": False, "error": error.message, "code": error.code}
    if details := details_of(error):
        shown["details"] = details
    return JsonAnswer(shown, status)
