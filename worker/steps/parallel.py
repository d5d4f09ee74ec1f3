"""`parallel`: several blocks at once, ended by one of four strategies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from temporalio import workflow

from definitions.model import ParallelStep
from worker.steps.base import Done, StepFailed, Visit, stopping

#: Strategy -> whether the end of one branch (its failure, or None) ends the whole.
_ENDS: dict[str, Callable[[StepFailed | None], bool]] = {
    "wait_all": lambda failure: False,
    "best_effort": lambda failure: False,
    "fail_fast": lambda failure: failure is not None,
    "race": lambda failure: failure is None,
}


async def run(visit: Visit, step: ParallelStep) -> Done:
    tasks = {
        name: asyncio.ensure_future(visit.run_inner(name, block, {})) for name, block in sorted(step.branches.items())
    }
    outputs: dict[str, Any] = {}
    failures: dict[str, StepFailed] = {}
    async with stopping(list(tasks.values())):
        while len(outputs) + len(failures) < len(tasks):
            pending = [task for name, task in tasks.items() if name not in outputs and name not in failures]
            await workflow.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if _collect(tasks, outputs, failures, _ENDS[step.strategy]):
                break
    return _result(step, outputs, failures)


def _collect(
    tasks: dict[str, asyncio.Task[Any]],
    outputs: dict[str, Any],
    failures: dict[str, StepFailed],
    ends: Callable[[StepFailed | None], bool],
) -> bool:
    """Take in the branches that have ended; True when that ends the whole. Other errors than StepFailed pass on."""
    for name, task in tasks.items():
        if not task.done() or name in outputs or name in failures:
            continue
        try:
            outputs[name] = task.result()
            failure = None
        except StepFailed as error:
            failures[name] = failure = error
        if ends(failure):
            return True
    return False


def _result(step: ParallelStep, outputs: dict[str, Any], failures: dict[str, StepFailed]) -> Done:
    if failures and (step.strategy in ("wait_all", "fail_fast") or not outputs):
        name, error = next(iter(failures.items()))
        raise StepFailed(error.code, f"branch {name!r}: {error.message}")
    return Done(next(iter(outputs.values())) if step.strategy == "race" else outputs)
