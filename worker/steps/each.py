"""`each`: one block for every item of a list, a bounded number at once."""

from __future__ import annotations

from functools import partial
from typing import Any

from definitions.model import EachStep
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.inner import report, run_inside

ITEMS_LIMIT = 10_000


async def run(visit: Visit, step: EachStep) -> Done:
    items = await _items(visit, step)
    inside = (
        (str(index), partial(visit.run_inner, str(index), step.body, {step.item_as: item, step.index_as: index}))
        for index, item in enumerate(items)
    )
    at_once = min(step.at_once, len(items))
    ended = await run_inside(visit, inside, at_once=at_once, strategy=step.strategy, within=step.within)
    if (first := ended.first_failure(step.strategy)) is not None:
        name, error = first
        raise StepFailed(error.code, f"item {name}: {error.message}")
    if step.report:
        return Done(report(ended, len(items)))
    return Done([ended.outputs.get(str(index)) for index in range(len(items))])


async def _items(visit: Visit, step: EachStep) -> list[Any]:
    items = visit.evaluate(step.items)
    if not isinstance(items, list) or len(items) > ITEMS_LIMIT:
        raise StepFailed("items-invalid", f"`items` must give a list of at most {ITEMS_LIMIT} items")
    if step.filter is None:
        return items
    kept = visit.frame.memory.get("kept")
    if kept is None:
        kept = []
        for index, item in enumerate(items):
            await visit.run.pace.item()
            if visit.evaluate(step.filter, **{step.item_as: item, step.index_as: index}):
                kept.append(index)
        visit.frame.memory["kept"] = kept
    return [items[index] for index in kept]
