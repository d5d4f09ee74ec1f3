"""`python -m bench.correlated`: what finding a run by an event's name and key costs, beside knowing the run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from bench.load import Turn
from bench.options import Options
from bench.report import comparison, latency, load_of_others, table
from bench.rounds import compare
from bench.site import TASK_QUEUE, Site, serve_namespace, serve_temporal
from bench.stack import stack
from bench.waiting import Waiting, Way, waits_in_rounds
from tidegate import temporal_server

KNOWN_ID, BY_KEY, EARLY = "known id", "by key", "by key, early"
WAYS: Mapping[str, Way] = {KNOWN_ID: "id", BY_KEY: "key", EARLY: "early"}
NOBODY = "http://127.0.0.1:9"


def waiting_rows(site: Site) -> list[Waiting]:
    pids = {**site.tidegate, "caller": os.getpid()}
    return [Waiting(name, pids, site.client, TASK_QUEUE, way) for name, way in WAYS.items()]


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round."""
    with stack(NOBODY) as running:
        address = await serve_temporal(running, default_server=options.default_server)
        rows = waiting_rows(await serve_namespace(running, address, temporal_server.NAMESPACE))
        return await waits_in_rounds(rows, [os.getpid(), *running.pids.values()], options)


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    for row in (BY_KEY, EARLY):
        yield f"{comparison(turns, row, KNOWN_ID)}, {latency(turns, row, KNOWN_ID)}"
    yield load_of_others(turns)


if __name__ == "__main__":
    compare(measure, lines)
