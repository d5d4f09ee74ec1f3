"""`python -m bench.actions`: one action as a class, run in the sandbox, beside the same action as operations."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from statistics import median
from typing import Any

from temporalio.client import Client

from bench.load import each
from bench.options import Options
from bench.report import quantile
from bench.rounds import compare, in_rounds
from bench.site import TASK_QUEUE, serve_namespace, serve_temporal
from bench.stack import stack
from definitions import ids
from definitions.contract import RunFacts, timestamp
from definitions.dialects.jsworkflows.words import SHIM
from definitions.model import Definition
from tidegate import temporal_server
from worker.client import TidegateClient

DIALECT, NAME = "bench", "one-action"
GIVEN, GIVES = {"data": {"n": 1}}, {"value": {"n": 1}}
INPUT = {"language": "passthrough", "source": {"data": "input"}}
CLASS, OPERATIONS = "class", "operations"
_RETURN = {"op": "return", "input": {"language": "path", "source": "${data}"}}
#: Row -> its step. Both actions give what they have been given.
STEPS: Mapping[str, dict[str, Any]] = {
    OPERATIONS: {"operations": {"start": [_RETURN]}},
    CLASS: {"shim": SHIM, "source": "export class Workflow { async start(data) { return data } }"},
}
#: Nothing is called.
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Turn:
    """What one row did in one round: runs a second at the concurrency, and seconds of single runs, start to result."""

    rate: float
    seconds: tuple[float, ...]


class Acting:
    """Runs of one action each."""

    def __init__(self, client: Client, step: dict[str, Any]) -> None:
        self._tidegate = TidegateClient(client, TASK_QUEUE)
        self._organisation = str(uuid.uuid4())
        body = {"start": "w", "steps": {"w": {"kind": "branches", "input": INPUT, **step}}}
        self._definition = Definition.model_validate({"dialect": DIALECT, "name": NAME, "body": body})

    async def run(self) -> float:
        """Seconds that one run took. Raises SystemExit if it gives anything else."""
        definition_id = ids.definition_id(DIALECT, self._organisation, NAME)
        facts = RunFacts(
            organisation=self._organisation,
            dialect=DIALECT,
            run_id=str(uuid.uuid4()),
            definition_id=definition_id,
            definition_name=NAME,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=timestamp(datetime.now(timezone.utc)),
        )
        began = time.perf_counter()
        await self._tidegate.start_run(self._definition, facts, GIVEN)
        workflow_id = ids.run_workflow_id(DIALECT, self._organisation, facts.run_id)
        result = await self._tidegate.temporal.get_workflow_handle(workflow_id).result()
        if result != GIVES:
            raise SystemExit(f"bench: an action gave {result!r}")
        return time.perf_counter() - began

    async def turn(self, options: Options) -> Turn:
        began = time.perf_counter()
        await each(range(options.flows), options.concurrency, lambda _: self.run())
        rate = options.flows / (time.perf_counter() - began)
        return Turn(rate, tuple([await self.run() for _ in range(options.samples)]))


async def measure(options: Options) -> Mapping[str, Sequence[Turn]]:
    """Row -> its turns, one a round."""
    with stack(NOBODY) as running:
        address = await serve_temporal(running, default_server=options.default_server)
        site = await serve_namespace(running, address, temporal_server.NAMESPACE)
        rows = {name: Acting(site.client, step) for name, step in STEPS.items()}
        return await in_rounds(rows, options, Acting.turn)


def lines(turns: Mapping[str, Sequence[Turn]]) -> Iterator[str]:
    """The whole report."""
    for name, rounds in turns.items():
        alone = [seconds * 1000 for turn in rounds for seconds in turn.seconds]
        p50, p99 = quantile(alone, 0.5), quantile(alone, 0.99)
        rate = median(turn.rate for turn in rounds)
        yield f"{name:12}{rate:6.1f} runs/s at once, a run alone {p50:.1f} ms (p50), {p99:.1f} ms (p99)"
    pairs = list(zip(turns[CLASS], turns[OPERATIONS], strict=True))
    more = [(median(one.seconds) - median(other.seconds)) * 1000 for one, other in pairs]
    yield f"a class takes {median(more):.1f} ms more ({min(more):.1f}-{max(more):.1f}, round by round)"


if __name__ == "__main__":
    compare(measure, lines)
