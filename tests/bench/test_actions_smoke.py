"""A tiny run of the benchmark of actions: everything starts, and both actions give what they are given."""

from __future__ import annotations

import pytest

from bench.actions import CLASS, OPERATIONS, lines, measure
from bench.options import Options


# It waits for a server and processes of ours to start.
@pytest.mark.timeout(180)
async def test_both_actions_run() -> None:
    turns = await measure(Options(rounds=1, flows=2, concurrency=2, samples=1, warm_up=1))
    assert list(turns) == [OPERATIONS, CLASS]
    assert all(turn.rate > 0 and len(turn.seconds) == 1 for rounds in turns.values() for turn in rounds)
    assert "a class takes" in "\n".join(lines(turns))
