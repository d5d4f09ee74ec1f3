"""What a live route sees of a request: its body, query, path and headers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from adapter.body import parse_json
from adapter.failures import QueryTooLong, RequestInvalid
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.routes import Route

MAX_QUERY = 8_192
#: Headers that a run is given only if its route names them in an expression: they hold credentials, and what a run is
#: given is in its history.
CREDENTIALS = ("authorization", "cookie", "proxy-authorization", "x-api-key")
FORM = "application/x-www-form-urlencoded"


def asked_path(request: Request) -> str:
    """The path below `/fastgen/{project}/api`, percent-encoded as it came."""
    raw: bytes = request.scope["raw_path"]
    return "/" + "/".join(raw.decode("ascii").split("/")[4:])


async def read(request: Request, route: Route, text: str, path: str) -> dict[str, Any]:
    """The input of a run of the route, whose document is `text`. Raises RequestInvalid, QueryTooLong, TooLarge."""
    if len(request.scope["query_string"]) > MAX_QUERY:
        raise QueryTooLong(f"the query is longer than {MAX_QUERY} bytes")
    raw = await request.body()
    query = _gathered(request.query_params.multi_items())
    # The raw body is as large as the body itself, so it goes along only if the route may look at it.
    kept = raw.decode("utf-8", "replace") if "bodyRaw" in text else ""
    return language.request(_body(request, raw), query, route.match(path) or {}, _headers(request, text), kept)


def _body(request: Request, raw: bytes) -> Any:
    """JSON, whatever the content type says; else the fields of a form; else null."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not raw.strip():
        return None
    try:
        return parse_json(raw)
    except RequestInvalid:
        if kind.endswith(("/json", "+json")):
            raise
    return _gathered(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)) if kind == FORM else None


def _gathered(items: list[tuple[str, str]]) -> dict[str, Any]:
    """By name; what comes several times is a list."""
    found: dict[str, Any] = {}
    for name, value in items:
        earlier = found.get(name)
        found[name] = value if earlier is None else [*earlier, value] if isinstance(earlier, list) else [earlier, value]
    return found


def _headers(request: Request, text: str) -> dict[str, str]:
    """By name in small letters; one that comes several times is joined by commas."""
    return seen({name: ", ".join(request.headers.getlist(name)) for name in dict.fromkeys(request.headers)}, text)


def seen(headers: Mapping[str, str], text: str) -> dict[str, str]:
    """The headers, named in small letters, that a route with this document sees: credentials only if it names them."""
    return {name: value for name, value in headers.items() if name not in CREDENTIALS or _names(text, name)}


def _names(text: str, header: str) -> bool:
    """Whether an expression of a document names a header."""
    return re.search(rf"\$header\s*[.\[][\s'\"\\]*{re.escape(header)}", text, re.IGNORECASE) is not None
