"""A server without keys trusts its machine: so only this machine's programs, never a web page, may speak to it."""

from __future__ import annotations

import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from adapter.hosts import host_name
from adapter.settings import is_loopback
from definitions.errors import Forbidden

#: A host and maybe a port. Whatever has more in it could be read differently elsewhere, and is not read at all.
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]*)?")
_ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://(.+)")
#: Here the token in the path is the credential, on a trusted machine as anywhere: a page that has it may use it. (And
#: a form of a page that must not tell its address, as ours, is sent with the Origin `null`.)
BY_TOKEN = ("/resume/", "/trigger/")


class LoopbackOnly:
    """ASGI middleware: refuses foreign `Host` names (a rebound DNS name) and foreign `Origin`s (a web page).

    `known` are the hosts that the operator has named: nobody else can rebind these.
    """

    def __init__(self, app: ASGIApp, known: Collection[str] = ()) -> None:
        self._app = app
        self._known = frozenset(known)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            hosts = headers.getlist("host")
            if not hosts or not all(self._is_ours(host) for host in hosts):
                raise Forbidden("a server without API keys answers to a loopback Host only")
            by_token = scope["path"].startswith(BY_TOKEN)
            if not by_token and not all(self._is_our_page(origin) for origin in headers.getlist("origin")):
                raise Forbidden("a server without API keys takes no request of a foreign Origin")
        await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        found = _HOST.fullmatch(host)
        return found is not None and (is_loopback(found[1]) or host_name(host) in self._known)

    def _is_our_page(self, origin: str) -> bool:
        found = _ORIGIN.fullmatch(origin)
        return found is not None and self._is_ours(found[1])
