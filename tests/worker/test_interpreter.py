"""The interpreter on a real Temporal server: transitions, waits, deadlines, messages, errors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from definitions.errors import NotFound, PayloadInvalid, RunClosed
from tests.running import Runs, eventually


def literal(value: Any) -> dict[str, Any]:
    return {"language": "literal", "source": value}


def path(source: Any) -> dict[str, Any]:
    return {"language": "path", "source": source}


def block(start: str, **steps: dict[str, Any]) -> dict[str, Any]:
    return {"start": start, "steps": steps}


def wait(*names: str, **more: Any) -> dict[str, Any]:
    return {"kind": "wait", "events": list(names), **more}


def statuses(records: Any) -> list[tuple[str, str]]:
    return [(record.event or record.step, record.status) for record in records]


async def test_a_block_runs_to_its_end(runs: Runs) -> None:
    run_id = await runs.start(
        block(
            "first",
            first={"kind": "assign", "value": path("${input.n}"), "save": {"output": ["first"]}, "next": "second"},
            second={"kind": "assign", "value": path({"got": "${first}", "text": "n=${first}"})},
        ),
        {"n": 7},
    )
    snapshot = await runs.ended(run_id)
    assert snapshot.output == {"got": 7, "text": "n=7"}
    assert snapshot.next_step is None
    assert statuses(snapshot.records) == [("first", "success"), ("second", "success")]


async def test_a_computed_transition(runs: Runs) -> None:
    body = block(
        "choose",
        choose={"kind": "assign", "next": path("${input.go}")},
        a={"kind": "assign", "value": literal("A")},
        b={"kind": "assign", "value": literal("B")},
    )
    ids = [await runs.start(body, {"go": go}) for go in "ab"]
    assert [(await runs.ended(run_id)).output for run_id in ids] == ["A", "B"]


async def test_a_transition_to_nowhere_fails_the_run(runs: Runs) -> None:
    run_id = await runs.start(block("x", x={"kind": "assign", "next": path("${input}")}), "nowhere")
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.error is not None and "nowhere" in snapshot.error


async def test_an_event_releases_the_wait_with_its_payload(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", save={"output": ["got"]})))
    parked = await runs.parked(run_id)
    assert parked.next_step == "w" and parked.status == "running"
    assert parked.records[-1].status == "incomplete"
    assert parked.waits[0].deadline is None
    outcome = await runs.send(run_id, "go", {"approved": True})
    assert (outcome.status, outcome.completed) == ("matched", True)
    snapshot = await runs.ended(run_id)
    assert snapshot.data["got"] == {"approved": True}
    assert statuses(snapshot.records) == [("w", "incomplete"), ("go", "success"), ("w", "success")]


async def test_an_early_event_is_used_when_the_wait_is_reached(runs: Runs) -> None:
    run_id = await runs.start(block("first", first=wait("one", next="second"), second=wait("two")))
    await runs.parked(run_id)
    assert (await runs.send(run_id, "two", {"n": 2})).status == "buffered"
    await runs.send(run_id, "one")
    assert (await runs.ended(run_id)).output == {"n": 2}


async def test_an_event_satisfies_one_visit_only(runs: Runs) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    parked = await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "second")
    assert [w.step for w in parked.waits] == ["second"]
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_all_events_merge_in_the_order_they_are_named(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("a", "b")))
    await runs.parked(run_id)
    assert not (await runs.send(run_id, "b", {"x": "b", "y": "b"})).completed
    assert (await runs.parked(run_id)).records[-1].status == "incomplete"
    assert (await runs.send(run_id, "a", {"x": "a", "z": "a"})).completed
    assert (await runs.ended(run_id)).output == {"x": "b", "y": "b", "z": "a"}


async def test_any_and_at_least(runs: Runs) -> None:
    any_of = await runs.start(block("w", w=wait("a", "b", need="any", output="events")))
    two_of = await runs.start(block("w", w=wait("a", "b", "c", need=2, output="events")))
    for run_id in (any_of, two_of):
        await runs.parked(run_id)
    await runs.send(any_of, "b", 1)
    await runs.send(two_of, "c", 1)
    await runs.send(two_of, "a", 2)
    assert (await runs.ended(any_of)).output == {"b": 1}
    assert (await runs.ended(two_of)).output == {"c": 1, "a": 2}


async def test_the_same_delivery_twice_and_at_once_counts_once(runs: Runs) -> None:
    run_id = await runs.start(block("first", first=wait("go", next="second"), second=wait("go")))
    await runs.parked(run_id)
    outcomes = await asyncio.gather(*(runs.send(run_id, "go", id="the-same") for _ in range(8)))
    assert all(outcome.step == "first" for outcome in outcomes)
    assert (await runs.parked(run_id)).next_step == "second"
    assert (await runs.send(run_id, "go", id="the-same")).step == "first"
    assert (await runs.parked(run_id)).next_step == "second"


async def test_a_payload_that_does_not_fit_is_refused_with_its_path(runs: Runs) -> None:
    rule = {
        "object_only": True,
        "schema": {"type": "object", "properties": {"approved": {"type": "boolean"}}},
        "merged": {"type": "object", "required": ["approved"]},
    }
    run_id = await runs.start(block("w", w=wait("go", payload=rule)))
    await runs.parked(run_id)
    for payload, path_ in ((5, "$"), ({"approved": "yes"}, "$.approved"), ({}, "$")):
        with pytest.raises(PayloadInvalid) as refused:
            await runs.send(run_id, "go", payload)
        assert refused.value.path == path_
    assert len((await runs.snapshot(run_id)).records) == 1
    await runs.send(run_id, "go", {"approved": True})
    await runs.ended(run_id)


async def test_an_early_payload_that_does_not_fit_fails_the_step(runs: Runs) -> None:
    rule = {"schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    run_id = await runs.start(block("first", first=wait("one", next="second"), second=wait("two", payload=rule)))
    await runs.parked(run_id)
    await runs.send(run_id, "two", {"n": "x"})
    await runs.send(run_id, "one")
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.error is not None and "$.n" in snapshot.error
    assert snapshot.records[-1].errors


async def test_a_filter_sees_the_runs_data(runs: Runs) -> None:
    condition = {"language": "json-logic", "source": {"==": [{"var": "event.payload.id"}, {"var": "input.id"}]}}
    run_id = await runs.start(block("w", w=wait("paid", filter=condition)), {"id": 5})
    await runs.parked(run_id)
    assert (await runs.send(run_id, "paid", {"id": 6})).status == "buffered"
    assert (await runs.send(run_id, "paid", {"id": 5})).completed
    assert (await runs.ended(run_id)).output == {"id": 5}


@pytest.mark.parametrize(("then", "status"), [("fail", "failed"), ("continue", "succeeded"), ("cancel", "cancelled")])
async def test_a_deadline(runs: Runs, then: str, status: str) -> None:
    run_id = await runs.start(block("w", w=wait("never", deadline={"after": 0.05, "then": then})))
    snapshot = await runs.ended(run_id, status)
    assert snapshot.status == status
    with pytest.raises(RunClosed):
        await runs.send(run_id, "never")


async def test_a_deadline_that_goes_to_a_step(runs: Runs) -> None:
    body = block(
        "w",
        w=wait("never", deadline={"after": 0.05, "then": "goto", "step": "late"}),
        late={"kind": "assign", "value": literal("too late")},
    )
    assert (await runs.ended(await runs.start(body))).output == "too late"


async def test_the_timer_of_a_satisfied_wait_is_gone(runs: Runs) -> None:
    body = block("w", w=wait("go", deadline={"after": 0.4}, next="z"), z=wait("end"))
    run_id = await runs.start(body)
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    history = await eventually(lambda: runs.handle(run_id).fetch_history(), lambda h: _has(h, "timer_canceled"))
    assert _has(history, "timer_started")
    await runs.send(run_id, "end")
    await runs.ended(run_id)


def _has(history: Any, kind: str) -> bool:
    return any(event.HasField(f"{kind}_event_attributes") for event in history.events)


async def test_on_error_goes_to_a_step_that_sees_the_error(runs: Runs) -> None:
    body = block(
        "bad",
        bad={"kind": "assign", "value": path("${nothing.here}"), "on_error": "repair"},
        repair={"kind": "assign", "value": path("${error.code} in ${error.step}")},
    )
    assert (await runs.ended(await runs.start(body))).output == "expression-failed in bad"


async def test_end_fails_or_cancels_the_run(runs: Runs) -> None:
    failing = await runs.start(block("e", e={"kind": "end", "outcome": "failed", "message": "no stock"}))
    cancelling = await runs.start(block("e", e={"kind": "end", "outcome": "cancelled"}))
    early = await runs.start(block("e", e={"kind": "end", "input": literal(5), "next": "x"}, x=wait("never")))
    assert (await runs.ended(failing, "failed")).error == "no stock"
    assert (await runs.ended(cancelling, "cancelled")).status == "cancelled"
    assert (await runs.ended(early)).output == 5


async def test_cancel_and_what_follows(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("never")))
    await runs.parked(run_id)
    await runs.tidegate.cancel_run("native", runs.organisation, run_id)
    assert (await runs.describe(run_id)).status == "cancelled"
    assert (await runs.snapshot(run_id)).next_step is None
    with pytest.raises(RunClosed):
        await runs.tidegate.cancel_run("native", runs.organisation, run_id)
    with pytest.raises(NotFound):
        await runs.tidegate.cancel_run("native", runs.organisation, "00000000-0000-8000-8000-000000000000")


async def test_a_started_run_is_not_started_again(runs: Runs) -> None:
    from definitions.model import Definition

    facts = runs.facts()
    definition = Definition.model_validate({"dialect": "native", "name": "t", "body": block("w", w=wait("go"))})
    started = await asyncio.gather(*(runs.tidegate.start_run(definition, facts, n) for n in range(6)))
    assert sorted(made for _, made in started) == [False] * 5 + [True]
    await runs.parked(facts.run_id)
    await runs.send(facts.run_id, "go")
    await runs.ended(facts.run_id)
    description, made = await runs.tidegate.start_run(definition, facts, 9)
    assert not made and description.status == "succeeded"


async def test_parallel_branches_wait_at_once(runs: Runs) -> None:
    branches = {name: block("w", w=wait(name)) for name in ("a", "b")}
    run_id = await runs.start(block("p", p={"kind": "parallel", "branches": branches}))
    await runs.parked(run_id, 2)
    await runs.send(run_id, "b", {"n": 2})
    await runs.send(run_id, "a", {"n": 1})
    assert (await runs.ended(run_id)).output == {"a": {"n": 1}, "b": {"n": 2}}


@pytest.mark.parametrize(
    ("strategy", "status", "output"),
    [
        ("wait_all", "failed", None),
        ("fail_fast", "failed", None),
        ("best_effort", "succeeded", {"good": "G"}),
        ("race", "succeeded", "G"),
    ],
)
async def test_parallel_strategies(runs: Runs, strategy: str, status: str, output: Any) -> None:
    branches = {
        "bad": block("x", x={"kind": "assign", "value": path("${nothing}")}),
        "good": block("x", x={"kind": "assign", "value": literal("G")}),
    }
    run_id = await runs.start(block("p", p={"kind": "parallel", "branches": branches, "strategy": strategy}))
    snapshot = await runs.ended(run_id, status)
    assert snapshot.output == output


async def test_a_race_stops_the_loser(runs: Runs) -> None:
    branches = {"a": block("w", w=wait("a")), "b": block("w", w=wait("b", deadline={"after": 3600}))}
    step = {"kind": "parallel", "branches": branches, "strategy": "race", "next": "z"}
    run_id = await runs.start(block("p", p=step, z=wait("end")))
    await runs.parked(run_id, 2)
    await runs.send(run_id, "a", {"won": True})
    parked = await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "z")
    assert [w.step for w in parked.waits] == ["z"]
    await runs.send(run_id, "end")
    await runs.ended(run_id)


async def test_each_item_in_order_and_bounded(runs: Runs) -> None:
    body = block("x", x={"kind": "assign", "value": path("${index}:${item.name}")})
    step = {"kind": "each", "items": path("${input}"), "body": body, "at_once": 3}
    run_id = await runs.start(block("e", e=step), [{"name": n} for n in "abcde"])
    assert (await runs.ended(run_id)).output == ["0:a", "1:b", "2:c", "3:d", "4:e"]


async def test_a_failing_item_says_which(runs: Runs) -> None:
    body = block("x", x={"kind": "assign", "value": path("${item.name}")})
    run_id = await runs.start(
        block("e", e={"kind": "each", "items": path("${input}"), "body": body}), [{"name": 1}, {}]
    )
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.error is not None and snapshot.error.startswith("item 1:")


async def test_sleep(runs: Runs) -> None:
    run_id = await runs.start(block("s", s={"kind": "sleep", "seconds": 0.05}))
    await runs.ended(run_id)


async def test_a_loop_that_never_parks_does_not_stall_the_worker(runs: Runs) -> None:
    looping = await runs.start(block("x", x={"kind": "assign", "next": "y"}, y={"kind": "assign", "next": "x"}))
    other = await runs.start(block("x", x={"kind": "assign", "value": literal(1)}))
    assert (await runs.ended(other)).output == 1
    assert (await runs.describe(looping)).status == "running"
    await runs.tidegate.cancel_run("native", runs.organisation, looping)
    await runs.ended(looping, "cancelled")


async def test_a_run_failure_carries_its_code(runs: Runs) -> None:
    run_id = await runs.start(block("x", x={"kind": "assign", "value": path("${nope}")}))
    with pytest.raises(WorkflowFailureError) as failed:
        await runs.handle(run_id).result()
    assert getattr(failed.value.cause, "type", None) == "expression-failed"
