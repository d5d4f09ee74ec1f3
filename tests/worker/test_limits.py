"""A run's state stays within what Temporal takes, and says so when it cannot."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from definitions.contract import StepRecord
from definitions.errors import Overloaded, TooLarge
from tests.running import Runs
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, path, wait
from worker.interpreter import SHOWN_BYTES
from worker.showing import packed, snapshot, unpacked
from worker.state import FEW, LEFT_OUT, RECORD_BYTES, RECORD_LIMIT, Frame, RunState
from worker.waits import OpenWait


def noise(count: int) -> str:
    return random.Random(7).randbytes(count).hex()


def record(number: int, output: Any) -> StepRecord:
    return StepRecord(id=f"s#{number}", step="s", visit=number, status="success", has_output=True, output=output)


def test_the_oldest_records_give_up_their_payloads_first() -> None:
    state = RunState(Frame(None))
    for number in range(20):
        state.record(record(number, "x" * 100_000))
    stripped = [r.has_output for r in state.records]
    assert stripped == sorted(stripped) and 0 < stripped.count(True) * 100_000 <= RECORD_BYTES
    assert state.records[0].warnings == [LEFT_OUT]


def test_records_are_bounded_in_number_and_their_bytes_are_counted_right() -> None:
    state = RunState(Frame(None))
    for number in range(RECORD_LIMIT + 50):
        state.record(record(number, "x" * 8))
    assert len(state.records) == RECORD_LIMIT and state.recorded == RECORD_LIMIT + 50
    assert state.record_bytes == RECORD_LIMIT * 10


def test_the_record_of_an_open_wait_outlives_those_of_events_that_nobody_waits_for() -> None:
    state = RunState(Frame("w"))
    wait = OpenWait(id="w#1", step="w", visit=1, events=["go"], need=1, since="2026-01-01T00:00:00.000000Z")
    state.waits.open.append(wait)
    state.record(StepRecord(id="w#1", step="w", visit=1, status="incomplete"))
    for number in range(2 * RECORD_LIMIT):
        state.record(record(number, "x"))
    assert [r.id for r in state.records[:2]] == ["w#1", f"s#{RECORD_LIMIT}"]
    assert snapshot(state).records[-1].id == "w#1"
    state.waits.open.remove(wait)
    state.record(record(0, "x"))
    assert len(state.records) == RECORD_LIMIT and "w#1" not in {r.id for r in state.records}
    assert state.record_bytes == RECORD_LIMIT * 3


def test_records_of_thousands_of_open_waits_are_kept_in_no_time() -> None:
    """Items of a list may wait all at once, and Temporal gives a task of the run two seconds."""
    state, count = RunState(Frame("w")), 4_000
    began = time.process_time()
    for number in range(count):
        at = f"w#{number}"
        state.waits.open.append(OpenWait(id=at, step="w", visit=number, events=["go"], need=1, since=""))
        state.record(StepRecord(id=at, step="w", visit=number, status="incomplete"))
    assert len(state.records) == count
    state.waits.open.clear()
    for number in range(2 * RECORD_LIMIT):
        state.record(record(number, "x"))
    assert len(state.records) <= RECORD_LIMIT + FEW
    assert time.process_time() - began < 10


def test_a_large_state_is_packed_and_comes_back_the_same() -> None:
    state = RunState(Frame("w", data={"text": "abc" * 100_000}))
    dumped = state.dump()
    assert list(dumped) == ["packed"] and len(dumped["packed"]) < 10_000
    assert RunState.load(dumped) == state
    assert "packed" not in RunState(Frame("w")).dump()


def test_a_state_and_a_snapshot_of_many_parts_are_read_in_no_time() -> None:
    """A run's task begins with the one, and an adapter's answer with the other."""
    state = RunState(Frame("w", frames={str(number): Frame(None, visits={"x": 1}) for number in range(2_000)}))
    for number in range(RECORD_LIMIT):
        state.record(record(number, "x"))
    dumped, shown = state.dump(), snapshot(state)
    answer = packed(shown)
    began = time.thread_time()
    found = RunState.load(dumped), unpacked(answer)
    assert time.thread_time() - began < 0.15
    assert found == (state, shown)


def test_what_a_later_release_has_added_to_a_state_is_passed_over() -> None:
    state = RunState(Frame("w", frames={"a": Frame(None)}), records=[record(1, "x")])
    dumped = state.dump()
    dumped["records"][0]["new"] = dumped["frame"]["frames"]["a"]["new"] = 1
    assert RunState.load(dumped) == state


async def test_a_large_run_continues_as_new(runs: Runs) -> None:
    body = block("w", w=wait("go", save={"output": ["got"]}, next="v"), v=wait("end"))
    run_id = await runs.start(body, {"noise": noise(200_000)})
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"noise": noise(100_000)})
    await renew(runs, run_id)
    await runs.send(run_id, "end")
    snapshot = await runs.ended(run_id)
    assert snapshot.data["got"]["noise"] == noise(100_000)


async def test_data_beyond_the_bound_fails_the_step(runs: Runs) -> None:
    grow = {"kind": "assign", "value": path("${all}${all}"), "save": {"output": ["all"]}, "next": "grow"}
    first = {"kind": "assign", "value": path("${input}"), "save": {"output": ["all"]}, "next": "grow"}
    run_id = await runs.start(block("first", first=first, grow=grow), "x" * 1000)
    error = (await runs.ended(run_id, "failed")).error
    assert error is not None and "1000000 bytes" in error


async def test_overwriting_is_not_growing(runs: Runs) -> None:
    body = block(
        "n",
        n={"kind": "assign", "value": path(30), "save": {"output": ["n"]}, "next": "same"},
        same={"kind": "assign", "value": path("${input}"), "save": {"output": ["same"]}, "next": "less"},
        less={
            "kind": "assign",
            "value": {"language": "json-logic", "source": {"-": [{"var": "n"}, 1]}},
            "save": {"output": ["n"]},
            "next": {"language": "json-logic", "source": {"if": [{">": [{"var": "n"}, 0]}, "same", None]}},
        },
    )
    run_id = await runs.start(body, "x" * 60_000)
    snapshot = await runs.ended(run_id)
    assert snapshot.output == 0 and len(snapshot.data["same"]) == 60_000


async def test_an_inbox_full_of_bytes_asks_the_sender_to_wait(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go")))
    await runs.parked(run_id)
    await runs.send(run_id, "other", noise(100_000))
    with pytest.raises(Overloaded):
        await runs.send(run_id, "other", noise(100_000))
    with pytest.raises(TooLarge):
        await runs.send(run_id, "go", noise(300_000))
    await runs.send(run_id, "go")
    await runs.ended(run_id)


def test_open_waits_count_in_what_is_shown() -> None:
    """Of thousands, the answer is packed: Temporal gives 2 MB."""
    state = RunState(Frame("w"))
    for number in range(3_000):
        state.waits.open.append(OpenWait(id=f"w#{number}", step="w", visit=1, events=["go"], need=1, since=""))
        state.record(StepRecord(id=f"w#{number}", step="w", visit=1, status="incomplete"))
    assert state.shown_bytes() > SHOWN_BYTES
    assert len(packed(snapshot(state))) < SHOWN_BYTES
