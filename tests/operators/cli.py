"""Temporal's own command line tool, as an operator uses it."""

from __future__ import annotations

import asyncio
import os

from tests.conftest import temporal_executable

SECONDS = 30


async def temporal(address: str, *arguments: str) -> str:
    """Run `temporal …` against a server; what it printed. Fails the test if it fails."""
    process = await asyncio.create_subprocess_exec(
        temporal_executable(),
        *arguments,
        "--address",
        address,
        env={**os.environ, "TEMPORAL_CONFIG_FILE": os.devnull},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, f"temporal {' '.join(arguments)}: {printed.decode()}"
    return printed.decode()
