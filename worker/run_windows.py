"""Long lists of runs, read by windows of start times.

Temporal orders executions by their end, so the newest ones are not a page of it. But all executions that started
within some span are: a span is chosen by counting, fetched as a whole, and ordered here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from math import isqrt

from temporalio.client import Client, WorkflowExecution

from definitions.contract import timestamp
from worker.page_token import PageToken
from worker.run_rows import START_DELAY, Row, microseconds, moment_of
from worker.visibility import collect, count, newest, quoted

#: Executions in one window, unless more than that started at the same moment.
WINDOW_ROWS = 1_000
#: Windows for one page, if most of their rows do not match: past these the page is given short.
MAX_WINDOWS = 5
#: Counts for one window.
MAX_COUNTS = 24
FIRST_WIDTH = 60_000_000
#: Before any execution there can be.
_FLOOR = microseconds(datetime(2015, 1, 1, tzinfo=timezone.utc))
_AHEAD = timedelta(days=1)
_DELAY = START_DELAY // timedelta(microseconds=1)

Current = Callable[[Sequence[WorkflowExecution]], Awaitable[list[Row]]]


class Windows:
    """The rows of one list, from a place in it on. `current` makes rows of executions, without those superseded."""

    def __init__(self, client: Client, conditions: str, current: Current, seconds: float) -> None:
        self._client = client
        self._conditions = conditions
        self._current = current
        self._seconds = seconds

    async def page(
        self, token: PageToken | None, size: int, before: datetime | None = None
    ) -> tuple[list[Row], PageToken | None]:
        """At most `size` rows after `token`, and where to go on; None: nothing is left. `before`: where rows begin."""
        now = datetime.now(timezone.utc)
        top = microseconds(min(now, before or now))
        key = (microseconds(now + _AHEAD), "") if token is None else token.key
        width = FIRST_WIDTH if token is None or not token.width else token.width
        rows: list[Row] = []
        for _ in range(MAX_WINDOWS):
            top = min(top, key[0])
            low = await self._low(top, key[0] + _DELAY, width, size - len(rows))
            rows += await self._between(low, key)
            width = max(1, top - low)
            if len(rows) > size or (len(rows) == size and low > _FLOOR):
                return rows[:size], PageToken("windows", *rows[size - 1].start_key, width=width)
            if low <= _FLOOR:
                return rows, None
            key = (low, "")
        return rows, PageToken("windows", *key, width=width)

    async def _between(self, low: int, key: tuple[int, str]) -> list[Row]:
        """The rows from `low` up to, but without, `key`; newest first. A row's place is never after its start."""
        executions = await collect(self._client, self._span(low, key[0] + _DELAY), seconds=self._seconds)
        rows = await self._current(list(newest(executions).values()))
        found = [row for row in rows if low <= row.start_key[0] and row.start_key < key]
        return sorted(found, key=lambda row: row.start_key, reverse=True)

    async def _low(self, top: int, high: int, width: int, wanted: int) -> int:
        """A lower bound below `top` such that the window holds what is wanted, and not much more."""
        # Those that were created before the last row shown may have started a little after it.
        above = await count(self._client, self._span(top, high), seconds=self._seconds)
        narrow, wide = 0, 0
        for _ in range(MAX_COUNTS):
            low = max(_FLOOR, top - width)
            found = await count(self._client, self._span(low, high), seconds=self._seconds) - above
            if found > WINDOW_ROWS:
                wide = width
            elif found > wanted or low == _FLOOR:
                return low
            else:
                narrow = width
            if wide and wide <= narrow + 1:
                break
            width = max(narrow + 1, isqrt(narrow * wide)) if wide else width * 8
        return max(_FLOOR, top - (wide or width))

    def _span(self, low: int, high: int) -> str:
        since, until = timestamp(moment_of(low)), timestamp(moment_of(high))
        return f"{self._conditions} AND StartTime >= {quoted(since)} AND StartTime <= {quoted(until)}"
