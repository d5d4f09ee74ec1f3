"""A system for runs to call: it answers as it is told, and keeps what it was asked and under which key."""

from __future__ import annotations

from typing import Any

from tests.worker.activities.local_server import LocalServer, Page, page

BAD = page({"error": "as told"}, 500)


def ok(value: Any = None) -> Page:
    return page({} if value is None else value)


class Target:
    """`on` programs a path with answers, one after the other, and gives the `call` step that asks it."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server

    def on(self, path: str, *answers: Page, **step: Any) -> dict[str, Any]:
        self._server.on(path, *answers)
        config = {"method": "POST", "url": self._server.url(path), "body": {}}
        return {"kind": "call", "executor": "http", "config": config, **step}

    def keys(self, path: str) -> list[str]:
        """The idempotency keys of the calls so far."""
        return [one.headers["idempotency-key"] for one in self._server.received if one.path == path]

    def calls(self, path: str) -> int:
        return len(self.keys(path))
