"""`tidegate worker`: run a worker, or tell whether one of this host polls Temporal."""

from __future__ import annotations

import asyncio

from temporalio.service import RPCError

from definitions.errors import TidegateError
from tidegate import probes
from tidegate.errors import CommandError
from worker.client import TidegateClient
from worker.settings import SettingsError, read_settings

CHECK_SECONDS = 5.0


def run() -> int:
    """Work until SIGINT or SIGTERM; the exit code. It says itself what setting is missing."""
    # Here, since the check, which runs every few seconds in a container, needs none of it.
    from worker.__main__ import main

    return main()


def check() -> int:
    """0 if a worker of this host polls its task queues now. Raises CommandError if none does."""
    try:
        task_queue = read_settings().task_queue
        polls = asyncio.run(asyncio.wait_for(_polls(task_queue), CHECK_SECONDS))
    except SettingsError as error:
        raise CommandError(str(error)) from None
    except (TidegateError, RuntimeError, RPCError, asyncio.TimeoutError):
        raise CommandError("Temporal cannot be reached") from None
    if not polls:
        raise CommandError(f"no worker of this host polls the task queue {task_queue!r}")
    return 0


async def _polls(task_queue: str) -> bool:
    tidegate = await TidegateClient.connect(task_queue=task_queue)
    return await probes.worker_polls(tidegate.temporal, task_queue, host=probes.this_host())
