"""Three processes kept up together: a Temporal dev server, a worker and the adapter."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from definitions.errors import TidegateError
from tidegate import definitions_folder, ports, probes, temporal_server
from tidegate.child import Child
from tidegate.definitions_folder import Owned
from tidegate.errors import CommandError
from tidegate.plan import Plan
from worker.client import TidegateClient

START_SECONDS = 60.0
POLL_PAUSE = 0.05
# All is down within 15 s: first those who talk to Temporal, then Temporal.
CLIENTS_STOP_SECONDS = 10.5
TEMPORAL_STOP_SECONDS = 3.5


def say(line: str) -> None:
    """One line for people, on stderr."""
    print(f"tidegate: {line}", file=sys.stderr, flush=True)


def own_command(*arguments: str) -> list[str]:
    """The command line that runs this same program in a child process, whatever folder we are in."""
    return [sys.executable, str(Path(__file__).with_name("__main__.py").resolve()), *arguments]


class Supervisor:
    """Starts the three in order, says `ready`, keeps them up, stops them in the opposite order."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        # Temporal has no use for our keys.
        bare = {name: value for name, value in plan.environ.items() if not name.startswith(("TIDEGATE_", "TEMPORAL_"))}
        self._temporal = Child("temporal", plan.temporal, bare, say)
        self._worker = Child("worker", own_command("worker"), plan.environ, say)
        self._adapter = Child("adapter", own_command("serve"), plan.environ, say)
        self._children = (self._adapter, self._worker, self._temporal)
        for child in self._children:
            # What does not even come up will not by being tried again.
            child.restarts = False
        self._stop = asyncio.Event()

    async def run(self, documents: list[Owned]) -> None:
        """Raises CommandError when one of them does not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._asked_to_stop)
        try:
            if await self._start(documents):
                for child in self._children:
                    child.restarts = True
                print(f"ready {self._plan.url}", flush=True)
                await self._stop.wait()
        finally:
            await self._stop_all()

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            for child in self._children:
                child.kill()
        self._stop.set()

    async def _start(self, documents: list[Owned]) -> bool:
        """True once all serve; False if asked to stop before that."""
        plan = self._plan
        self._temporal.start()
        if not await self._until(self._temporal_serves, "Temporal does not serve"):
            return False
        self._worker.start()
        self._adapter.start()
        if not await self._until(partial(probes.answers, plan.health_url), "the adapter does not answer"):
            return False
        if not await self._until(self._worker_polls, "the worker does not poll"):
            return False
        if documents and not await self._publish(documents):
            return False
        if plan.options.ui_port is not None:
            say(f"Temporal Web UI: http://{ports.address(temporal_server.HOST, plan.options.ui_port)}")
        return True

    async def _publish(self, documents: list[Owned]) -> bool:
        client = await probes.connected(self._plan.temporal_address, temporal_server.NAMESPACE)
        if client is None:
            raise CommandError("Temporal stopped serving while definitions were being published")
        tidegate = TidegateClient(client, self._plan.task_queue)
        publishing = asyncio.create_task(definitions_folder.publish(documents, tidegate, say))

        async def published() -> bool:
            return publishing.done()

        try:
            if not await self._until(published, "the definitions are not published"):
                return False
            publishing.result()
            return True
        except TidegateError as error:
            raise CommandError(f"the definitions could not be published: {error}") from None
        finally:
            publishing.cancel()

    async def _temporal_serves(self) -> bool:
        return await probes.connected(self._plan.temporal_address, temporal_server.NAMESPACE) is not None

    async def _worker_polls(self) -> bool:
        client = await probes.connected(self._plan.temporal_address, temporal_server.NAMESPACE)
        return client is not None and await probes.worker_polls(client, self._plan.task_queue)

    async def _until(self, probe: Callable[[], Awaitable[bool]], otherwise: str) -> bool:
        """True once the probe agrees; False if asked to stop. Raises CommandError if a child ends, or if it is late."""
        deadline = time.monotonic() + START_SECONDS
        while not self._stop.is_set():
            if await probe():
                return True
            for child in self._children:
                if child.ended:
                    raise CommandError(f"{child.name} ended ({child.how}) before it served")
            if time.monotonic() > deadline:
                raise CommandError(f"{otherwise} after {START_SECONDS:g} s")
            await asyncio.sleep(POLL_PAUSE)
        return False

    async def _stop_all(self) -> None:
        clients = (self._adapter, self._worker)
        await asyncio.gather(*(child.stop(CLIENTS_STOP_SECONDS) for child in clients))
        await self._temporal.stop(TEMPORAL_STOP_SECONDS)
