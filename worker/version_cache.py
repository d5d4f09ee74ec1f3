"""What was made of immutable texts before, such as versions: a process keeps what it used last."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")

#: What an entry costs besides its text, roughly.
_OVERHEAD = 1_000


class VersionCache(Generic[T]):
    """The entries used last, in at most `capacity` bytes of text."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._entries: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def get(self, key: str) -> T | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: str, value: T, text: str) -> None:
        """Keep a value that is as large as `text`."""
        size = len(text.encode("utf-8", "surrogatepass")) + _OVERHEAD
        if key in self._entries or size > self._capacity:
            return
        self._entries[key] = (value, size)
        self._size += size
        while self._size > self._capacity:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._size -= dropped
