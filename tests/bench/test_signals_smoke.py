"""A tiny run of the benchmark of signals: everything starts, and every signal ends its run."""

from __future__ import annotations

import pytest

from bench.options import Options
from bench.signals import BY_HAND, EVENT_STARTS, OVER_HTTP, RAW, lines, measure

FLOWS = 3


# It waits for a server and processes of ours to start.
@pytest.mark.timeout(180)
async def test_every_run_is_ended_by_its_signal() -> None:
    turns = await measure(Options(rounds=1, flows=FLOWS, concurrency=3, samples=1, warm_up=1))
    assert list(turns) == [BY_HAND, RAW, OVER_HTTP, EVENT_STARTS]
    signal, update = "WORKFLOW_EXECUTION_SIGNALED", "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"
    messages = {BY_HAND: [signal], RAW: [signal], OVER_HTTP: [update], EVENT_STARTS: []}
    for name, rounds in turns.items():
        assert [turn.flows for turn in rounds] == [FLOWS]
        assert all(len(turn.latencies) == 1 and turn.latencies[0] > 0 for turn in rounds)
        for cost in rounds[0].costs:
            assert [one for one in cost.names if one in (signal, update)] == messages[name]
            assert cost.names[-1] == "WORKFLOW_EXECUTION_COMPLETED"
    assert "event→step" in "\n".join(lines(turns))
