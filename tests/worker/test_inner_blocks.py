"""Blocks inside steps: groups, parallel branches and items with their strategies, reports, bounds and time limits."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.contract import RunSnapshot
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, statuses, wait

ACCEPTED = "workflow_execution_update_accepted_event_attributes"
FAILING = block("bad", bad={"kind": "assign", "value": path("${nothing.there}")})


def giving(value: Any) -> dict[str, Any]:
    return block("x", x={"kind": "assign", "value": literal(value)})


async def outcome(runs: Runs, step: dict[str, Any], status: str = "succeeded", **top: Any) -> RunSnapshot:
    return await runs.ended(await runs.start(block("s", s=step), {"list": [1, 2, 3]}, **top), status)


async def test_a_group_gives_what_its_block_gives(runs: Runs) -> None:
    inner = block("a", a={"kind": "assign", "value": literal(1), "save": {"output": ["a"]}, "next": "b"})
    inner["steps"]["b"] = {"kind": "assign", "value": path("${a}${input.list.2}")}
    assert (await outcome(runs, {"kind": "group", "body": inner})).output == "13"
    report = (await outcome(runs, {"kind": "group", "body": inner, "report": True})).output
    assert report == {"outputs": {"body": "13"}, "failures": {}, "total": 1, "completed": 1, "failed": 0}


async def test_a_group_fails_with_what_failed_in_it(runs: Runs) -> None:
    snapshot = await outcome(runs, {"kind": "group", "body": FAILING}, "failed")
    assert snapshot.error_code == "expression-failed"
    assert statuses(snapshot.records) == [("s/body/bad", "failure"), ("s", "failure")]
    assert [record.number for record in snapshot.records] == [1, 2]


async def test_blocks_inside_add_to_merged_roots_and_hide_the_others(runs: Runs) -> None:
    inner = block("in", **{"in": {"kind": "assign", "value": literal("I"), "save": {"output": ["tasks", "in"]}}})
    inner["steps"]["in"]["next"] = "see"
    inner["steps"]["see"] = {"kind": "assign", "value": path("${tasks.before} ${tasks.in}")}
    body = block(
        "before",
        before={"kind": "assign", "value": literal("B"), "save": {"output": ["tasks", "before"]}, "next": "g"},
        g={"kind": "group", "body": inner, "next": "after"},
        after={"kind": "assign", "value": path("${tasks}")},
    )
    merged = await runs.ended(await runs.start(body, merged=["tasks"]))
    assert merged.output == {"before": "B"}
    assert merged.records[2].output == "B I"
    hidden = await runs.ended(await runs.start(body), "failed")
    assert "before" in (hidden.error or "")


async def test_a_block_has_a_result_of_its_own(runs: Runs) -> None:
    inner = {**giving(1), "result": path({"mine": "${own}", "all": "${input.list}"})}
    inner["steps"]["x"]["save"] = {"output": ["x"]}
    assert (await outcome(runs, {"kind": "group", "body": inner})).output == {"mine": {"x": 1}, "all": [1, 2, 3]}
    bad = {**giving(1), "result": path("${nowhere}")}
    assert (await outcome(runs, {"kind": "group", "body": bad}, "failed")).error_code == "expression-failed"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("wait_all", None),
        ("fail_fast", None),
        ("best_effort", {"outputs": {"a": 1}, "completed": 1, "failed": 1, "total": 2}),
        ("race", {"outputs": {"a": 1}, "completed": 1, "failed": 0, "total": 2}),
    ],
)
async def test_strategies_of_branches_and_items(runs: Runs, strategy: str, expected: dict[str, Any] | None) -> None:
    step = {"kind": "parallel", "strategy": strategy, "report": True, "branches": {"a": giving(1), "b": FAILING}}
    snapshot = await outcome(runs, step, "succeeded" if expected else "failed")
    if expected is None:
        assert snapshot.error is not None and snapshot.error.startswith("branch 'b': ")
    else:
        output = {name: value for name, value in snapshot.output.items() if name != "failures"}
        assert output == expected
    only_one = block("x", x={"kind": "assign", "value": path("${table.${item}}")})
    only_one["steps"]["x"]["value"] = path("${item.ok}")
    each = {"kind": "each", "strategy": strategy, "report": True, "body": only_one, "at_once": 2}
    each["items"] = literal([{"ok": 1}, {"no": 1}])
    snapshot = await outcome(runs, each, "succeeded" if expected else "failed")
    if expected is not None:
        assert snapshot.output["outputs"] == {"0": 1}


async def test_best_effort_fails_if_nothing_succeeds(runs: Runs) -> None:
    step = {"kind": "parallel", "strategy": "best_effort", "branches": {"a": FAILING, "b": FAILING}}
    assert (await outcome(runs, step, "failed")).error_code == "expression-failed"


async def test_items_are_filtered_and_the_index_counts_what_is_left(runs: Runs) -> None:
    body = block("x", x={"kind": "assign", "value": path("${i}:${it}")})
    step = {"kind": "each", "items": path("${input.list}"), "body": body, "item_as": "it", "index_as": "i"}
    step["filter"] = {"language": "json-logic", "source": {">": [{"var": "it"}, 1]}}
    snapshot = await runs.ended(await runs.start(block("s", s=step), {"list": [1, 2, 3]}))
    assert snapshot.output == ["0:2", "1:3"]


async def test_no_items_at_all(runs: Runs) -> None:
    step = {"kind": "each", "items": literal([]), "body": giving(1), "report": True}
    assert (await outcome(runs, step)).output["total"] == 0


async def test_only_so_many_branches_at_once(runs: Runs) -> None:
    branches = {name: block("w", w=wait("go")) for name in "abcd"}
    run_id = await runs.start(block("s", s={"kind": "parallel", "branches": branches, "at_once": 2}))
    for still in (2, 2, 2, 1):
        assert len((await runs.parked(run_id, still)).waits) == still
        await runs.send(run_id, "go")
    assert set((await runs.ended(run_id)).output) == set("abcd")


async def test_a_thousand_items_fit(runs: Runs) -> None:
    body = block("x", x={"kind": "assign", "value": path({"index": "${index}", "text": "x" * 200})})
    step = {"kind": "each", "items": literal(list(range(1000))), "body": body, "at_once": 50, "report": True}
    snapshot = await runs.ended(await runs.start(block("s", s=step)))
    assert snapshot.output["completed"] == 1000
    assert snapshot.output["outputs"]["999"]["index"] == 999


async def test_ended_blocks_keep_their_output_over_continue_as_new(runs: Runs) -> None:
    branches = {"fast": giving("F"), "slow": block("w", w=wait("go")), "bad": FAILING}
    step = {"kind": "parallel", "branches": branches, "strategy": "best_effort", "report": True}
    run_id = await runs.start(block("s", s=step))
    await runs.parked(run_id)
    await renew(runs, run_id)
    await runs.send(run_id, "go", {"n": 1})
    output = (await runs.ended(run_id)).output
    assert output["outputs"] == {"fast": "F", "slow": {"n": 1}} and list(output["failures"]) == ["bad"]


async def test_a_step_with_blocks_has_a_time_limit(skipping: Any) -> None:
    _, runs = skipping
    inner = block("w", w=wait("never"))
    for step in (
        {"kind": "group", "body": inner, "within": 3600},
        {"kind": "parallel", "branches": {"a": inner}, "within": literal(3600)},
        {"kind": "each", "items": literal([1]), "body": inner, "within": 3600},
    ):
        body = block("s", s={**step, "on_errors": {"step-timeout": "late"}}, late={"kind": "assign"})
        body["steps"]["late"]["value"] = path("${error.code}")
        assert (await runs.ended(await runs.start(body))).output == "step-timeout"


async def test_the_time_limit_of_a_step_is_not_prolonged(runs: Runs) -> None:
    step = {"kind": "group", "body": block("w", w=wait("go")), "within": 3600}
    run_id = await runs.start(block("s", s=step))
    await runs.parked(run_id)
    await renew(runs, run_id)
    await runs.parked(run_id)
    carried = await runs.handle(run_id).query("tidegate:state")
    await renew(runs, run_id)
    again = await runs.handle(run_id).query("tidegate:state")
    assert carried["state"]["frame"]["memory"]["within"] == again["state"]["frame"]["memory"]["within"]
    await runs.send(run_id, "go")
    await runs.ended(run_id)


async def test_thousands_of_items_are_filtered_in_a_few_tasks(runs: Runs) -> None:
    step = {"kind": "each", "items": literal(list(range(8_000))), "body": giving(1)}
    step["filter"] = {"language": "json-logic", "source": {"<": [{"var": "item"}, 2]}}
    run_id = await runs.start(block("s", s=step))
    assert (await runs.ended(run_id)).output == [1, 1]
    assert (await runs.handle(run_id).describe()).history_length < 30


async def test_many_blocks_that_were_paused_go_on_in_several_tasks(runs: Runs) -> None:
    body = block("w", w=wait("never", deadline={"after": 5, "then": "continue"}, next="x"), x={"kind": "assign"})
    each = {"kind": "each", "items": literal(list(range(250))), "body": body, "at_once": 250}
    run_id = await runs.start(block("p", p={"kind": "parallel", "branches": dict.fromkeys("abc", block("e", e=each))}))
    at = (DIALECT, runs.organisation, run_id)
    await runs.parked(run_id, 750)
    await runs.tidegate.pause_run(*at, True)
    await eventually(lambda: runs.snapshot(run_id), lambda s: not s.waits)
    await runs.tidegate.pause_run(*at, False)
    await runs.ended(run_id)
    events = [event async for event in runs.handle(run_id).fetch_history_events()]
    updated = [place for place, event in enumerate(events) if event.HasField(ACCEPTED)][-1]
    assert any(event.HasField("timer_started_event_attributes") for event in events[updated:])


@pytest.mark.parametrize("strategy", ["wait_all", "best_effort"])
async def test_no_further_block_begins_once_the_run_holds_too_much(runs: Runs, strategy: str) -> None:
    body = block("x", x={"kind": "assign", "value": literal("x" * 100_000), "save": {"output": ["kept"]}})
    step = {"kind": "each", "items": literal(list(range(200))), "body": body, "at_once": 20, "strategy": strategy}
    snapshot = await outcome(runs, {**step, "report": True}, "failed")
    assert snapshot.error_code == "state-too-large"
    assert len([record for record in snapshot.records if record.step.startswith("s/")]) < 50
