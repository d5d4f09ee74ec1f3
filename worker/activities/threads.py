"""Blocking calls of cloud libraries, away from the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs blocking functions, each in a thread of its own, at most `limit` at once.

    Unlike those of an executor pool, these threads do not hold up the end of the process: a call of a quarter of an
    hour may not delay a shutdown. A cancelled call's thread runs on unseen and keeps its place until it ends.
    """

    def __init__(self, limit: int) -> None:
        self._places = asyncio.Semaphore(limit)

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
            self._places.release()
            if outcome.done():
                return
            if error is None:
                outcome.set_result(value)
            else:
                outcome.set_exception(error)

        threading.Thread(target=work, daemon=True, name="tidegate-call").start()
        return await outcome
