"""HTTP/1.1 as uvicorn speaks it, with a bound on the head of a request, which its fast parser does not have."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Request line and headers together, in bytes. What is read at once may exceed it by one read.
MAX_HEAD = 65_536


class BoundedHttp(HttpToolsProtocol):
    """Answers 400 and closes the connection once a head is longer than `MAX_HEAD` and still not complete."""

    _in_head = True
    _head_bytes = 0

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._head_bytes > MAX_HEAD:
            self.send_400_response("Request head too large.")
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()
