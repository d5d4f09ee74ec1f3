"""What waits for whom, since when, until when, and what follows: all of it is found through Temporal's API alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from definitions import contract
from definitions.contract import WaitView
from definitions.model import Definition
from tests.operators.views import Shown, found_by, shown
from tests.running import DIALECT, Runs, eventually
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, wait

PAYLOAD = "payload-that-nobody-but-the-run-may-see"


async def seen(runs: Runs, run_id: str) -> Shown:
    return await shown(runs.handle(run_id), runs.tidegate.temporal)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def second(text: str) -> str:
    return f"{text[:19]}Z"


def approval(**more: Any) -> dict[str, Any]:
    return block("ask", ask=wait("manager-approved", next="deploy", **more), deploy={"kind": "assign"})


def assert_answers(view: Shown, waits: WaitView, next_step: str = "deploy") -> None:
    """The four questions have the same answers in the attributes and in the details."""
    assert view.attributes["TidegateWaitingFor"] == ["manager-approved"]
    assert view.attributes["TidegateWaitSince"] == moment(waits.since)
    assert "event `manager-approved`: **not received**" in view.details
    assert f"since: {second(waits.since)}" in view.details
    assert f"next step: `{next_step}`" in view.details
    if waits.deadline is None:
        assert "TidegateWaitDeadline" not in view.attributes
        assert "deadline: never" in view.details
    else:
        assert view.attributes["TidegateWaitDeadline"] == moment(waits.deadline)
        assert f"deadline: {second(waits.deadline)}" in view.details


async def test_a_parked_run_tells_all_without_a_deadline(runs: Runs) -> None:
    run_id = await runs.start(approval(), {"secret": PAYLOAD})
    parked = await runs.parked(run_id)
    view = await seen(runs, run_id)
    assert_answers(view, parked.waits[0])
    assert view.attributes["TidegateDialect"] == DIALECT
    assert view.attributes["TidegateOrganisation"] == runs.organisation
    assert (view.attributes["TidegateDefinition"], view.attributes["TidegateVersion"]) == ("test", 1)
    assert view.summary == "test v1"
    assert runs.organisation in view.details and run_id in view.details
    await runs.send(run_id, "manager-approved")
    await runs.ended(run_id)


async def test_a_deadline_is_shown_with_what_happens_then(runs: Runs) -> None:
    run_id = await runs.start(approval(deadline={"after": 86400, "then": "goto", "step": "deploy"}))
    parked = await runs.parked(run_id)
    view = await seen(runs, run_id)
    assert_answers(view, parked.waits[0])
    assert "at the deadline: go to deploy" in view.details
    assert view.summaries == ["test v1", f"until {parked.waits[0].deadline}: manager-approved"]
    await runs.send(run_id, "manager-approved")
    await runs.ended(run_id)


async def test_what_has_been_received_is_told_from_what_is_missing(runs: Runs) -> None:
    run_id = await runs.start(block("ask", ask=wait("manager-approved", "security-approved")))
    await runs.parked(run_id)
    await runs.send(run_id, "security-approved", {"by": PAYLOAD})
    await runs.send(run_id, "unrelated", {"by": PAYLOAD})
    await runs.handle(run_id).signal(contract.DELIVER, PAYLOAD)
    view = await eventually(lambda: seen(runs, run_id), lambda view: "Unusable" in view.details)
    assert view.attributes["TidegateWaitingFor"] == ["manager-approved"]
    assert "event `security-approved`: received 20" in view.details
    assert "event `manager-approved`: **not received**" in view.details
    assert "Early events kept: 1 (`unrelated`)" in view.details
    assert "Unusable messages: 1; the last one is `tidegate:deliver`" in view.details
    assert PAYLOAD not in view.everything
    await runs.send(run_id, "manager-approved")
    await runs.ended(run_id)


async def test_a_refused_payload_is_not_quoted(runs: Runs) -> None:
    rule = {"object_only": True, "schema": {"type": "object", "properties": {"ok": {"type": "boolean"}}}}
    run_id = await runs.start(block("ask", ask=wait("go", payload=rule)))
    await runs.parked(run_id)
    await runs.handle(run_id).signal("go", {"ok": PAYLOAD})
    view = await eventually(lambda: seen(runs, run_id), lambda view: "Unusable" in view.details)
    assert PAYLOAD not in view.everything
    assert PAYLOAD in (await runs.snapshot(run_id)).quarantined[0]["reason"]
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)


async def test_after_continue_as_new_the_same_is_shown(runs: Runs) -> None:
    run_id = await runs.start(approval(deadline={"after": 3600}))
    parked = await runs.parked(run_id)
    before = await seen(runs, run_id)
    await renew(runs, run_id)
    await runs.parked(run_id)
    after = await seen(runs, run_id)
    assert_answers(after, parked.waits[0])
    assert after.attributes == before.attributes
    assert after.details == before.details
    assert after.memo.keys() == before.memo.keys()
    assert after.memo[contract.MEMO]["run_id"] == run_id
    # Temporal does not pass a summary on, and has no argument for it: the details say what it said.
    assert "`test` version 1" in after.details
    assert [text for text in after.summaries if text.startswith("until ")] == [before.summaries[-1]]
    await runs.send(run_id, "manager-approved")
    await runs.ended(run_id)


async def test_after_a_resume_the_same_is_shown(runs: Runs) -> None:
    run_id = await runs.start(approval())
    await runs.parked(run_id)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    closed = await seen(runs, run_id)
    assert "It was cancelled." in closed.details and "waits" not in closed.details
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    parked = await runs.parked(run_id)
    view = await seen(runs, run_id)
    assert_answers(view, parked.waits[0])
    assert (view.summary, view.memo[contract.MEMO]["run_id"]) == ("test v1", run_id)
    await runs.send(run_id, "manager-approved")
    await runs.ended(run_id)
    assert "It has succeeded." in (await seen(runs, run_id)).details


async def test_a_query_finds_what_waits_until_it_is_released(runs: Runs) -> None:
    name = f"approved-{datetime.now(timezone.utc).timestamp()}"
    run_id = await runs.start(block("ask", ask=wait(name, "other")))
    workflow_id, client = runs.handle(run_id).id, runs.tidegate.temporal
    query = f'TidegateWaitingFor = "{name}"'
    await eventually(lambda: found_by(client, query), lambda ids: ids == {workflow_id})
    assert await found_by(client, f"{query} AND TidegateWaitDeadline IS NULL") == {workflow_id}
    await runs.send(run_id, name)
    await eventually(lambda: found_by(client, query), lambda ids: not ids)
    assert await found_by(client, f'WorkflowId = "{workflow_id}" AND TidegateWaitingFor = "other"') == {workflow_id}
    await runs.send(run_id, "other")
    await runs.ended(run_id)
    gone = f'WorkflowId = "{workflow_id}" AND TidegateWaitSince IS NULL'
    await eventually(lambda: found_by(client, gone), lambda ids: ids == {workflow_id})


async def test_steps_that_call_or_sleep_are_shown_too(runs: Runs) -> None:
    # Port 9 answers nobody: the call is tried again, and the run stays at its step.
    calling = {
        "kind": "call",
        "executor": "http",
        "config": {"url": "http://127.0.0.1:9/"},
        "retry": {"maximum_attempts": 1000, "initial_interval": 5},
    }
    call = await runs.start(block("notify", notify=calling))
    asleep = await runs.start(block("pause", pause={"kind": "sleep", "seconds": 3600}))
    view = await eventually(lambda: seen(runs, call), lambda view: "`notify`" in view.details)
    assert "It is at step `notify`." in view.details
    assert view.summaries == ["test v1", "notify"]
    view = await eventually(lambda: seen(runs, asleep), lambda view: "sleeps" in view.details)
    assert "Step `pause` **sleeps** until 20" in view.details
    assert view.summaries[1].startswith("pause until 20")
    assert "TidegateWaitingFor" not in view.attributes
    for run_id in (call, asleep):
        await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)


async def test_waits_at_once_are_shown_each(runs: Runs) -> None:
    branches = {
        "left": block("a", a=wait("left-done", next="b"), b={"kind": "assign", "value": literal(1)}),
        "right": block("a", a=wait("x", "y", "z", need="any", deadline={"after": 600, "then": "continue"})),
    }
    run_id = await runs.start(block("both", both={"kind": "parallel", "branches": branches}))
    parked = await runs.parked(run_id, 2)
    view = await seen(runs, run_id)
    assert view.attributes["TidegateWaitingFor"] == ["left-done", "x", "y", "z"]
    assert view.attributes["TidegateWaitDeadline"] == moment(parked.waits[1].deadline or "")
    assert "Step `both/left/a` **waits** for an event" in view.details
    assert "Step `both/right/a` **waits** for any 1 of these events" in view.details
    assert view.details.count("deadline: never") == 1
    await runs.send(run_id, "left-done")
    await runs.send(run_id, "y")
    await runs.ended(run_id)


async def test_a_failed_run_says_so_without_its_data(runs: Runs) -> None:
    run_id = await runs.start(block("go", go={"kind": "assign", "next": path("${input}")}), PAYLOAD)
    await runs.ended(run_id, "failed")
    view = await seen(runs, run_id)
    assert "It has failed." in view.details
    assert PAYLOAD not in view.everything


@pytest.mark.parametrize(
    "names",
    [
        [f"{number}-" + "x" * 190 for number in range(60)],
        [f"{number}-" + "界" * 190 for number in range(5)],
        ["😀" * 199, "b" * 200],
        ["tab\tand\nline", "null\x00character"],
        ["`code` **bold** | [link](http://example.com) <b>", "![image](http://example.com/i.png)"],
    ],
    ids=["many", "foreign", "emoji", "control", "markdown"],
)
async def test_no_name_of_an_event_or_step_does_harm(runs: Runs, names: list[str]) -> None:
    # Port 9 answers nobody; what matters is the name under which it is called.
    calling = {"kind": "call", "executor": "http", "config": {"url": "http://127.0.0.1:9/"}, "on_error": "ask"}
    steps = {names[0]: calling, "ask": wait(*names, deadline={"after": 3600})}
    run_id = await runs.start({"start": names[0], "steps": steps})
    await runs.parked(run_id)
    view = await seen(runs, run_id)
    assert view.attributes["TidegateWaitingFor"]
    assert "deadline: 20" in view.details
    assert len(view.summaries) == 3 and all(len(summary.encode()) <= 200 for summary in view.summaries)
    assert "](" not in "".join(view.details.split("`")[::2])
    for name in names:
        await runs.send(run_id, name)
    await runs.ended(run_id)


async def test_a_definition_with_a_long_foreign_name_starts(runs: Runs) -> None:
    facts = runs.facts("😀" * 200)
    definition = Definition.model_validate({"dialect": DIALECT, "name": "x", "body": approval()})
    await runs.tidegate.start_run(definition, facts, None)
    await runs.parked(facts.run_id)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, facts.run_id)
