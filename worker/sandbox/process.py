"""One sandbox process and the one call that it serves: it is told what to run, answered, watched, and killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import uuid
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from definitions.errors import TidegateError
from worker.sandbox import launch
from worker.sandbox.frames import CHUNK, LOG_BYTES, Frames, Logs, OutputTooLarge

#: Pause between two looks at a process's memory.
LOOK_SECONDS = 0.02
#: What a call may ask of the worker in all, and at once.
ASKED_LIMIT = 2_000
ASKED_AT_ONCE = 20
#: Seconds of CPU beyond the time limit, for the threads beside the code's own.
CPU_MARGIN = 30
#: Characters of what a dying process says that are looked at.
LAST_WORDS = 20_000

#: Answers what code asks of the worker: name, id of the step it is in (or None), arguments. Raises TidegateError.
Host = Callable[[str, str | None, dict[str, Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Limits:
    """What one call may use: seconds of time, bytes of resident memory."""

    seconds: float = 60.0
    memory: int = 256_000_000


@dataclass
class Outcome:
    """How a call ended. `result` is what the shim reported, unchecked; None if the process was ended: then `code` and
    `error` say why."""

    result: dict[str, Any] | None = None
    code: str | None = None
    error: str | None = None
    logs: list[str] = field(default_factory=list)


class Sandboxed:
    """A process that has been started for one call."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._killed: tuple[str, str] | None = None
        self._last_words = asyncio.ensure_future(self._listen())

    @classmethod
    async def start(cls, shim: str, folder: str) -> Sandboxed:
        """Raises SandboxUnavailable."""
        try:
            return cls(await launch.start(shim, folder))
        except OSError as error:
            raise launch.SandboxUnavailable(f"unsupported: Deno cannot be started: {error.strerror}") from None

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def kill(self, code: str = "", message: str = "") -> None:
        """End the process and all that belongs to it, now. The first reason given counts."""
        if self._killed is None:
            self._killed = (code, message)
        if self.alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """End the process, and wait until it is gone."""
        self.kill()
        # It counts as gone once its output was read to the end, of which much may be left.
        await asyncio.gather(_exhaust(self._process.stdout), self._last_words)
        await self._process.wait()

    async def run(self, call: dict[str, Any], host: Host, limits: Limits) -> Outcome:
        """Serve the call; the process is gone when this returns, or raises, or is cancelled."""
        logs, conversation = Logs(), _Conversation(self._process, host)
        launch.limit(self._process.pid, {"CPU": math.ceil(limits.seconds) * 2 + CPU_MARGIN})
        watching = asyncio.ensure_future(self._watch(limits))
        try:
            result = await asyncio.wait_for(conversation.hold(call, logs), limits.seconds)
        except asyncio.TimeoutError:
            self.kill("code-timeout", f"the code did not end within {limits.seconds:g} s")
            result = None
        except OutputTooLarge as error:
            self.kill("code-output", str(error))
            result = None
        finally:
            watching.cancel()
            await self._gone()
        if result is not None:
            return Outcome(result, logs=logs.lines)
        code, reason = self._reason()
        return Outcome(None, code, reason, logs.lines)

    async def _gone(self) -> None:
        """Wait until the process has ended; it may have ended by itself, and how it did says why."""
        output = self._process.stdout
        if self._killed is None and output is not None and output.at_eof():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._process.wait(), 1.0)
        await asyncio.shield(self.close())

    def _reason(self) -> tuple[str, str]:
        if self._killed is not None and self._killed[0]:
            return self._killed
        ended = self._process.returncode or 0
        words = self._last_words.result().lower()
        if "out of memory" in words or "memory allocation" in words:
            return "code-memory", "the code used more memory than it may"
        if -ended == signal.SIGXCPU:
            return "code-timeout", "the code used more time than it may"
        how = f"signal {-ended}" if ended < 0 else f"exit code {ended}"
        return "code-ended", f"the code's process ended before the code did ({how})"

    async def _watch(self, limits: Limits) -> None:
        while True:
            if launch.resident_bytes(self._process.pid) > limits.memory:
                self.kill("code-memory", f"the code used more than {limits.memory // 1_000_000} MB of memory")
            await asyncio.sleep(LOOK_SECONDS)

    async def _listen(self) -> str:
        """Read what the process says to nobody; its end, where the reason of a crash stands."""
        reader, words, size = self._process.stderr, "", 0
        assert reader is not None
        while chunk := await reader.read(CHUNK):
            size += len(chunk)
            if size > LOG_BYTES:
                self.kill("code-output", "the code wrote too much output")
            words = (words + chunk.decode("utf-8", "replace"))[-LAST_WORDS:]
        return words


async def _exhaust(reader: asyncio.StreamReader | None) -> None:
    while reader is not None and await reader.read(CHUNK):
        pass


class _Conversation:
    """The worker's side of the frames of one call."""

    def __init__(self, process: Process, host: Host) -> None:
        self._process = process
        self._host = host
        self._asked = 0
        self._places = asyncio.Semaphore(ASKED_AT_ONCE)
        self._answering: set[asyncio.Future[None]] = set()

    async def hold(self, call: dict[str, Any], logs: Logs) -> dict[str, Any] | None:
        """Tell the process its call and answer what it asks, until it reports the result; None if it ends before."""
        assert self._process.stdout is not None
        nonce = uuid.uuid4().hex
        sending = asyncio.ensure_future(self._tell({**call, "nonce": nonce}))
        try:
            async for frame in Frames(self._process.stdout, nonce, logs).__aiter__():
                if frame.get("kind") == "end" and isinstance(frame.get("result"), dict):
                    return dict(frame["result"])
                self._take(frame)
            return None
        finally:
            for one in (sending, *self._answering):
                one.cancel()
            await asyncio.gather(sending, *self._answering, return_exceptions=True)

    def _take(self, frame: dict[str, Any]) -> None:
        name, step, arguments = frame.get("name"), frame.get("step"), frame.get("args")
        if not (isinstance(name, str) and isinstance(arguments, dict) and (step is None or isinstance(step, str))):
            return
        self._asked += 1
        too_many = self._asked > ASKED_LIMIT
        answering = asyncio.ensure_future(self._answer(frame.get("id"), name, step, arguments, too_many))
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)

    async def _answer(
        self, number: Any, name: str, step: str | None, arguments: dict[str, Any], too_many: bool
    ) -> None:
        answer: dict[str, Any] = {"id": number}
        try:
            if too_many:
                raise TidegateError(f"one call may ask for at most {ASKED_LIMIT} things")
            async with self._places:
                answer["ok"] = await self._host(name, step, arguments)
        except TidegateError as error:
            answer |= {"error": error.message, "code": error.code, "type": name == "fetch"}
        await self._tell(answer)

    async def _tell(self, message: dict[str, Any]) -> None:
        writer = self._process.stdin
        assert writer is not None
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            writer.write(json.dumps(message).encode() + b"\n")
            await writer.drain()
