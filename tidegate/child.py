"""One child process that is kept up: started again when it dies, stopped when asked, never outliving its parent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
#: A child that was up for so long gets the first pause again.
STEADY_SECONDS = 10.0

# The kernel kills the child when the supervisor dies, however that dies. A program of its own between fork and exec,
# since nothing else is safe to run there in a process with threads.
_TIED = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])
"""


def tied(command: Sequence[str]) -> list[str]:
    """The command that runs `command` (its first item is a path) so that it dies with this process, on Linux."""
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *command]


class Child:
    """A program that is to be up until `stop`. `say` takes one line for people."""

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        self.name = name
        #: Whether it is started again when it ends without being asked to.
        self.restarts = True
        #: How often it has so ended, and how the last time.
        self.ended = 0
        self.how = ""
        self._command = tied(command)
        self._environ = dict(environ)
        self._say = say
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process now up, if any."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    def start(self) -> None:
        """Keep it up from now on; needs a running event loop."""
        self._task = asyncio.create_task(self._keep_up(), name=f"keep-up-{self.name}")

    async def stop(self, seconds: float) -> None:
        """Ask it to end, wait at most `seconds`, then kill it."""
        self._stopping.set()
        self._signal(signal.SIGTERM)
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            self._say(f"{self.name} did not stop within {seconds:g} s: killed")
            self.kill()
        await self._task

    def kill(self) -> None:
        """End it at once; it stays down."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _keep_up(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            self.how = await self._run_once()
            if self._stopping.is_set():
                return
            self.ended += 1
            if not self.restarts:
                return
            if time.monotonic() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE
            self._say(f"{self.name} ended ({self.how}); starting it again in {pause:g} s")
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run_once(self) -> str:
        """Run it to its end; how it ended, in words."""
        # A session of its own: Ctrl-C in a terminal reaches the supervisor only, which stops all in order.
        # Its stdout is our stderr, since ours is for the ready line.
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sys.stderr.fileno(),
            env=self._environ,
            start_new_session=True,
        )
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        return ending(await self._process.wait())


def ending(code: int) -> str:
    """A return code in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
