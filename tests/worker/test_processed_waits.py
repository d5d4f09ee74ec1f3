"""Waits that look at what comes: computed names, filters that fail, processors, and messages as outputs."""

from __future__ import annotations

import uuid
from typing import Any

from definitions.contract import PostEvent, RunSnapshot
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, wait

LOGIC = "json-logic"
DOUBLE = block(
    "x", x={"kind": "assign", "value": {"language": LOGIC, "source": {"*": [2, {"var": "event.payload.n"}]}}}
)
OVER_TEN = {"language": LOGIC, "source": {">": [{"var": "processed.output"}, 10]}}


def processed(**more: Any) -> dict[str, Any]:
    return wait("go", need="any", processor=DOUBLE, accept=OVER_TEN, output="message", **more)


async def test_names_are_computed_when_the_wait_begins(runs: Runs) -> None:
    for given, events in (("go", ["go"]), (["a", "b", "a"], ["a", "b"])):
        step = {"kind": "wait", "events_from": path("${input}"), "need": "any", "output": "first"}
        run_id = await runs.start(block("w", w=step), given)
        assert (await runs.parked(run_id)).waits[0].events == events
        await renew(runs, run_id)
        await runs.send(run_id, events[-1], {"n": 1})
        assert (await runs.ended(run_id)).output == {"n": 1}
    bad: Any
    for bad in (7, "", [], ["x", None], "n" * 500):
        step = {"kind": "wait", "events_from": path("${input}"), "need": "any"}
        ended = await runs.ended(await runs.start(block("w", w=step), bad), "failed")
        assert ended.error_code == "event-name-invalid"


async def test_a_message_is_all_that_is_known_of_the_event(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", output="message")))
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": 1}, id="e1")
    output = (await runs.ended(run_id)).output
    assert output["event"].pop("receivedAt").endswith("Z")
    event = {"name": "go", "payload": {"n": 1}, "id": "e1", "source": "api"}
    assert output == {"event": event, "processed": None, "timedOut": False}


async def test_a_rejected_event_is_used_up_and_the_deadline_stays(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=processed(deadline={"after": 3600})))
    before = (await runs.parked(run_id)).waits[0]
    assert (await runs.send(run_id, "go", {"n": 5})).status == "matched"
    after = (await runs.parked(run_id)).waits[0]
    assert (after.since, after.deadline, after.received) == (before.since, before.deadline, [])
    await runs.send(run_id, "go", {"n": 6})
    output = (await runs.ended(run_id)).output
    assert output["processed"] == {"output": 12} and output["event"]["payload"] == {"n": 6}


async def test_early_events_are_processed_one_after_the_other(runs: Runs) -> None:
    body = block("gate", gate=wait("open", next="w"), w=processed(next="second"), second=wait("go", output="first"))
    run_id = await runs.start(body)
    await runs.parked(run_id)
    for n in (1, 2, 9, 3):
        assert (await runs.send(run_id, "go", {"n": n})).status == "buffered"
    await runs.send(run_id, "open")
    snapshot = await runs.ended(run_id)
    assert snapshot.output == {"n": 3}
    assert [r.output for r in snapshot.records if r.step.startswith("w/")] == [2, 4, 18]


async def test_events_that_come_while_one_is_processed_wait_their_turn(runs: Runs) -> None:
    slow = block("hold", hold=wait("finish", next="x"), **DOUBLE["steps"])
    run_id = await runs.start(block("w", w={**processed(), "processor": slow}))
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": 1})
    held = await eventually(lambda: runs.snapshot(run_id), lambda s: [w.events for w in s.waits] == [["finish"]])
    assert held.next_step == "w"
    assert (await runs.send(run_id, "go", {"n": 8})).status == "buffered"
    await renew(runs, run_id)
    for _ in range(2):
        await eventually(lambda: runs.snapshot(run_id), lambda s: [w.events for w in s.waits] == [["finish"]])
        await runs.send(run_id, "finish")
    assert (await runs.ended(run_id)).output["event"]["payload"] == {"n": 8}


