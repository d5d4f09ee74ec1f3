"""Branches, with actions that are scripted here: what is planned, called, kept, refused, and what ends a run."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions import contract, ids
from definitions.contract import ActionCall, ActionResult, DeliveryOutcome, Event, Plan, StoreChange, timestamp
from definitions.errors import NotANumber, NotFound, RunClosed, TooLarge, Unavailable
from tests.running import DIALECT, Runs, eventually
from worker.client import TidegateClient
from worker.interpreter import TidegateRun

Action = Callable[[ActionCall], Awaitable[ActionResult]]


class Script:
    """Actions by name; `calls` are those that were made of them."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.actions: dict[str, Action] = {}
        self.calls: list[ActionCall] = []

    @activity.defn(name=contract.RUN_ACTION)
    async def run_action(self, call: ActionCall) -> ActionResult:
        self.calls.append(call)
        action = self.actions.get(call.action)
        return ActionResult() if action is None else await action(call)

    def gives(self, name: str, *plans: Plan, **result: Any) -> None:
        async def act(call: ActionCall) -> ActionResult:
            return ActionResult(plans=list(plans), **result)

        self.actions[name] = act

    async def start(self, **step: Any) -> str:
        body = {"start": "w", "steps": {"w": {"kind": "branches", "operations": {"start": []}, **step}}}
        return await self.runs.start(body)

    def names(self) -> list[str]:
        return [call.action for call in self.calls]

    async def call(self, run_id: str, wait: str, payload: Any = None) -> DeliveryOutcome:
        event = Event(str(uuid.uuid4()), contract.LINK, payload, has_payload=True, wait=wait)
        return await self.runs.tidegate.deliver_link(workflow_id(self.runs, run_id), event)


async def insisted(script: Script, run_id: str, event: Event) -> DeliveryOutcome:
    """As a caller does that is told to come back: the same call again."""
    for _ in range(4):
        try:
            return await script.runs.tidegate.deliver_link(workflow_id(script.runs, run_id), event)
        except Unavailable:
            continue
    raise AssertionError("no worker has taken the run over")


def workflow_id(runs: Runs, run_id: str) -> str:
    return ids.run_workflow_id(DIALECT, runs.organisation, run_id)


@contextlib.asynccontextmanager
async def scripted(client: Client, queue: str | None = None) -> AsyncIterator[Script]:
    queue = queue or f"branches-{uuid.uuid4()}"
    script = Script(Runs(TidegateClient(client, queue), f"org-{uuid.uuid4()}"))
    async with worker(client, queue, script):
        yield script


def worker(client: Client, queue: str, script: Script) -> Worker:
    return Worker(
        client,
        task_queue=queue,
        workflows=[TidegateRun],
        activities=[script.run_action],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
    )


@pytest.fixture
async def script(temporal_client: Client) -> AsyncIterator[Script]:
    async with scripted(temporal_client) as made:
        yield made


def in_seconds(seconds: float) -> str:
    return timestamp(datetime.now(timezone.utc) + timedelta(seconds=seconds))


def link(action: str, payload: Any = None, number: int = 1, seconds: float = 60) -> Plan:
    return Plan("link", number, action, payload, expires_at=in_seconds(seconds))


def later(action: str, payload: Any = None, number: int = 1, seconds: float = 0.01) -> Plan:
    return Plan("later", number, action, payload, seconds=seconds)


async def test_an_action_alone(script: Script) -> None:
    script.gives("start", value={"a": 1})
    run_id = await script.start()
    assert (await script.runs.ended(run_id)).output == {"value": {"a": 1}}
    found = await script.runs.tidegate.branch_outcome(workflow_id(script.runs, run_id), "w#1.0", 5)
    assert (found.state, found.output) == ("success", {"value": {"a": 1}})


