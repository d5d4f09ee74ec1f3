"""HTTP/1.1 as uvicorn speaks it, with bounds on the head of a request, which its fast parser does not have."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Request line and headers together, in bytes. What is read at once may exceed it by one read.
MAX_HEAD = 65_536
#: Seconds from the first byte of a head to its last.
HEAD_SECONDS = 10.0
#: Seconds until the first byte on a new connection: longer than load balancers keep one ready.
SILENT_SECONDS = 65.0


class BoundedHttp(HttpToolsProtocol):
    """Answers 400 and closes the connection when a head is too long, or takes too long."""

    _in_head = True
    _head_bytes = 0
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch = self.loop.call_later(SILENT_SECONDS, transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        self._unwatch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._head_bytes > MAX_HEAD:
            self.send_400_response("Request head too large.")
            return
        if self._in_head and self._head_bytes == 0:
            self._unwatch()
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Most heads come in one piece, and need no timer.
        if self._in_head and self._head_bytes and self._watch is None and not self.transport.is_closing():
            self._watch = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_headers_complete(self) -> None:
        self._unwatch()
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def _too_slow(self) -> None:
        self._watch = None
        if self.cycle is not None and not self.cycle.response_complete:
            # An earlier request of this connection is still being answered, and nothing may be written in between.
            self._watch = self.loop.call_later(HEAD_SECONDS, self._too_slow)
            return
        self.send_400_response("Request head too slow.")

    def _unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
