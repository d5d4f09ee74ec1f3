"""Whatever a definition computes and a run is given: the step fails with a clear error, and no run is stuck."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import Any

import pytest

from tests.running import Runs
from tests.worker.test_interpreter import block, literal, path, wait
from worker import pace, values
from worker.steps.base import MESSAGE_LIMIT, StepFailed

LARGE = "x" * 900_000


def assign(value: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "assign", **({} if value is None else {"value": value}), **more}


def times(text: str, count: int) -> dict[str, Any]:
    return path(text * count)


FAILING: dict[str, tuple[dict[str, Any], Any, str]] = {
    "saved into a number": (
        block(
            "a",
            a=assign(literal(5), save={"output": ["x"]}, next="b"),
            b=assign(literal(6), save={"output": ["x", "y"]}),
        ),
        None,
        "x.y: 'x' holds a value that cannot have members",
    ),
    "saved into the input": (block("a", a=assign(literal(5), save={"output": ["input", "y"]})), "text", "input.y"),
    "data deeper with every turn": (
        block(
            "a",
            a=assign(literal([]), save={"output": ["x"]}, next="b"),
            b=assign(path(["${x}"]), save={"output": ["x"]}, next="b"),
        ),
        None,
        "the output is nested more than 150 levels deep",
    ),
    "an input deeper with every turn": (
        block("a", a={**assign(), "input": path(["${input}"]), "save": {"input": ["input"]}, "next": "a"}),
        [],
        "the input is nested more than 150 levels deep",
    ),
    "an input too large for a call": (
        block("a", a={"kind": "call", "executor": "http", "input": times("${input}", 2)}),
        LARGE,
        "the input has more than 1000000 bytes",
    ),
    "an output too large": (block("a", a=assign(times("${input}", 2))), LARGE, "the output has more than"),
    "an output larger as JSON": (
        block("a", a=assign(path("${input}"))),
        "\u4e2d" * 300_000,
        "the output has more than",
    ),
    "a value that names a large one often": (block("a", a=assign(path(["${input}"] * 5_000))), LARGE, "the output has"),
    "a text that names a large one often": (
        block("a", a=assign(times("${input}", 5_000))),
        LARGE,
        "the text would have",
    ),
    "a result too large": (block("a", a=assign()), LARGE, "the result has more than"),
    "a target that is a large text": (block("a", a=assign(next=times("${input}", 2))), LARGE, "there is no step 'xxx"),
    "a target that is no text": (block("a", a=assign(next=path({"a": [1]}))), None, "gives {'a': [1]}"),
    "a target that is half a character": (block("a", a=assign(next=path("${input}"))), "\ud800", "there is no step"),
    "a duration that is a large text": (block("a", a={"kind": "sleep", "seconds": path("${input}")}), LARGE, "'xxx"),
    "a message that is a large text": (
        block("a", a={"kind": "end", "outcome": "failed", "message": LARGE}),
        None,
        "xxx",
    ),
}


@pytest.mark.parametrize("name", FAILING)
async def test_what_cannot_be_held_fails_the_step(runs: Runs, name: str) -> None:
    body, input, says = FAILING[name]
    top = {"result": times("${input}", 2)} if name == "a result too large" else {}
    snapshot = await runs.ended(await runs.start(body, input, **top), "failed")
    assert snapshot.error is not None and says in snapshot.error and len(snapshot.error) <= MESSAGE_LIMIT


async def test_such_a_failure_is_handled_like_any_other(runs: Runs) -> None:
    body = block("a", a=assign(times("${input}", 2), on_error="b"), b=assign(path("${error.code}")))
    assert (await runs.ended(await runs.start(body, LARGE))).output == "value-too-large"


async def test_what_one_run_saves_is_not_in_the_next_ones_literal(runs: Runs) -> None:
    body = block(
        "a",
        a=assign(literal({"same": {}}), save={"output": ["x"]}, next="b"),
        b=assign(path("${input}"), save={"output": ["x", "same", "${input}"]}, next="c"),
        c=assign(path("${x}")),
    )
    outputs = [(await runs.ended(await runs.start(body, n))).output for n in range(2)]
    assert outputs == [{"same": {"${input}": 0}}, {"same": {"${input}": 1}}]


async def test_a_value_saved_twice_is_two_values(runs: Runs) -> None:
    body = block(
        "a",
        a=assign(path("${input}"), save={"output": ["one"]}, next="b"),
        b=assign(path("${one}"), save={"output": ["two"]}, next="c"),
        c=assign(literal(1), save={"output": ["two", "n"]}, next="w"),
        w=wait("go"),
    )
    run_id = await runs.start(body, {"n": 0})
    parked = await runs.parked(run_id)
    assert [parked.data[key]["n"] for key in ("input", "one", "two")] == [0, 0, 1]
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_ten_thousand_items_at_once_do_not_hold_the_worker_up(runs: Runs) -> None:
    body = block(
        "x", x=assign(path("${item}"), next="y"), y=assign(path("${item}"), next="z"), z=assign(path("${item}"))
    )
    step = {"kind": "each", "items": path("${input}"), "at_once": 500, "body": body, "next": "w"}
    run_id = await runs.start(block("e", e=step, w=wait("go")), list(range(2_000)))
    await runs.parked(run_id)
    assert await failed_tasks(runs, run_id) == []
    await runs.handle(run_id).terminate()


async def test_a_loop_of_dear_expressions_does_not_hold_the_worker_up(runs: Runs) -> None:
    numbers = list(range(12_000))
    total = {"reduce": [{"var": "input"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}
    rule = {"language": "json-logic", "source": {"if": [{"<": [total, 0]}, "no", "a"]}}
    run_id = await runs.start(block("a", a=assign(next=rule), no=assign()), numbers)
    await asyncio.sleep(4)
    assert await failed_tasks(runs, run_id) == []
    assert len((await runs.snapshot(run_id)).records) > 5
    await runs.handle(run_id).terminate()


async def failed_tasks(runs: Runs, run_id: str) -> list[str]:
    history = await runs.handle(run_id).fetch_history()
    return [
        event.workflow_task_failed_event_attributes.failure.message
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [{"a": [float("-inf")]}]])
def test_a_number_that_is_not_finite_is_no_value(value: Any) -> None:
    with pytest.raises(StepFailed, match="not finite"):
        values.measured(value, "it")


def test_a_value_that_names_itself_over_and_over_is_not_written_out() -> None:
    value: Any = "x"
    for _ in range(60):
        value = [value, value]
    with pytest.raises(StepFailed, match="more than"):
        values.measured(value, "it")


def test_saving_copies_what_is_on_the_way() -> None:
    inner = {"kept": 1}
    data: dict[str, Any] = {"a": inner}
    values.put(data, ["a", "b", "c"], 2)
    assert data == {"a": {"kept": 1, "b": {"c": 2}}} and inner == {"kept": 1}


def test_the_limits_leave_room_in_what_temporal_takes() -> None:
    assert pace.COMMAND_BYTES + values.VALUE_BYTES < 4 * 1024 * 1024


async def test_a_run_with_as_much_as_it_may_have_can_be_read(runs: Runs) -> None:
    noise = base64.b64encode(random.Random(5).randbytes(700_000)).decode()
    body = block("a", a=assign(path("${input}"), next="w"), w=wait("go", next="z"), z=assign(path("${input}")))
    run_id = await runs.start(body, noise)
    assert (await runs.parked(run_id)).data == {"input": noise}
    await runs.send(run_id, "go")
    assert (await runs.ended(run_id)).output == noise
