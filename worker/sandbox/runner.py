"""Runs calls of foreign code, each in a process of its own, which is started before it is needed."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from typing import Any

from definitions.errors import DefinitionError, Problem, TidegateError
from worker.sandbox import launch
from worker.sandbox.process import Host, Limits, Outcome, Sandboxed

#: Characters of a source.
SOURCE_LIMIT = 256_000
#: Seconds that the outermost code of a source may take when it is looked at.
INSPECT_SECONDS = 5.0
#: Processes kept ready for each kind of code that has been run. None has seen foreign code.
READY = 1

__all__ = ["SOURCE_LIMIT", "Limits", "Outcome", "Sandbox"]


class Sandbox:
    """Runs so many calls at once, from many tasks of one event loop, until its block is left: then no process is."""

    def __init__(self, at_once: int = 8) -> None:
        # Nothing is ever in it; code cannot read or write it either.
        self._folder = tempfile.TemporaryDirectory(prefix="tidegate-sandbox-")
        self._places = asyncio.Semaphore(at_once)
        self._ready: dict[str, list[Sandboxed]] = {}
        self._starting: dict[str, asyncio.Future[None]] = {}

    async def __aenter__(self) -> Sandbox:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._starting.values(), return_exceptions=True)
        await asyncio.gather(*(process.close() for ready in self._ready.values() for process in ready))
        self._ready.clear()
        self._folder.cleanup()

    async def run(self, shim: str, call: dict[str, Any], host: Host, limits: Limits) -> Outcome:
        """Run one call: `call` is what the shim knows of it, `source` among it. Raises SandboxUnavailable.

        Whatever the code does is in the outcome; nothing of it is left when this returns.
        """
        async with self._places:
            process = await self._take(shim)
            try:
                return await process.run(call, host, limits)
            finally:
                await asyncio.shield(process.close())

    async def inspect(self, shim: str, source: str, env: dict[str, str] | None = None) -> list[str]:
        """The names that a source registers, found by running its outermost code, which may ask for nothing.

        Raises DefinitionError (`code-too-large`, `code-invalid`, `code-unsupported`).
        """
        if len(source) > SOURCE_LIMIT:
            raise _refused("code-too-large", f"the source is longer than {SOURCE_LIMIT} characters")
        call = {"inspect": True, "source": source, "env": env or {}}
        try:
            outcome = await self.run(shim, call, _nothing, Limits(INSPECT_SECONDS))
        except launch.SandboxUnavailable as error:
            raise _refused("code-unsupported", error.message, unsupported=True) from None
        result = outcome.result or {"error": outcome.error}
        names = result.get("value")
        if result.get("error") is not None or not isinstance(names, list):
            raise _refused("code-invalid", str(result.get("error"))[:2000])
        return [str(name) for name in names]

    async def _take(self, shim: str) -> Sandboxed:
        """A process that waits for its call."""
        ready = self._ready.setdefault(shim, [])
        while ready:
            process = ready.pop()
            if process.alive:
                self._refill(shim)
                return process
        process = await Sandboxed.start(shim, self._folder.name)
        self._refill(shim)
        return process

    def _refill(self, shim: str) -> None:
        starting = self._starting.get(shim)
        if len(self._ready[shim]) < READY and (starting is None or starting.done()):
            self._starting[shim] = asyncio.ensure_future(self._start(shim))

    async def _start(self, shim: str) -> None:
        # A failure is told to the call that finds nothing ready.
        with contextlib.suppress(launch.SandboxUnavailable):
            self._ready[shim].append(await Sandboxed.start(shim, self._folder.name))


def _refused(code: str, message: str, unsupported: bool = False) -> DefinitionError:
    return DefinitionError([Problem(code, "$.source", message, unsupported)])


async def _nothing(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
    raise TidegateError(f"{name!r} cannot be used while the source is registered: call it in a handler")
