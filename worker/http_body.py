"""Reading a response's body with a bound on its size, compressed or not."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from typing import ClassVar

from definitions.errors import TidegateError

_IDENTITY = ("", "identity")
# 47: zlib or gzip, told apart by the header. -15: deflate without one, which some servers send.
_WINDOW = 47
_RAW_WINDOW = -15


class BodyTooLarge(TidegateError):
    code: ClassVar[str] = "result-too-large"


class BodyInvalid(TidegateError):
    """The body is compressed in a way that was not asked for, or damaged."""

    code: ClassVar[str] = "http-connection"


async def read_body(chunks: AsyncIterator[bytes], encoding: str, max_bytes: int) -> bytes:
    """Read to the end, decompressed; never holds more than `max_bytes` and one chunk.

    Raises BodyTooLarge, BodyInvalid.
    """
    sink = _sink(encoding, max_bytes)
    async for chunk in chunks:
        sink.add(chunk)
    return sink.finish()


class _Plain:
    def __init__(self, max_bytes: int) -> None:
        self._max = max_bytes
        self._held = bytearray()

    def add(self, chunk: bytes) -> None:
        if len(self._held) + len(chunk) > self._max:
            raise BodyTooLarge(f"the response is larger than {self._max} bytes")
        self._held += chunk

    def finish(self) -> bytes:
        return bytes(self._held)


class _Inflated(_Plain):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes)
        self._inflate = zlib.decompressobj(_WINDOW)
        self._started = False

    def add(self, chunk: bytes) -> None:
        while chunk:
            # One byte more than is allowed: enough to see that it is too much, however much would follow.
            super().add(self._decompress(chunk, self._max + 1 - len(self._held)))
            chunk = self._inflate.unconsumed_tail
            if self._inflate.unused_data:
                raise BodyInvalid("the compressed response has more than one part")

    def _decompress(self, chunk: bytes, most: int) -> bytes:
        first, self._started = not self._started, True
        try:
            return self._inflate.decompress(chunk, most)
        except zlib.error:
            if not first:
                raise BodyInvalid("the compressed response is damaged") from None
        self._inflate = zlib.decompressobj(_RAW_WINDOW)
        try:
            return self._inflate.decompress(chunk, most)
        except zlib.error:
            raise BodyInvalid("the compressed response is damaged") from None

    def finish(self) -> bytes:
        if self._started and not self._inflate.eof:
            raise BodyInvalid("the compressed response is cut short")
        return super().finish()


def _sink(encoding: str, max_bytes: int) -> _Plain:
    name = encoding.strip().lower()
    if name in _IDENTITY:
        return _Plain(max_bytes)
    if name in ("gzip", "x-gzip", "deflate"):
        return _Inflated(max_bytes)
    raise BodyInvalid(f"the response is compressed with {name[:40]!r}, which was not asked for")
