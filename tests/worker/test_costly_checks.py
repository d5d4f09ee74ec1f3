"""What it costs to check an update is not counted: a replay checks nothing, and has to pause where the run paused."""

from __future__ import annotations

from tests.running import Runs
from tests.worker.test_interpreter import block, literal, wait
from tests.worker.test_replay import replayer

COSTLY = {
    "language": "json-logic",
    "source": {"or": [{"some": [{"var": "input"}, {"==": [{"var": ""}, -1]}]}, True]},
}


async def test_a_run_pauses_at_the_same_step_when_it_is_replayed(runs: Runs) -> None:
    steps = {f"s{n}": {"kind": "assign", "value": COSTLY, "next": f"s{n + 1}"} for n in range(8)}
    body = block("w", w=wait("go", filter=COSTLY, next="s0"), **steps, s8={"kind": "assign", "value": literal(1)})
    run_id = await runs.start(body, list(range(20_000)))
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    await runs.handle(run_id).result()
    history = await runs.handle(run_id).fetch_history()
    assert any(event.HasField("timer_started_event_attributes") for event in history.events)
    await replayer().replay_workflow(history)
