"""Blocks inside a step: a bounded number at once, ended by one of four strategies, or because their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from definitions.contract import timestamp
from definitions.model import Expression, Strategy
from worker.attributes import short
from worker.steps.base import StepFailed, Visit, stopping
from worker.steps.sleep import seconds

#: The code of a failure that all other blocks would meet as well, whatever the strategy.
TOO_LARGE = "state-too-large"

#: The blocks by name, each with what runs it; it is run once, and not before its turn.
Inside = Iterable[tuple[str, Callable[[], Awaitable[Any]]]]

#: Strategy -> whether the end of one block (its failure, or None) ends the whole.
_ENDS: dict[str, Callable[[StepFailed | None], bool]] = {
    "wait_all": lambda failure: False,
    "best_effort": lambda failure: False,
    "fail_fast": lambda failure: failure is not None,
    "race": lambda failure: failure is None,
}


@dataclass
class Ended:
    """What has become of the blocks, in the order in which they have ended."""

    outputs: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, StepFailed] = field(default_factory=dict)
    over: bool = False

    def first_failure(self, strategy: Strategy) -> tuple[str, StepFailed] | None:
        """The failure that is the whole step's, by the strategy; None if it has succeeded."""
        if self.failures and (strategy in ("wait_all", "fail_fast") or not self.outputs):
            return next(iter(self.failures.items()))
        return None


def report(ended: Ended, total: int) -> dict[str, Any]:
    """The output of a step that reports on its blocks."""
    return {
        "outputs": dict(sorted(ended.outputs.items())),
        "failures": {
            name: {"code": error.code, "message": error.message} for name, error in sorted(ended.failures.items())
        },
        "total": total,
        "completed": len(ended.outputs),
        "failed": len(ended.failures),
    }


async def run_inside(
    visit: Visit, inside: Inside, *, at_once: int, strategy: Strategy, within: float | Expression | None
) -> Ended:
    """Run the blocks, which raise StepFailed, until the strategy ends the whole. Raises StepFailed (`step-timeout`)
    when that takes longer than `within`; other errors of the blocks pass on."""
    ended, upcoming = Ended(), iter(inside)
    timers = [] if within is None else [asyncio.ensure_future(_time_is_over(visit, within))]
    lanes = [asyncio.ensure_future(_lane(upcoming, ended, _ENDS[strategy])) for _ in range(at_once)]
    async with stopping([*lanes, *timers]):
        while lanes and not ended.over:
            done, pending = await workflow.wait([*lanes, *timers], return_when=asyncio.FIRST_COMPLETED)
            lanes = [lane for lane in lanes if lane in pending]
            for task in done:
                if task not in timers or (lanes and not ended.over):
                    task.result()
    return ended


async def _time_is_over(visit: Visit, within: float | Expression) -> None:
    """Raise StepFailed when the time is over; the moment is absolute, so that continue-as-new does not prolong it."""
    memory = visit.frame.memory
    if "within" not in memory:
        memory["within"] = timestamp(visit.run.now() + timedelta(seconds=seconds(within, visit)))
    remaining = datetime.fromisoformat(memory["within"].replace("Z", "+00:00")) - visit.run.now()
    if remaining > timedelta():
        await workflow.sleep(remaining, summary=short(f"{visit.step} until {memory['within']}"))
    raise StepFailed("step-timeout", f"{visit.step} did not end within its time")


async def _lane(
    upcoming: Iterator[tuple[str, Callable[[], Awaitable[Any]]]],
    ended: Ended,
    ends: Callable[[StepFailed | None], bool],
) -> None:
    """One block after the other, as long as there are any."""
    for name, run in upcoming:
        failure: StepFailed | None = None
        try:
            output = await run()
        except StepFailed as error:
            if error.code == TOO_LARGE:
                raise
            failure = error
        if ended.over:
            return
        if failure is None:
            ended.outputs[name] = output
        else:
            ended.failures[name] = failure
        if ends(failure):
            ended.over = True
            return
