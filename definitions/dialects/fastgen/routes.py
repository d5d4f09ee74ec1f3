"""A route as its requests see it: where it is found, who may call it, what it takes and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from definitions import checks, schemas
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.document import Document
from definitions.errors import InputInvalid
from definitions.json_path import child
from definitions.report import Report

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]{0,63})\}")
_SEGMENT = re.compile(r"[^/{}?#\s%]+")
PATH_LIMIT = 500


@dataclass(frozen=True)
class Route:
    """`authentication` is `none` or `apiToken`; `body_schema` is a JSON Schema by itself."""

    name: str
    method: str
    path: str
    authentication: str = words.NO_AUTHENTICATION
    body_schema: dict[str, Any] | None = None

    @property
    def parameters(self) -> list[str]:
        return parameters_of(self.path)

    @property
    def shape(self) -> tuple[str, str]:
        """What two routes of a project may not both have: the method, and the path with `{}` for each parameter."""
        return self.method, _PARAMETER.sub("{}", self.path)

    @property
    def rank(self) -> tuple[bool, ...]:
        """Of several routes that match a path, the one with the lowest rank: `/orders/new` before `/orders/{id}`."""
        return tuple(_PARAMETER.fullmatch(segment) is not None for segment in self.path.split("/"))

    def match(self, path: str) -> dict[str, str] | None:
        """The parameters of a path as it is requested, percent-encoded, or None; a last slash makes no difference."""
        wanted, given = _segments(self.path), _segments(path)
        if len(wanted) != len(given):
            return None
        found: dict[str, str] = {}
        for pattern, segment in zip(wanted, given, strict=True):
            parameter, text = _PARAMETER.fullmatch(pattern), unquote(segment)
            if parameter is not None and text:
                found[parameter[1]] = text
            elif parameter is not None or text != pattern:
                return None
        return found

    def check_body(self, body: Any) -> None:
        """Raises InputInvalid, with the path from the body, unless it is what the route takes. No body is null."""
        problem = None if self.body_schema is None else schemas.first_error(self.body_schema, body)
        if problem is not None:
            raise InputInvalid(problem[1], problem[0])


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def parameters_of(path: str) -> list[str]:
    return _PARAMETER.findall(path)


def read_route(document: Document, report: Report) -> Route:
    """The route of a document; what is wrong with it is in the report."""
    body, at = document.body, document.path
    method, path = body.get("method", "GET"), body.get("path", "/")
    checks.is_word(method, words.METHODS, child(at, "method"), report, "method-unknown")
    if not _check_path(path, child(at, "path"), report):
        path = "/"
    authentication = body.get("authentication", words.NO_AUTHENTICATION)
    _check_authentication(authentication, child(at, "authentication"), report)
    schema = body.get("bodyValidation")
    if schema is not None:
        _check_schema(schema, child(at, "bodyValidation"), report)
    return Route(document.name, method, path, authentication, schema)


def _check_path(path: Any, at: str, report: Report) -> bool:
    good = isinstance(path, str) and len(path) <= PATH_LIMIT and path.startswith("/") and path.isprintable()
    segments = path[1:].split("/") if good and path != "/" else []
    good = good and all(_PARAMETER.fullmatch(one) or _SEGMENT.fullmatch(one) for one in segments)
    good = good and len(set(parameters_of(path))) == len(parameters_of(path)) and not {".", ".."} & set(segments)
    message = "expected a path such as /orders/{id}: segments that are text or one parameter, each of another name"
    return checks.expect(good, at, report, "path-invalid", message)


def _check_authentication(value: Any, at: str, report: Report) -> None:
    if isinstance(value, str) and value in words.AUTHENTICATIONS_UNSUPPORTED:
        message = "Tidegate has no sessions of end users; routes can be open, or need an API token"
        report.add("authentication-unsupported", at, message, unsupported=True)
        return
    checks.is_word(value, words.AUTHENTICATIONS, at, report, "authentication-unknown")


def _check_schema(schema: Any, at: str, report: Report) -> None:
    if not checks.is_object(schema, at, report, "schema-invalid"):
        return
    try:
        schemas.refuse_unsupported(schema, "")
    except ValueError as error:
        report.add("schema-unsupported", at, str(error)[:300].removeprefix("."), unsupported=True)
        return
    try:
        Draft202012Validator.check_schema(schema)
        schemas.first_error(schema, None)
    except Exception as error:  # what is no schema fails in many ways
        message = getattr(error, "message", None) or str(error)
        report.add("schema-invalid", at, f"not a JSON Schema that can be used: {message[:300]}")


# --- what a run of a route takes and gives ---


def request(
    body: Any, query: Mapping[str, Any], path: Mapping[str, str], headers: Mapping[str, str], raw: str
) -> dict[str, Any]:
    """The input of a route's run. `body` is the JSON body, null if there is none; `raw` is the body as it came."""
    return {"body": body, "query": dict(query), "path": dict(path), "header": dict(headers), "bodyRaw": raw}


@dataclass(frozen=True)
class Reply:
    """What a run of a route answers; `body` counts only if `has_body`."""

    status: int = 200
    headers: Mapping[str, str] | None = None
    body: Any = None
    has_body: bool = True


def reply(output: Any) -> Reply:
    """The answer that a run's output stands for. Raises InputInvalid, with the path, if that is no answer."""
    if not isinstance(output, dict):
        raise InputInvalid("the run gave no answer")
    status, headers = output.get("status", 200), output.get("headers") or {}
    if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3:
        status = int(status)
    if isinstance(status, float) and status.is_integer():
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InputInvalid("the status of an answer is a number from 200 to 599", "$.status")
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise InputInvalid("the headers of an answer are texts", "$.headers")
    return Reply(status, headers, output.get("body"), "body" in output)
