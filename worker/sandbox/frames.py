"""What goes between a worker and a sandbox process: lines, of which those with the call's nonce are frames.

Nothing that comes from the process is trusted: its size is bounded, and its shape is checked by whoever uses it.
"""

from __future__ import annotations

import json
from asyncio import StreamReader
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

#: Bytes that a process may write in all, in one line, and as logs.
OUTPUT_BYTES = 32_000_000
LINE_BYTES = 12_000_000
LOG_BYTES = 1_000_000
#: Characters of the logs that are kept: they are part of the run's history.
LOG_KEPT = 16_000
CHUNK = 65_536


class OutputTooLarge(Exception):
    """The process has written more than it may; the message says of what."""


@dataclass
class Logs:
    """The lines that code has logged, as many as are kept."""

    lines: list[str] = field(default_factory=list)
    size: int = 0
    _room: int = LOG_KEPT

    def add(self, text: str) -> None:
        """Raises OutputTooLarge."""
        self.size += len(text) + 1
        if self.size > LOG_BYTES:
            raise OutputTooLarge(f"the code logged more than {LOG_BYTES} bytes")
        if self._room <= 0:
            return
        if len(text) > self._room:
            text = f"{text[: self._room]}… (the logs go on, and are not kept)"
        self._room -= len(text) + 1
        self.lines.append(text)


class Frames:
    """The frames that a process writes; its other lines are logs."""

    def __init__(self, reader: StreamReader, nonce: str, logs: Logs) -> None:
        self._reader = reader
        self._prefix = f"{nonce} ".encode()
        self._logs = logs

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        """Every frame until the process closes its output. Raises OutputTooLarge."""
        async for line in self._lines():
            frame = _frame(line[len(self._prefix) :]) if line.startswith(self._prefix) else None
            if frame is None:
                if line:
                    self._logs.add(line.decode("utf-8", "replace"))
            elif frame.get("kind") == "log":
                self._logs.add(str(frame.get("text")))
            else:
                yield frame

    async def _lines(self) -> AsyncIterator[bytes]:
        held, total = bytearray(), 0
        while chunk := await self._reader.read(CHUNK):
            total += len(chunk)
            held += chunk
            *lines, rest = held.split(b"\n") if b"\n" in chunk else [held]
            if total > OUTPUT_BYTES or len(rest) > LINE_BYTES:
                raise OutputTooLarge("the code wrote too much output")
            held = bytearray(rest)
            for line in lines:
                yield bytes(line)
        if held:
            yield bytes(held)


def _frame(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
