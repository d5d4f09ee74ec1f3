"""Outermost middleware: gives every request an id, and makes one log line and the metrics out of it."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapter.metrics import Metrics
from definitions.errors import Overloaded, Unavailable

#: What a caller's own request id may look like; any other is replaced by one of ours.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
#: Asked all the time by machines: logged at debug level, unless they fail.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
#: The caller went away before an answer.
DISCONNECTED = 499
#: Characters of a cause that are logged.
MAX_CAUSE = 300

_log = logging.getLogger("tidegate.access")


class Observe:
    """ASGI middleware. Names a route by its template, so that no token or other value of a path is written down."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = DISCONNECTED
        began = time.perf_counter()

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            try:
                await self._app(scope, receive, observed)
            finally:
                self._record(scope, status, time.perf_counter() - began)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unmatched")
        state: dict[str, Any] = scope["state"]
        failure = state.get("failure")
        self._metrics.request(method, route, status, seconds)
        if failure is not None:
            self._metrics.failure(failure)
        fields = {
            "request_id": state["request_id"],
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "organisation": state.get("organisation"),
        }
        if failure is not None:
            fields["code"] = failure.code
        if isinstance(failure, Unavailable | Overloaded) and failure.__cause__ is not None:
            # What Temporal's client said, for whoever has to find out why; of other errors it could hold inputs.
            fields["cause"] = str(failure.__cause__)[:MAX_CAUSE]
        quiet = route in _QUIET and status < 500
        _log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
