"""`each`: one block for every item of a list, a bounded number at once; the first failure stops the others."""

from __future__ import annotations

import asyncio
from typing import Any

from definitions.model import EachStep
from worker.steps.base import Done, StepFailed, Visit, stopping

ITEMS_LIMIT = 10_000


async def run(visit: Visit, step: EachStep) -> Done:
    items = visit.evaluate(step.items)
    if not isinstance(items, list) or len(items) > ITEMS_LIMIT:
        raise StepFailed("items-invalid", f"`items` must give a list of at most {ITEMS_LIMIT} items")
    outputs: list[Any] = [None] * len(items)
    upcoming = iter(enumerate(items))

    async def lane() -> None:
        for index, item in upcoming:
            data = {step.item_as: item, step.index_as: index}
            try:
                outputs[index] = await visit.run_inner(str(index), step.body, data)
            except StepFailed as error:
                raise StepFailed(error.code, f"item {index}: {error.message}") from None

    lanes = [asyncio.ensure_future(lane()) for _ in range(min(step.at_once, len(items)))]
    async with stopping(lanes):
        await asyncio.gather(*lanes)
    return Done(outputs)
