"""`python -m bench`: the approval flow as data through HTTP, beside the same flow written by hand for Temporal."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence

from bench.endpoint import Endpoint
from bench.flows import flows_in_rounds
from bench.load import Turn
from bench.options import Options
from bench.report import comparison, front, load_of_others, repetitions, table
from bench.rounds import compare
from bench.rows import ByHand, Direct, OverHttp, Row
from bench.site import BY_HAND_QUEUE, PLAIN, TASK_QUEUE, Site, serve_namespace, serve_temporal
from bench.stack import stack
from tidegate import temporal_server

BY_HAND, OVER_HTTP, DIRECT = "by hand", "Tidegate, HTTP", "Tidegate, no HTTP"
BARE = ", no attributes"
#: What is held against what, under the table.
COMPARED = ((OVER_HTTP, BY_HAND), (DIRECT, BY_HAND), (OVER_HTTP, DIRECT), (OVER_HTTP + BARE, BY_HAND + BARE))


async def rows_of(site: Site, suffix: str, *, attributes: bool) -> list[Row]:
    """The ways of one namespace, ready to run."""
    caller = {"caller": os.getpid()}
    over_http = OverHttp(OVER_HTTP + suffix, {**site.over_http, **caller}, site.client, site.url)
    await over_http.register()
    by_hand = ByHand(BY_HAND + suffix, {**site.by_hand, **caller}, site.client, BY_HAND_QUEUE, attributes)
    if not attributes:
        return [by_hand, over_http]
    return [by_hand, over_http, Direct(DIRECT + suffix, {**site.tidegate, **caller}, site.client, TASK_QUEUE)]


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round. Everything is started for it, and stopped after it."""
    began = time.monotonic()
    async with Endpoint() as endpoint:
        with stack(endpoint.url) as running:
            address = await serve_temporal(running, default_server=options.default_server)
            known = await serve_namespace(running, address, temporal_server.NAMESPACE)
            plain = await serve_namespace(running, address, PLAIN)
            rows = [*await rows_of(known, "", attributes=True), *await rows_of(plain, BARE, attributes=False)]
            ours = [os.getpid(), *running.pids.values()]
            return await flows_in_rounds(rows, endpoint, ours, options, until=began + options.seconds)


def heading(options: Options) -> Iterator[str]:
    server = "as it comes" if options.default_server else "as `tidegate dev` starts it"
    load = os.getloadavg()[0]
    yield f"Temporal dev server {server}; Python {platform.python_version()}, {os.cpu_count()} CPUs, load {load:.1f}"
    yield f"{options.rounds} rounds of {options.flows} flows at concurrency {options.concurrency} in each row\n"


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    yield f"\n{table(turns)}\n"
    yield "median (least-greatest) over the rounds; CPU ms, events and actions are those of one flow;"
    yield "CPU = Temporal server + worker + adapter; caller = who starts the flows, with the functions that they call\n"
    for row, base in COMPARED:
        yield comparison(turns, row, base)
    yield f"{front(turns, OVER_HTTP)}\n"
    yield repetitions(turns)
    yield load_of_others(turns)


if __name__ == "__main__":
    compare(measure, lines, heading)
