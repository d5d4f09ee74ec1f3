"""Paths by segment: decoded one by one, so that an encoded slash never becomes a separator."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.failures import RequestInvalid

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class PathSegments:
    """ASGI middleware: sets `path` from `raw_path`. An encoded slash stays `%2F` within its segment.

    Raises RequestInvalid for a path that is no UTF-8 or holds control characters: no name of ours has any.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: bytes = scope.get("raw_path") or b""
        if scope["type"] == "http" and b"%" in raw:
            scope["path"] = decoded(raw)
        await self._app(scope, receive, send)


def decoded(raw: bytes) -> str:
    """The path to route by. Raises RequestInvalid."""
    try:
        path = "/".join(_segment(segment) for segment in raw.decode("ascii").split("/"))
    except UnicodeDecodeError:
        raise RequestInvalid("the path is not UTF-8") from None
    if _CONTROL.search(path):
        raise RequestInvalid("the path holds a control character")
    return path


def _segment(raw: str) -> str:
    return unquote(raw, errors="strict").replace("/", "%2F")
