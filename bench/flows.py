"""The rows of one flow, round after round."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from bench.endpoint import Endpoint
from bench.load import Turn, take_turn
from bench.options import Options
from bench.rounds import in_rounds
from bench.rows import Row


async def flows_in_rounds(
    rows: Sequence[Row], endpoint: Endpoint, ours: Iterable[int], options: Options, *, until: float = math.inf
) -> dict[str, list[Turn]]:
    """Row -> its turns, one a round; the rows are closed then. `ours` are the processes that belong to the run."""

    async def take(row: Row, options: Options) -> Turn:
        load = {"flows": options.flows, "concurrency": options.concurrency, "samples": options.samples}
        return await take_turn(row, endpoint, ours, **load)

    try:
        return await in_rounds({row.name: row for row in rows}, options, take, until=until)
    finally:
        for row in rows:
            row.close()
