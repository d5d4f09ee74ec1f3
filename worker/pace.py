"""How much a run may do in one workflow task: one that takes too long, or asks too much at once, never succeeds."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from temporalio import workflow

#: Visits in one workflow task.
VISITS = 500
#: Units of work in one workflow task, of about a microsecond; a visit may begin below it. Temporal gives two seconds.
WORK = 300_000
#: What it takes to look at one item of a list, besides the work of its expression.
ITEM = 60
#: Bytes that one unit of work reads or writes.
BYTES_PER_UNIT = 32
#: Bytes of the commands of one workflow task; Temporal terminates a run that sends 4 MB.
COMMAND_BYTES = 1_500_000
#: Seconds of the first pause of a loop that never parks, and of the later ones: it stays harmless.
FIRST_PAUSE, LONGEST_PAUSE = 0.01, 1.0


class Pace:
    """Counts what the present workflow task has done, and goes on in the next one when that is enough."""

    def __init__(self) -> None:
        self._task = 0
        self._visits = self._work = self._command_bytes = 0
        self._pauses = 0
        self._pausing = False

    def worked(self, units: int = 0, read: int = 0) -> None:
        """Count work that was done, in units and in bytes read or written."""
        self._renew()
        self._work += units + read // BYTES_PER_UNIT

    @contextlib.contextmanager
    def uncounted(self) -> Iterator[None]:
        """Count nothing of what is done meanwhile: an update is checked when it comes, and not when it is replayed."""
        counted = dict(vars(self))
        try:
            yield
        finally:
            vars(self).update(counted)

    def rested(self) -> None:
        """The run parks or calls: it is no loop that only turns."""
        self._pauses = 0

    async def visit(self) -> None:
        """Wait for the turn to begin one more visit."""
        self._renew()
        while self._visits >= VISITS or self._work >= WORK:
            self._pauses += 1
            await self._pause(min(FIRST_PAUSE * 2 ** min(self._pauses, 10), LONGEST_PAUSE))
        self._visits += 1

    async def item(self) -> None:
        """Wait for the turn to look at one more item of a list, which is less than a visit."""
        self._renew()
        while self._work >= WORK:
            await self._pause(FIRST_PAUSE)
        self._work += ITEM

    async def room(self, size: int) -> None:
        """Wait until a command of that many bytes fits into the workflow task."""
        self._renew()
        while self._command_bytes and self._command_bytes + size > COMMAND_BYTES:
            await self._pause(FIRST_PAUSE)
        self._command_bytes += size

    def _renew(self) -> None:
        task = workflow.info().get_current_history_length()
        if task != self._task:
            self._task = task
            self._visits = self._work = self._command_bytes = 0

    async def _pause(self, seconds: float) -> None:
        """Go on in another workflow task: the first that asks starts a timer, which the others await as well."""
        if self._pausing:
            await workflow.wait_condition(lambda: not self._pausing)
        else:
            self._pausing = True
            try:
                await workflow.sleep(seconds, summary="pause, as there is much to do at once")
            finally:
                self._pausing = False
        self._renew()