async def test_a_link_resumes_once_with_what_its_caller_sent(script: Script) -> None:
    script.gives("start", link("on", {"order": 7, "event": "overwritten"}))
    run_id = await script.start()
    parked = await script.runs.parked(run_id)
    assert [(wait.events, wait.next) for wait in parked.waits] == [(["on"], "on")]
    assert parked.waits[0].deadline is not None
    assert (await script.call(run_id, "w#1.0.1", {"by": "jane"})).status == "matched"
    with pytest.raises((NotFound, RunClosed)):
        await script.call(run_id, "w#1.0.1", {"by": "joe"})
    await script.runs.ended(run_id)
    assert script.calls[1].data == {"order": 7, "event": {"by": "jane"}}
    with pytest.raises(RunClosed):
        await script.call(run_id, "w#1.0.1")


async def test_of_a_hundred_callers_one_wins(script: Script) -> None:
    script.gives("start", link("on"), link("other", number=2))
    run_id = await script.start()
    await script.runs.parked(run_id, 2)
    got = await asyncio.gather(*(script.call(run_id, "w#1.0.1", n) for n in range(100)), return_exceptions=True)
    assert sum(isinstance(one, DeliveryOutcome) for one in got) == 1
    assert all(isinstance(one, (DeliveryOutcome, NotFound)) for one in got)
    await script.call(run_id, "w#1.0.2")
    await script.runs.ended(run_id)
    assert sorted(script.names()) == ["on", "other", "start"]


async def test_a_link_is_used_before_its_action_has_ended(script: Script) -> None:
    used: list[Any] = []

    async def start(call: ActionCall) -> ActionResult:
        run_id = call.context.run_id
        used.append((await script.call(run_id, f"{call.branch}.1", "early")).status)
        used.extend(await asyncio.gather(script.call(run_id, f"{call.branch}.1", "again"), return_exceptions=True))
        used.append((await script.call(run_id, f"{call.branch}.9", "never planned")).status)
        return ActionResult(plans=[link("on")])

    script.actions["start"] = start
    run_id = await script.start()
    await script.runs.ended(run_id)
    assert used[0] == "buffered" and isinstance(used[1], NotFound)
    assert [(call.action, call.data) for call in script.calls[1:]] == [("on", {"event": "early"})]


async def test_a_link_of_nobody_is_refused(script: Script) -> None:
    script.gives("start", link("on"))
    run_id = await script.start()
    await script.runs.parked(run_id)
    for wait in ("w#1.0.2", "w#1", "w#1.0", "x#1.1", "", "w#1.0.1.1", "w#1.0.01"):
        with pytest.raises(NotFound):
            await script.call(run_id, wait)
    await script.call(run_id, "w#1.0.1")
    await script.runs.ended(run_id)


async def test_a_link_that_expires_fails_the_run_without_a_hook(script: Script) -> None:
    script.gives("start", link("on", seconds=0.3), later("other", number=2, seconds=100))
    run_id = await script.start(failed="broke", completed="done")
    ended = await script.runs.ended(run_id, "failed")
    assert "expired" in str(ended.error)
    assert script.names() == ["start"]


async def test_a_run_ends_when_every_branch_has(script: Script) -> None:
    script.gives("start", *(later("item", {"n": n}, number=n) for n in range(1, 41)))
    run_id = await script.start(completed="done")
    await script.runs.ended(run_id)
    assert sorted(call.data["n"] for call in script.calls if call.action == "item") == list(range(1, 41))
    assert {call.depth for call in script.calls if call.action == "item"} == {1}
    assert script.names()[-1] == "done" and script.names().count("done") == 1
    assert len({call.context.idempotency_key for call in script.calls}) == len(script.calls)


async def test_a_chain(script: Script) -> None:
    script.gives("start", later("a", 1))
    script.gives("a", later("b", 2))
    run_id = await script.start()
    await script.runs.ended(run_id)
    assert [(call.action, call.branch, call.data, call.depth) for call in script.calls] == [
        ("start", "w#1.0", None, 0),
        ("a", "w#1.0.1", 1, 1),
        ("b", "w#1.0.1.1", 2, 2),
    ]


