"""Programs as processes of their own, which end with the test."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

#: What a program has to end in.
SECONDS = 50


@asynccontextmanager
async def begun(command: list[str], folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Process]:
    """A program with this environment, beside PATH, until the block ends; then what it has begun ends too."""
    given = {"PATH": os.environ["PATH"], "NO_COLOR": "1", **environment}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env=given, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
