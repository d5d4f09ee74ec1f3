"""Reads that many ask for at once: whoever asks while one is under way shares the next one with all the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SharedReads(Generic[T]):
    """For each key at most one read under way, and one to follow.

    What a caller gets was read wholly after it had asked: a write that had been acknowledged by then is in it. Results
    are shared, so nobody may change one.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[T]] = {}
        self._following: dict[str, asyncio.Task[T]] = {}

    async def read(self, key: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `call`, or of another caller's for the same key; raises what that raises."""
        before = self._under_way.get(key)
        if before is None:
            return await asyncio.shield(self._begin(key, asyncio.ensure_future(call())))
        following = self._following.get(key)
        if following is None:
            self._following[key] = following = asyncio.ensure_future(self._after(before, key, call))
        return await asyncio.shield(following)

    async def _after(self, before: asyncio.Task[T], key: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        await asyncio.wait({before})
        # From now on it is this one that is under way: whoever asks now is too late to share it.
        self._begin(key, self._following.pop(key))
        return await call()

    def _begin(self, key: str, task: asyncio.Task[T]) -> asyncio.Task[T]:
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._end(key, done))
        return task

    def _end(self, key: str, task: asyncio.Task[T]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # those who had asked may all be gone
