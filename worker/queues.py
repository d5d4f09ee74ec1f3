"""Queues of calls: so many at a time for each of many keys, the others in line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from worker.rpc import unavailable

#: Updates of one workflow at a time: Temporal refuses more than 10, and then makes every caller wait for seconds.
UPDATES_AT_ONCE = 8


class Queues:
    """One line for each key; a line that nobody is in takes no memory."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, key: str, seconds: float) -> AsyncIterator[float]:
        """Wait for a place, at most `seconds`; yields the seconds that are left of them.

        Raises Unavailable(part='worker'): those who have the places get no answer.
        """
        began = time.monotonic()
        places = self._places.get(key)
        if places is None:
            self._places[key] = places = asyncio.Semaphore(self._at_once)
        try:
            await asyncio.wait_for(places.acquire(), seconds)
        except asyncio.TimeoutError:
            raise unavailable("worker") from None
        try:
            yield max(0.1, seconds - (time.monotonic() - began))
        finally:
            places.release()
