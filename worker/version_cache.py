"""Versions read before: they never change, so a process keeps the ones it used last."""

from __future__ import annotations

from collections import OrderedDict

from definitions.contract import VersionFacts

#: What an entry costs besides its text, roughly.
_OVERHEAD = 1_000


class VersionCache:
    """The versions used last, in at most `capacity` bytes of text."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._entries: OrderedDict[str, tuple[VersionFacts, int]] = OrderedDict()

    def get(self, workflow_id: str) -> VersionFacts | None:
        entry = self._entries.get(workflow_id)
        if entry is None:
            return None
        self._entries.move_to_end(workflow_id)
        return entry[0]

    def put(self, workflow_id: str, version: VersionFacts) -> None:
        size = len(version.text.encode("utf-8", "surrogatepass")) + _OVERHEAD
        if workflow_id in self._entries or size > self._capacity:
            return
        self._entries[workflow_id] = (version, size)
        self._size += size
        while self._size > self._capacity:
            _, (_, dropped) = self._entries.popitem(last=False)
            self._size -= dropped
