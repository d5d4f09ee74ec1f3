"""A stand-in for AWS Lambda on this machine: answers every Invoke call, and remembers what it was called with."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class LambdaEndpoint(ThreadingHTTPServer):
    """Serves `POST /2015-03-31/functions/{name}/invocations` in a thread; `calls` lists (function, payload)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LambdaEndpoint

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        function = unquote(self.path.split("/")[3]).rsplit(":", 1)[-1]
        self.server.calls.append((function, payload))
        answer = b"{}"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        return None
