"""Blocking calls of cloud libraries, away from the event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs blocking functions in at most `limit` threads, which are kept: starting one holds the event loop up.

    Unlike those of an executor pool, these threads do not hold up the end of the process: a call of a quarter of an
    hour may not delay a shutdown. A cancelled call's thread runs on unseen and keeps its place until it ends.
    """

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        #: Threads that wait for work, or soon will; counted in the event loop only.
        self._idle = 0

    async def run(self, function: Callable[[], T]) -> T:
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result: tuple[Any, BaseException | None] = (function(), None)
            except BaseException as error:  # Handed to the caller, whatever it is.
                result = (None, error)
            try:
                loop.call_soon_threadsafe(settle, *result)
            except RuntimeError:
                return  # The loop has closed: the process is ending and nobody waits.

        def settle(value: Any, error: BaseException | None) -> None:
            self._idle += 1
            self._places.release()
            if outcome.done():
                return
            if error is None:
                outcome.set_result(value)
            else:
                outcome.set_exception(error)

        self._hand_over(work)
        return await outcome

    def _hand_over(self, work: Callable[[], None]) -> None:
        self._work.put(work)
        if self._idle:
            self._idle -= 1
        else:
            threading.Thread(target=_serve, args=(self._work,), daemon=True, name="tidegate-call").start()


def _serve(work: queue.SimpleQueue[Callable[[], None]]) -> None:
    while True:
        work.get()()