async def test_a_long_chain_has_short_ids_and_its_links_work(script: Script) -> None:
    async def again(call: ActionCall) -> ActionResult:
        if call.depth < 70:
            return ActionResult(plans=[later("again", seconds=0)])
        await script.call(call.context.run_id, f"{call.branch}.1", "early")
        return ActionResult(plans=[link("on")])

    script.gives("start", later("again", seconds=0))
    script.actions["again"] = again
    run_id = await script.start()
    await script.runs.ended(run_id)
    assert script.names() == ["start", *["again"] * 70, "on"]
    assert len({call.branch for call in script.calls}) == len(script.calls)
    assert max(len(call.branch) for call in script.calls) < 80


async def test_a_failure_ends_the_run_after_its_hook(script: Script) -> None:
    script.gives("start", later("bad", number=1), later("never", number=2, seconds=100), link("on", number=3))
    script.gives("bad", error="no such order", code="action-threw")
    run_id = await script.start(failed="broke", completed="done")
    ended = await script.runs.ended(run_id, "failed")
    assert ended.error == "no such order" and ended.waits == []
    assert script.names() == ["start", "bad", "broke"]
    assert (script.calls[2].hook, script.calls[2].error) == (True, "no such order")
    with pytest.raises(RunClosed):
        await script.call(run_id, "w#1.0.3")


async def test_a_failure_after_a_plan_goes_on(script: Script) -> None:
    script.gives("start", later("next"), error="threw later", code="action-threw")
    run_id = await script.start(failed="broke", completed="done")
    await script.runs.ended(run_id)
    assert script.names() == ["start", "next", "done"]
    found = await script.runs.tidegate.branch_outcome(workflow_id(script.runs, run_id), "w#1.0", 5)
    assert (found.state, found.error) == ("failure", "threw later")


async def test_two_failures_call_one_hook_and_what_is_at_work_ends(script: Script) -> None:
    both = asyncio.Event()

    async def fails(call: ActionCall) -> ActionResult:
        if call.action == "slow":
            await both.wait()
        both.set()
        return ActionResult(error=f"{call.action} failed")

    script.gives("start", later("slow", number=1), later("fast", number=2, seconds=0.3))
    script.actions |= {"slow": fails, "fast": fails}
    run_id = await script.start(failed="broke")
    ended = await script.runs.ended(run_id, "failed")
    assert script.names().count("broke") == 1
    assert {record.step for record in ended.records if record.status == "failure"} >= {"w/slow", "w/fast"}


async def test_a_hook_that_fails_changes_nothing(script: Script) -> None:
    script.gives("done", error="hook failed")
    run_id = await script.start(completed="done")
    ended = await script.runs.ended(run_id)
    assert [record.errors for record in ended.records if record.step == "w/done"] == [["hook failed"]]


async def test_parked_links_survive_continue_as_new_and_another_worker(temporal_client: Client) -> None:
    queue = f"branches-{uuid.uuid4()}"
    async with scripted(temporal_client, queue) as script:
        script.gives("start", link("on", {"kept": True}), later("later", number=2, seconds=1.5))
        run_id = await script.start()
        await script.runs.parked(run_id)
        handle = script.runs.handle(run_id)
        first = (await handle.describe()).run_id
        await handle.signal(contract.CONTINUE_AS_NEW)
        await eventually(lambda: script.runs.describe(run_id), lambda found: found.temporal_run_id != first)
    async with worker(temporal_client, queue, script):
        event = Event(str(uuid.uuid4()), contract.LINK, "late", has_payload=True, wait="w#1.0.1")
        assert (await insisted(script, run_id, event)).status == "matched"
        await script.runs.ended(run_id)
    assert sorted(script.names()) == ["later", "on", "start"]
    assert next(call.data for call in script.calls if call.action == "on") == {"kept": True, "event": "late"}


