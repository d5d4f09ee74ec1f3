"""A server without keys trusts its machine: so only this machine's programs, never a web page, may speak to it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.settings import is_loopback
from definitions.errors import Forbidden


class LoopbackOnly:
    """ASGI middleware: refuses foreign `Host` names (a rebound DNS name) and foreign `Origin`s (a web page)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            hosts = headers.getlist("host")
            if not hosts or not all(_loopback_address(f"//{host}") for host in hosts):
                raise Forbidden("a server without API keys answers to a loopback Host only")
            if not all(_loopback_address(origin) for origin in headers.getlist("origin")):
                raise Forbidden("a server without API keys takes no request of a foreign Origin")
        await self._app(scope, receive, send)


def _loopback_address(address: str) -> bool:
    try:
        return is_loopback(urlsplit(address).hostname or "")
    except ValueError:
        return False
