"""Events by name and key, on a real server."""

from __future__ import annotations

from tests.running import Runs
from tests.worker.mailboxes import correlated, post


async def test_an_event_after_the_wait(runs: Runs) -> None:
    run_id = await runs.start(correlated(), {"key": "a"})
    await runs.parked(run_id)
    outcome = await post(runs, "a", {"n": 1}, wait=True)
    assert (outcome.outcome, outcome.runs) == ("matched", [run_id])
    assert (await runs.ended(run_id)).output == {"n": 1}


async def test_an_event_before_the_wait(runs: Runs) -> None:
    outcome = await post(runs, "b", {"n": 1}, wait=True)
    assert outcome.outcome == "buffered" and outcome.until is not None
    run_id = await runs.start(correlated(), {"key": "b"})
    assert (await runs.ended(run_id)).output == {"n": 1}
