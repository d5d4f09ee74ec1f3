"""What a step comes to by its own words: checks, computed outputs, what is saved of failures, routes, pauses."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import NotFound, RunClosed
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, statuses, wait

LOGIC = "json-logic"


async def test_a_computed_output_stands_in_place_of_the_steps_own(runs: Runs) -> None:
    step = {"kind": "assign", "input": path("${input.n}"), "value": literal(5), "save": {"output": ["saved"]}}
    step["result"] = path({"was": "${output}", "from": "${input}"})
    step["next"] = "b"
    body = block("a", a=step, b={"kind": "assign", "value": path("${saved}")})
    snapshot = await runs.ended(await runs.start(body, {"n": 1}))
    assert snapshot.output == {"was": 5, "from": 1}
    assert snapshot.records[0].output == {"was": 5, "from": 1}


async def test_a_check_makes_a_failure_of_an_output(runs: Runs) -> None:
    check = {"language": LOGIC, "source": {"if": [{"var": "output.bad"}, {"var": "output.why"}, None]}}
    for value, status in (({"bad": True, "why": "no stock"}, "failed"), ({"bad": False}, "succeeded")):
        snapshot = await runs.ended(
            await runs.start(block("a", a={"kind": "assign", "value": literal(value), "check": check})), status
        )
        if status == "failed":
            assert (snapshot.error_code, snapshot.error) == ("check-failed", "no stock")
            assert snapshot.records[0].code == "check-failed"


async def test_what_is_saved_of_a_failure(runs: Runs) -> None:
    words = {"path": ["tasks", "a", "status"], "success": "SUCCESS", "failure": "FAILED"}
    step = {"kind": "assign", "value": path("${input.n.m}"), "on_error": "b"}
    step["save"] = {"error": ["tasks", "a", "error"], "status": words, "output": ["tasks", "a", "output"]}
    body = block("a", a=step, b={"kind": "assign", "value": path("${tasks.a}")})
    failed = (await runs.ended(await runs.start(body, {"n": 1}))).output
    assert failed["status"] == "FAILED" and failed["error"]["code"] == "expression-failed"
    step["failure"] = path({"code": "MINE", "message": "it: ${failure.message}"})
    computed = (await runs.ended(await runs.start(body, {"n": 1}))).output
    assert computed["error"]["code"] == "MINE" and computed["error"]["message"].startswith("it: ")
    step["next"] = "b"
    good = (await runs.ended(await runs.start(body, {"n": {"m": 3}}))).output
    assert good == {"status": "SUCCESS", "output": 3}


async def test_a_failure_that_cannot_be_told_is_still_the_first_one(runs: Runs) -> None:
    step = {"kind": "assign", "value": path("${first}"), "save": {"error": ["e"]}, "failure": path("${second}")}
    snapshot = await runs.ended(await runs.start(block("a", a=step)), "failed")
    assert "first" in (snapshot.error or "") and "second" in (snapshot.error or "")


async def test_a_failure_goes_where_its_code_says(runs: Runs) -> None:
    step = {"kind": "assign", "value": path("${first}"), "on_errors": {"expression-failed": "b"}, "on_error": "c"}
    body = block("a", a=step, b={"kind": "assign", "value": literal("B")}, c={"kind": "assign", "value": literal("C")})
    assert (await runs.ended(await runs.start(body))).output == "B"
    body["steps"]["a"]["on_errors"] = {"call-failed": "b"}
    assert (await runs.ended(await runs.start(body))).output == "C"


async def test_routes(runs: Runs) -> None:
    route: dict[str, Any] = {"kind": "route", "value": path("${input}"), "routes": {"go": "b", "true": "c", "7": "b"}}
    body = block(
        "r",
        r=route,
        b={"kind": "assign", "value": literal("B")},
        c={"kind": "assign", "value": literal("C")},
    )
    for value, output in (("go", "B"), (True, "C"), (7, "B")):
        snapshot = await runs.ended(await runs.start(body, value))
        assert snapshot.output == output
        assert snapshot.records[0].output == {"value": value, "route": output.lower()}
    unknown: Any
    for unknown in ("stop", {"a": 1}, ["x" * 10_000]):
        assert (await runs.ended(await runs.start(body, unknown), "failed")).error_code == "route-unknown"
    route["otherwise"] = "c"
    assert (await runs.ended(await runs.start(body, "stop"))).output == "C"


async def test_the_data_begins_with_what_the_definition_says(runs: Runs) -> None:
    body = block("a", a={"kind": "assign", "value": path("${wf}"), "save": {"output": ["wf", "seen"]}})
    top = {"data": {"wf": {"id": "x"}}, "save_input": ["wf", "input"], "save_run_id": ["wf", "run"]}
    run_id = await runs.start(body, {"n": 1}, **top)
    assert (await runs.ended(run_id)).output == {"id": "x", "input": {"n": 1}, "run": run_id}
    second = await runs.start(body, None, **top)
    assert (await runs.ended(second)).output == {"id": "x", "run": second}


async def test_a_result_that_cannot_be_computed_fails_the_run_as_such(runs: Runs) -> None:
    run_id = await runs.start(block("a", a={"kind": "assign", "value": literal(1)}), result=path("${nowhere}"))
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.error_code == "result-failed"
    assert statuses(snapshot.records) == [("a", "success")]


async def pause(runs: Runs, run_id: str, paused: bool = True) -> None:
    await runs.tidegate.pause_run(DIALECT, runs.organisation, run_id, paused)


async def test_a_paused_run_takes_events_and_begins_no_step(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", next="after"), after={"kind": "assign", "value": literal("A")}))
    await runs.parked(run_id)
    await pause(runs, run_id)
    await pause(runs, run_id)
    assert (await runs.send(run_id, "go")).status == "matched"
    await renew(runs, run_id)
    snapshot = await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "after")
    assert snapshot.paused and snapshot.status == "running" and not snapshot.waits
    await pause(runs, run_id, False)
    snapshot = await runs.ended(run_id)
    assert snapshot.output == "A" and not snapshot.paused
    with pytest.raises(RunClosed):
        await pause(runs, run_id)
    with pytest.raises(NotFound):
        await pause(runs, "unknown")


async def test_a_paused_run_can_be_cancelled(runs: Runs) -> None:
    run_id = await runs.start(block("w", w=wait("go", next="after"), after={"kind": "assign"}))
    await runs.parked(run_id)
    await pause(runs, run_id)
    await runs.send(run_id, "go")
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    await runs.ended(run_id, "cancelled")
