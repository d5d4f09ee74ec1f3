"""`python -m bench.events`: events that start runs, beside the same runs started one by one with nothing in between.

One event to 1,000 listeners, many events to ten, and single events. All runs are counted in the end: one too few, or
one too many, ends it with an error.
"""

from __future__ import annotations

import argparse
import sys
import time
import uuid
from dataclasses import dataclass
from statistics import median

import uvloop
from temporalio.client import Client

from bench.load import each
from bench.report import quantile
from bench.rounds import with_load
from bench.site import serve_temporal
from bench.stack import stack
from bench.waiting import result_of
from definitions import ids
from definitions.contract import StartedRun
from tests.running import DIALECT, Runs, eventually
from tests.worker.listening import plant, publish, runs_in, toy_language
from tidegate import probes
from worker.client import TidegateClient

QUEUE = "bench-events"
LANES = 20
PATIENCE = 900.0
#: Nothing is called.
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Options:
    listeners: int = 1_000
    events: int = 200
    samples: int = 50
    default_server: bool = False


def parse() -> Options:
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m bench.events", description="Events that start runs.")
    parser.add_argument("--listeners", type=int, default=default.listeners, help="of one event; default: %(default)s")
    parser.add_argument("--events", type=int, default=default.events, help="to ten listeners; default: %(default)s")
    parser.add_argument("--samples", type=int, default=default.samples, help="single events; default: %(default)s")
    parser.add_argument(
        "--default-server", action="store_true", help="Temporal's dev server as it comes, not as `tidegate dev` has it"
    )
    return Options(**vars(parser.parse_args()))


def organisation(client: Client) -> Runs:
    """A new organisation."""
    return Runs(TidegateClient(client, QUEUE), f"org-{uuid.uuid4()}")


async def ended(org: Runs, expected: int) -> None:
    """Wait until as many runs have ended. Raises SystemExit if there are others."""
    head = f"WorkflowId STARTS_WITH '{ids.prefix(DIALECT, org.organisation)}run/' AND ExecutionStatus = 'Completed'"

    async def count() -> int:
        return (await org.tidegate.temporal.count_workflows(head)).count

    await eventually(count, lambda seen: seen >= expected, PATIENCE)
    if (seen := await runs_in(org)) != expected:
        raise SystemExit(f"bench: {seen} runs, not {expected}")


async def start_by_hand(org: Runs, runs: list[StartedRun]) -> None:
    """The same runs, of the same definitions, by their own starts."""

    async def one(run: StartedRun) -> None:
        facts = org.facts(run.definition_name)
        compiled = await org.tidegate.compiled_listener(DIALECT, org.organisation, run.definition_id, 1)
        await org.tidegate.start_run(compiled.definition, facts, {})

    await each(runs, LANES, one)


async def one_to_many(client: Client, listeners: int) -> list[str]:
    org = organisation(client)
    await plant(org, "e", listeners)
    took = []
    for event_id in ("first", "second"):
        began = time.perf_counter()
        sent = await publish(org, "e", {}, event_id=event_id)
        accepted = time.perf_counter() - began
        at = ids.event_workflow_id(DIALECT, org.organisation, "e", event_id)
        await client.get_workflow_handle(at).result()
        took.append((accepted, time.perf_counter() - began))
        await ended(org, listeners * len(took))
    began = time.perf_counter()
    await start_by_hand(org, sent.started)
    by_hand = time.perf_counter() - began
    await ended(org, 3 * listeners)
    lines = [
        f"{listeners} listeners, {name}: accepted after {accepted:.2f} s, all started after {started:.2f} s "
        f"({listeners / started:.0f} runs/s)"
        for name, (accepted, started) in zip(("first event", "second event"), took, strict=True)
    ]
    return [*lines, f"the same runs by their own starts: {by_hand:.2f} s ({listeners / by_hand:.0f} runs/s)"]


async def many_to_ten(client: Client, events: int) -> list[str]:
    org = organisation(client)
    await plant(org, "e", 10)
    sent = await publish(org, "e", {})
    await ended(org, 10)
    began = time.perf_counter()
    await each(range(events), LANES, lambda _: publish(org, "e", {}))
    accepted = time.perf_counter() - began
    await ended(org, 10 + 10 * events)
    done = time.perf_counter() - began
    began = time.perf_counter()
    await start_by_hand(org, sent.started * (events // 10))
    started = time.perf_counter() - began
    await ended(org, 10 + 10 * events + events // 10 * 10)
    alone = time.perf_counter() - began
    rate = events // 10 * 10 / alone
    return [
        f"{events} events to 10 listeners: accepted in {accepted:.1f} s ({events / accepted * 60:.0f} events/min), "
        f"all {10 * events} runs ended after {done:.1f} s ({10 * events / done:.0f} runs/s)",
        f"{events // 10 * 10} of such runs by their own starts: started in {started:.1f} s, ended after "
        f"{alone:.1f} s ({rate:.0f} runs/s): by event {10 * events / done / rate:.2f} of that",
    ]


async def single(client: Client, samples: int) -> list[str]:
    org = organisation(client)
    await plant(org, "e", 1)
    accepted, begun, by_hand = [], [], []
    for _ in range(samples):
        began = time.perf_counter()
        (run,) = (await publish(org, "e", {})).started
        accepted.append(time.perf_counter() - began)
        workflow = ids.run_workflow_id(DIALECT, org.organisation, run.run_id)
        await result_of(client.get_workflow_handle(workflow))
        begun.append(time.perf_counter() - began)
        began = time.perf_counter()
        facts = org.facts(run.definition_name)
        compiled = await org.tidegate.compiled_listener(DIALECT, org.organisation, run.definition_id, 1)
        started, _ = await org.tidegate.start_run(compiled.definition, facts, {})
        await client.get_workflow_handle(started.workflow_id).result()
        by_hand.append(time.perf_counter() - began)
    names = {"an event accepted": accepted, "its run ended": begun, "a run by its own start ended": by_hand}
    parts = [f"{name} {median(s) * 1000:.1f} ms (p99 {quantile(s, 0.99) * 1000:.1f})" for name, s in names.items()]
    return ["alone: " + ", ".join(parts)]


async def measure(options: Options) -> list[str]:
    with stack(NOBODY) as running, toy_language():
        address = await serve_temporal(running, default_server=options.default_server)
        running.start("worker", [sys.executable, "-m", "tests.worker.toy_process", address, QUEUE])
        client = await Client.connect(address)
        await running.until("the worker", lambda: probes.worker_polls(client, QUEUE))
        alone = await single(client, options.samples)
        return [*alone, *await one_to_many(client, options.listeners), *await many_to_ten(client, options.events)]


if __name__ == "__main__":
    chosen = parse()
    with_load(lambda: uvloop.run(measure(chosen)))
