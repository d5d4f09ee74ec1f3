"""The error shape: {message, code, errors?}; an error is {code, path, message}.

What a caller of a live route has sent wrong is 400; what is wrong with a definition, or with any other request, 422.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.failures import details_of, status_of, unprocessable_status_of
from definitions.dialects.fastgen.document import own_problem
from definitions.errors import DefinitionError, TidegateError

BASE = "/fastgen"
#: Below a project: where its live routes are.
LIVE = "api"


def render_error(request: Request, error: TidegateError) -> Response:
    """One error as it is told here."""
    if isinstance(error, DefinitionError):
        error = DefinitionError([own_problem(problem) for problem in error.problems])
    status = status_of(error) if is_live(request.scope["path"]) else unprocessable_status_of(error)
    shown: dict[str, Any] = {"message": error.message, "code": error.code}
    if details := details_of(error):
        shown["errors"] = details
    return JsonAnswer(shown, status)


def is_live(path: str) -> bool:
    """Whether a path is one of a live route: `/fastgen/{project}/api…`."""
    parts = path.split("/", 4)
    return len(parts) > 3 and parts[3] == LIVE
