"""Hosts at whose root a dialect serves what it otherwise serves at a path of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NAME = re.compile(r"[A-Za-z0-9._~-]{1,100}")
_PORT = re.compile(r":[0-9]*$")


def read_host_names(text: str) -> tuple[tuple[str, str], ...]:
    """Read `host=name,…`, without ports. Raises ValueError."""
    found: dict[str, str] = {}
    for part in (one.strip() for one in text.split(",") if one.strip()):
        host, _, name = (piece.strip() for piece in part.partition("="))
        host = host.lower()
        if not _HOST.fullmatch(host) or not _NAME.fullmatch(name):
            raise ValueError(f"{part!r} is not a host and a name such as shop.example.com=shop")
        if host in found:
            raise ValueError(f"{host!r} is named twice")
        found[host] = name
    return tuple(found.items())


class HostNames:
    """ASGI middleware: puts the paths of such a host below the path that stands for its root."""

    def __init__(self, app: ASGIApp, roots: Mapping[str, str]) -> None:
        self._app = app
        self._roots = {host: (root, root.encode("ascii")) for host, root in roots.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._roots and scope["type"] == "http":
            hosts = Headers(scope=scope).getlist("host")
            found = self._roots.get(host_name(hosts[0])) if len(hosts) == 1 else None
            if found is not None:
                root, raw = found
                # In place: whoever answers an error looks at the same scope.
                scope["raw_path"] = raw + (scope.get("raw_path") or scope["path"].encode("utf-8"))
                scope["path"] = root + scope["path"]
        await self._app(scope, receive, send)


def host_name(host: str) -> str:
    """A `Host` without its port, as names are compared."""
    return _PORT.sub("", host).lower().removesuffix(".")
