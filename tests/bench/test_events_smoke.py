"""A tiny run of the benchmark of events: everything starts, and all runs are counted."""

from __future__ import annotations

import pytest

from bench.events import Options, measure


# It waits for a server and processes of ours to start.
@pytest.mark.timeout(180)
async def test_every_part_reports() -> None:
    lines = await measure(Options(listeners=5, events=10, samples=2))
    assert lines[0].startswith("alone: an event accepted ")
    assert [line.split(",")[0] for line in lines[1:3]] == ["5 listeners"] * 2
    assert "all 100 runs ended" in lines[4] and "by event" in lines[5]
