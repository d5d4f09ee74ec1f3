"""The systems that jobs call: one path per step, and what they were asked."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from tests.worker.activities.local_server import Answer, LocalServer, Page, page

Json = dict[str, Any]
DOWN = page({"error": "down"}, 500)


class Site:
    """`step` gives a step that calls the path of its name; a path answers 200 unless `on` says otherwise."""

    def __init__(self) -> None:
        self._server = LocalServer()

    def __enter__(self) -> Site:
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)

    def on(self, name: str, *answers: Page | Answer) -> None:
        self._server.on(f"/{name}", *answers)

    def url(self, path: str) -> str:
        return self._server.url(path)

    def step(self, name: str, body: Any = None, answer: Any = None, **more: Any) -> Json:
        """`step.run(name, …)`, which posts `body` and gets `answer` (unless the path is programmed already)."""
        if answer is not None or f"/{name}" not in self._server._answers:
            self.on(name, page({} if answer is None else answer))
        config = {"method": "POST", "url": self.url(f"/{name}"), "body": {} if body is None else body}
        return {"run": name, "call": {"type": "http", "config": config}, **more}

    def asked(self, name: str) -> list[Any]:
        """The bodies that a step's path was sent, oldest first."""
        return [one.json() for one in self._server.received if one.path == f"/{name}"]

    def keys(self, name: str) -> list[str]:
        """The idempotency keys of the calls of a step."""
        return [one.headers["idempotency-key"] for one in self._server.received if one.path == f"/{name}"]

    def calls(self) -> dict[str, int]:
        """How often each step's path was called."""
        counts: dict[str, int] = {}
        for one in self._server.received:
            counts[one.path[1:]] = counts.get(one.path[1:], 0) + 1
        return counts
