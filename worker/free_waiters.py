"""The waiters of a mailbox that no event is offered to, oldest first, and which of them an event has yet to be compared
with: where thousands of events fit none of thousands of waiters, to compare all again would take seconds. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator


class FreeWaiters:
    """Numbers of waiters; an event is known by its number as well."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._all = sorted(numbers)
        #: Those that have come since all events were looked through, and the events that fit none of the others.
        self._fresh: list[int] = []
        self._unfit: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._all))

    def add(self, number: int) -> None:
        for numbers in (self._all, self._fresh):
            bisect.insort(numbers, number)

    def remove(self, number: int) -> None:
        for numbers in (self._all, self._fresh):
            at = bisect.bisect_left(numbers, number)
            if at < len(numbers) and numbers[at] == number:
                del numbers[at]

    def to_compare(self, event: int, older_only: bool) -> list[int]:
        """Those that may fit an event, oldest first; if it is for the older ones only, these."""
        numbers = self._fresh if event in self._unfit else self._all
        return numbers[: bisect.bisect_left(numbers, event)] if older_only else list(numbers)

    def fit_none(self, event: int) -> None:
        """None of those to compare fits the event."""
        self._unfit.add(event)

    def forget(self, event: int) -> None:
        """The event is to be compared with all, if it comes again."""
        self._unfit.discard(event)

    def looked_through(self) -> None:
        """All events have been compared with all that they may fit."""
        self._fresh.clear()
