"""A tiny run of the benchmark of links: everything starts, and every link resumes its flow."""

from __future__ import annotations

import pytest

from bench.links import BY_HAND, BY_LINK, lines, measure
from bench.options import Options

FLOWS = 3


# It waits for a server and processes of ours to start.
@pytest.mark.timeout(180)
async def test_every_flow_is_resumed_by_its_link() -> None:
    turns = await measure(Options(rounds=1, flows=FLOWS, concurrency=3, samples=1, warm_up=1))
    assert list(turns) == [BY_HAND, BY_LINK]
    for rounds in turns.values():
        assert [turn.flows for turn in rounds] == [FLOWS]
        assert all(len(turn.latencies) == 1 and turn.latencies[0] > 0 for turn in rounds)
        for cost in rounds[0].costs:
            # One update, no more: what a caller waits for costs the run's history nothing.
            assert cost.names.count("WORKFLOW_EXECUTION_UPDATE_ACCEPTED") == 1
            assert cost.names[-1] == "WORKFLOW_EXECUTION_COMPLETED"
    assert "event→step" in "\n".join(lines(turns))
