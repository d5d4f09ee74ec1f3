"""`python -m bench.correlated`: what finding a run by an event's name and key costs, beside knowing the run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence

import uvloop

from bench.load import Turn
from bench.options import Options, parse
from bench.report import comparison, latency, load_of_others, table
from bench.site import TASK_QUEUE, Site, serve_namespace, serve_temporal
from bench.stack import stack
from bench.waiting import Waiting, Way, take_waiting_turn
from tidegate import temporal_server

KNOWN_ID, BY_KEY, EARLY = "known id", "by key", "by key, early"
WAYS: Mapping[str, Way] = {KNOWN_ID: "id", BY_KEY: "key", EARLY: "early"}
NOBODY = "http://127.0.0.1:9"


def waiting_rows(site: Site) -> list[Waiting]:
    pids = {**site.tidegate, "caller": os.getpid()}
    return [Waiting(name, pids, site.client, TASK_QUEUE, way) for name, way in WAYS.items()]


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round. All rows take their turn in every round, each round in another order."""
    with stack(NOBODY) as running:
        address = await serve_temporal(running, default_server=options.default_server)
        rows = waiting_rows(await serve_namespace(running, address, temporal_server.NAMESPACE))
        ours = [os.getpid(), *running.pids.values()]
        turns: dict[str, list[Turn]] = {row.name: [] for row in rows}
        for row in rows:
            await take_waiting_turn(row, ours, flows=options.warm_up, concurrency=options.concurrency, samples=1)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", flush=True)
            first = number % len(rows)
            for row in [*rows[first:], *rows[:first]]:
                load = {"flows": options.flows, "concurrency": options.concurrency, "samples": options.samples}
                turns[row.name].append(await take_waiting_turn(row, ours, **load))
        return turns


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    for row in (BY_KEY, EARLY):
        yield f"{comparison(turns, row, KNOWN_ID)}, {latency(turns, row, KNOWN_ID)}"
    yield load_of_others(turns)


def main() -> None:
    options = parse()
    began, load = time.monotonic(), os.getloadavg()[0]
    turns = uvloop.run(measure(options))
    for line in lines(turns):
        print(line, flush=True)
    print(f"load before and after: {load:.1f}, {os.getloadavg()[0]:.1f}; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    # Threads of the Temporal client that still hand over an answer crash an interpreter that is ending.
    os._exit(0)
