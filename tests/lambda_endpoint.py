"""A local stand-in for the Lambda Invoke API: give its address to a worker as `AWS_ENDPOINT_URL_LAMBDA`."""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")


@dataclass(frozen=True)
class Invoked:
    """One received invocation. `name` is the bare function name, `target` what was called (an ARN, say)."""

    name: str
    target: str
    qualifier: str | None
    payload: Any
    client_context: Any
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What to answer: `raw` bytes or a JSON `value`, after `delay` seconds.

    `function_error` goes into the header X-Amz-Function-Error.
    """

    value: Any = None
    raw: bytes | None = None
    status: int = 200
    function_error: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


def refusal(status: int, code: str, message: str = "refused") -> Reply:
    """An error of the Lambda service itself, such as (404, "ResourceNotFoundException")."""
    return Reply({"Message": message, "Type": "User"}, status=status, headers={"x-amzn-ErrorType": code})


def function_failure(error_type: str, message: str) -> Reply:
    """What Lambda answers for a function that raised."""
    return Reply({"errorType": error_type, "errorMessage": message, "trace": []}, function_error="Unhandled")


Handler = Callable[[Invoked], Any]


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # A caller may leave at any time.
            super().handle_error(request, client_address)


class LambdaEndpoint:
    """Serves on a free loopback port; usable as a context manager.

    Replies are set per function with `on`; a function without any echoes its payload. `invocations` holds what was
    received, oldest first.
    """

    def __init__(self) -> None:
        self._invocations: list[Invoked] = []
        self._handlers: dict[str, Handler] = {}
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), self._handler_class())
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def invocations(self) -> list[Invoked]:
        with self._changed:
            return list(self._invocations)

    def environment(self) -> dict[str, str]:
        """What a worker needs in its environment to call this endpoint."""
        return {
            "AWS_ENDPOINT_URL_LAMBDA": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def on(self, name: str, *replies: Any) -> None:
        """Set a function's replies: JSON values, `Reply`s or functions of the invocation; the last one stays."""
        queue = list(replies)

        def handler(invoked: Invoked) -> Any:
            with self._changed:
                reply = queue.pop(0) if len(queue) > 1 else queue[0]
            return reply(invoked) if callable(reply) else reply

        with self._changed:
            self._handlers[name] = handler

    def wait_for(self, count: int, seconds: float = 10.0) -> list[Invoked]:
        """The invocations, once there are `count`. Raises TimeoutError. Blocks its thread."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._invocations) >= count, seconds):
                raise TimeoutError(f"{len(self._invocations)} of {count} invocations after {seconds} s")
            return list(self._invocations)

    def start(self) -> LambdaEndpoint:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()

    def __enter__(self) -> LambdaEndpoint:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answer(self, invoked: Invoked) -> Reply:
        with self._changed:
            self._invocations.append(invoked)
            self._changed.notify_all()
            handler = self._handlers.get(invoked.name)
        value = invoked.payload if handler is None else handler(invoked)
        return value if isinstance(value, Reply) else Reply(value)

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Receiver(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                invoked = _invoked(self.path, body, dict(self.headers.items()))
                reply = endpoint._answer(invoked) if invoked else Reply({"Message": "no such path"}, status=404)
                time.sleep(reply.delay)
                try:
                    self._send(reply)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # The caller did not wait.

            def _send(self, reply: Reply) -> None:
                content = json.dumps(reply.value).encode() if reply.raw is None else reply.raw
                self.send_response(reply.status)
                headers = {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST", **reply.headers}
                if reply.function_error:
                    headers["X-Amz-Function-Error"] = reply.function_error
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                return

        return Receiver


def _invoked(path: str, body: bytes, headers: Mapping[str, str]) -> Invoked | None:
    parts = urlsplit(path)
    match = _PATH.fullmatch(parts.path)
    if match is None:
        return None
    target = unquote(match[1])
    lowered = {name.lower(): value for name, value in headers.items()}
    context = lowered.get("x-amz-client-context")
    return Invoked(
        name=_bare_name(target),
        target=target,
        qualifier=next(iter(parse_qs(parts.query).get("Qualifier", [])), None),
        payload=json.loads(body) if body else None,
        client_context=json.loads(base64.b64decode(context)) if context else None,
        headers=lowered,
    )


def _bare_name(target: str) -> str:
    """The function's name out of `name`, `name:qualifier`, `account:function:name` or a whole ARN."""
    _, marker, rest = target.rpartition("function:")
    return (rest if marker else target).split(":")[0]