async def test_the_store_of_a_run(script: Script) -> None:
    answers: list[Any] = []

    async def start(call: ActionCall) -> ActionResult:
        workflow = workflow_id(script.runs, call.context.run_id)

        async def use(number: int, operation: Any, key: str, value: Any = None) -> Any:
            change = StoreChange(f"{call.branch}/{number}", operation, key, value)
            return await script.runs.tidegate.use_run_store(workflow, change)

        answers.append(await use(1, "get", "k"))
        await use(2, "set", "k", {"a": [1]})
        answers.append(await use(3, "get", "k"))
        await asyncio.gather(*(use(10 + n, "push", "list", n) for n in range(30)))
        answers.append(sorted(await use(4, "get", "list")))
        answers.append(
            [await use(5, "increment", "n"), await use(6, "increment", "n", -3), await use(5, "increment", "n")]
        )
        await use(7, "delete", "k")
        answers.append(await use(8, "get", "k"))
        for number, key, value, error in ((90, "k", "x" * 300_000, TooLarge), (91, "list", None, NotANumber)):
            with pytest.raises(error):
                await use(number, "set" if error is TooLarge else "increment", key, value)
        return ActionResult()

    script.actions["start"] = start
    run_id = await script.start()
    await script.runs.ended(run_id)
    assert answers == [None, {"a": [1]}, list(range(30)), [1, -2, 1], None]
    with pytest.raises(RunClosed):
        await script.runs.tidegate.use_run_store(workflow_id(script.runs, run_id), StoreChange("x/1", "get", "n"))


async def test_a_cancelled_run_ends_its_branches(script: Script) -> None:
    script.gives("start", link("on"), later("later", number=2, seconds=100))
    run_id = await script.start(completed="done", failed="broke")
    await script.runs.parked(run_id)
    await script.runs.tidegate.cancel_run(DIALECT, script.runs.organisation, run_id)
    await script.runs.ended(run_id, "cancelled")
    assert script.names() == ["start"]


async def test_what_is_too_large_fails_the_action(script: Script) -> None:
    script.gives("start", value="x" * 500_000)
    run_id = await script.start()
    assert "400000 bytes" in str((await script.runs.ended(run_id, "failed")).error)


async def test_an_unknown_branch_is_pending_and_an_unknown_run_is_not_found(script: Script) -> None:
    run_id = await script.start()
    await script.runs.ended(run_id)
    client = script.runs.tidegate
    assert (await client.branch_outcome(workflow_id(script.runs, run_id), "w#1.0.5", 0.1)).state == "pending"
    with pytest.raises(NotFound):
        await client.branch_outcome(workflow_id(script.runs, "no-such-run"), "w#1.0", 1)


async def test_no_call_is_taken_once_a_branch_has_failed(script: Script) -> None:
    """Another action may still be at work for minutes: until then nobody is told that a link has resumed anything."""
    begun, free = asyncio.Event(), asyncio.Event()

    async def slow(call: ActionCall) -> ActionResult:
        begun.set()
        await free.wait()
        return ActionResult(plans=[link("never")])

    script.gives("start", link("slow"), link("bad", number=2), link("never", number=3))
    script.gives("bad", error="no")
    script.actions["slow"] = slow
    run_id = await script.start()
    await script.runs.parked(run_id, 3)
    await script.call(run_id, "w#1.0.1")
    await asyncio.wait_for(begun.wait(), 10)
    await script.call(run_id, "w#1.0.2")
    failed = await script.runs.tidegate.branch_outcome(workflow_id(script.runs, run_id), "w#1.0.2", 10)
    assert failed.state == "failure"
    try:
        for wait in ("w#1.0.3", "w#1.0.1.1"):  # one that is open, and one of the action that is at work
            with pytest.raises((NotFound, RunClosed)):
                await script.call(run_id, wait)
    finally:
        free.set()
    await script.runs.ended(run_id, "failed")
    assert "never" not in script.names()
