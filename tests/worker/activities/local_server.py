"""A real HTTP server on loopback whose answers a test programs."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request; header names are in lower case, `pairs` has them as sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    pairs: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Page:
    """One answer. `chunks`, if given, are sent as they come, without a Content-Length, until the caller leaves."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Iterable[bytes] | None = None


def page(value: Any, status: int = 200, **headers: str) -> Page:
    """A JSON answer; `_` in a header's name stands for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Page(status, json.dumps(value).encode(), {"Content-Type": "application/json", **named})


def redirect(location: str, status: int = 302) -> Page:
    return Page(status, headers={"Location": location})


Answer = Callable[[Received], Page]


def _absent(request: Received) -> Page:
    return Page(404)


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # A caller may leave at any time.
            super().handle_error(request, client_address)


class LocalServer:
    """Answers each path as programmed with `on`, all others with 404; `received` is what came, oldest first."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self._answers: dict[str, Answer] = {}
        self._server = _Server((host, 0), self._handler_class())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        port: int = self._server.server_address[1]
        return port

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self.port}{path}"

    def on(self, path: str, *answers: Page | Answer) -> None:
        """Program a path: the answers in turn, the last one stays."""
        queue = list(answers)

        def answer(request: Received) -> Page:
            following = queue.pop(0) if len(queue) > 1 else queue[0]
            return following if isinstance(following, Page) else following(request)

        self._answers[path] = answer

    def __enter__(self) -> LocalServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                pairs = list(self.headers.items())
                lowered = {name.lower(): value for name, value in pairs}
                request = Received(self.command, self.path, lowered, pairs, body)
                server.received.append(request)
                answer = server._answers.get(self.path.partition("?")[0], _absent)
                try:
                    self.send(answer(request))
                except OSError:
                    self.close_connection = True  # The caller left.

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

            def send(self, page: Page) -> None:
                self.send_response(page.status)
                for name, value in page.headers.items():
                    self.send_header(name, value)
                if page.chunks is None:
                    self.send_header("Content-Length", str(len(page.body)))
                self.end_headers()
                if self.command != "HEAD":
                    for chunk in (page.body,) if page.chunks is None else page.chunks:
                        self.wfile.write(chunk)
                self.close_connection = page.chunks is not None or self.close_connection

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Handler