async def failed(runs: Runs, step: dict[str, Any], payload: Any) -> RunSnapshot:
    body = block("w", w={**step, "on_error": "next"}, next=wait("go", deadline={"after": 0.2, "then": "continue"}))
    run_id = await runs.start(body)
    await runs.parked(run_id)
    await runs.send(run_id, "go", payload)
    return await runs.ended(run_id)


async def test_an_event_that_fails_its_wait_is_used_up(runs: Runs) -> None:
    broken = block("x", x={"kind": "assign", "value": path("${event.payload.missing}")})
    for step in (
        {**processed(), "processor": broken},
        {**processed(), "accept": path("${processed.nowhere}")},
        wait("go", filter=path("${event.payload.missing}"), on_filter_error="fail", on_reject="discard"),
    ):
        snapshot = await failed(runs, step, {"n": 1})
        assert snapshot.data["error"]["step"] == "w" and snapshot.data["error"]["code"] == "expression-failed"
        assert snapshot.output == {"timedOut": True, "events": ["go"]}


async def test_the_deadline_passes_between_events_only(skipping: Any) -> None:
    _, runs = skipping
    slow = block("nap", nap={"kind": "sleep", "seconds": 7200, "next": "x"}, **DOUBLE["steps"])
    step = {**processed(deadline={"after": 3600}, on_errors={"wait-timeout": "late"}), "processor": slow}
    late = {"kind": "assign", "value": literal("late")}
    run_id = await runs.start(block("w", w=step, late=late))
    await runs.send(run_id, "go", {"n": 6})
    assert (await runs.ended(run_id)).output["processed"] == {"output": 12}
    run_id = await runs.start(block("w", w=step, late=late))
    await runs.send(run_id, "go", {"n": 1})
    assert (await runs.ended(run_id)).output == "late"


async def test_where_a_deadline_leads_is_shown(runs: Runs) -> None:
    step = wait("go", deadline={"after": 3600}, on_errors={"wait-timeout": "late"})
    run_id = await runs.start(block("w", w=step, late={"kind": "assign"}))
    assert (await runs.parked(run_id)).waits[0].on_deadline == "go to late"
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_a_correlated_wait_goes_on_after_a_rejected_event(runs: Runs) -> None:
    key = str(uuid.uuid4())
    run_id = await runs.start(block("w", w=processed(correlation={"key": literal(key)})))
    await runs.parked(run_id)
    for n in (1, 2, 7):
        event = PostEvent(id=str(uuid.uuid4()), payload={"n": n}, has_payload=True)
        await runs.tidegate.post_event(DIALECT, runs.organisation, "go", key, event)
    assert (await runs.ended(run_id)).output["event"]["payload"] == {"n": 7}


async def test_what_a_mailbox_has_while_another_event_is_processed_comes_afterwards(runs: Runs) -> None:
    """The first event is addressed to the run itself: the mailbox hears of it only that the wait is gone."""
    key = str(uuid.uuid4())
    slow = block("hold", hold=wait("finish", next="x"), **DOUBLE["steps"])
    step = {**processed(correlation={"key": literal(key)}), "processor": slow}
    run_id = await runs.start(block("w", w=step))
    await runs.parked(run_id)
    await runs.send(run_id, "go", {"n": 1})
    await eventually(lambda: runs.snapshot(run_id), lambda s: [w.events for w in s.waits] == [["finish"]])
    event = PostEvent(id=str(uuid.uuid4()), payload={"n": 9}, has_payload=True, wait=True)
    posted = await runs.tidegate.post_event(DIALECT, runs.organisation, "go", key, event)
    assert posted.outcome == "buffered"
    for _ in range(2):
        await eventually(lambda: runs.snapshot(run_id), lambda s: [w.events for w in s.waits] == [["finish"]])
        await runs.send(run_id, "finish")
    assert (await runs.ended(run_id)).output["event"]["payload"] == {"n": 9}
