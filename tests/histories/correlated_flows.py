"""The flows of events by name and key, of durable values, of code, of attempts and of runs that begin later."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import WorkflowExecutionDescription

from definitions import ids
from definitions.contract import UseStore
from definitions.model import Definition
from tests.histories.scene import SUGGEST_AFTER, Flow, Kept, Scene
from tests.running import DIALECT, eventually
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.sandbox.calls import SHIM, handler
from tests.worker.test_interpreter import block, literal, path, wait

HANDLER = """
  const before = await step.run('before', () => payload.n + 1)
  const event = await step.waitForEvent('go', { correlationKey: payload.key, timeout: '1h' })
  return { before, event: event.payload }
"""


async def started(scene: Scene, body: dict[str, Any], key: str) -> str:
    """A run that waits, and is registered in the mailbox of the key."""
    run_id = await scene.runs.start(body, {"key": key, "n": 1})
    await scene.runs.parked(run_id)
    handle = scene.runs.handle(run_id)
    await eventually(handle.describe, lambda d: not d.raw_description.HasField("pending_workflow_task"))
    return run_id


async def emptied(scene: Scene, key: str) -> str:
    """The mailbox of a key once it has nothing left and has ended: its workflow id."""
    handle = mailbox(scene.runs, key)
    await eventually(handle.describe, lambda described: described.close_time is not None)
    return handle.id


async def at_rest(scene: Scene, key: str) -> str:
    """The mailbox of a key once nothing is under way in it; it still keeps something. Its workflow id."""
    handle = mailbox(scene.runs, key)

    def rests(described: WorkflowExecutionDescription) -> bool:
        raw = described.raw_description
        return not raw.HasField("pending_workflow_task") and not raw.pending_activities

    await eventually(handle.describe, rests)
    return handle.id


async def late(scene: Scene) -> Kept:
    """The wait is there first; the event is repeated."""
    run_id = await started(scene, correlated(deadline={"after": 3600}), "late")
    await post(scene.runs, "late", {"n": 1}, idempotency_key="once", wait=True)
    await post(scene.runs, "late", {"n": 1}, idempotency_key="once")
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id), "mailbox": await at_rest(scene, "late")}


async def early(scene: Scene) -> Kept:
    """The event is there first."""
    await post(scene.runs, "early", {"n": 1}, wait=True)
    run_id = await scene.runs.start(correlated(filter=path("${event.payload.n}")), {"key": "early"})
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id), "mailbox": await emptied(scene, "early")}


async def timeout(scene: Scene) -> Kept:
    """The deadline passes, and the wait is withdrawn; what is sent after it is for the next wait, by a filter."""
    asks = correlated(deadline={"after": 0.5, "then": "continue"}, output="event", next="again")
    again = correlated(filter=path("${event.payload.fits}"))["steps"]["w"]
    run_id = await started(scene, {**asks, "steps": {**asks["steps"], "again": again}}, "timeout")
    await eventually(lambda: scene.runs.snapshot(run_id), lambda s: s.next_step == "again")
    for fits in (False, True):
        await post(scene.runs, "timeout", {"fits": fits}, wait=True)
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id), "mailbox": await at_rest(scene, "timeout")}


async def several(scene: Scene) -> Kept:
    """One event for all that wait; one wait has ended by a raw signal, and one by a cancellation."""
    body = correlated("go", "other")
    runs, run_ids = scene.runs, [await started(scene, body, "all") for _ in range(4)]
    await runs.handle(run_ids[2]).signal("other")
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_ids[3], request_id="stop")
    await runs.ended(run_ids[2])
    await runs.ended(run_ids[3], "cancelled")
    await post(runs, "all", "for all", deliver="all")
    await asyncio.gather(*(runs.ended(run_id) for run_id in run_ids[:2]))
    kept = {"taken": run_ids[0], "by-signal": run_ids[2], "cancelled": run_ids[3]}
    return {**{label: scene.run_workflow(run_id) for label, run_id in kept.items()}, "": await emptied(scene, "all")}


async def renewed(scene: Scene) -> Kept:
    """The run continues as new while it is registered."""
    run_id = await started(scene, correlated(deadline={"after": 3600}), "renewed")
    await scene.renew(run_id)
    await post(scene.runs, "renewed", {"n": 1}, wait=True)
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def mailbox_renewed(scene: Scene) -> Kept:
    """Temporal finds the mailbox's history long enough."""
    handle, number = mailbox(scene.runs, "full"), 0
    await post(scene.runs, "full", number)
    first = (await handle.describe()).run_id
    while (described := await handle.describe()).run_id == first:
        # A mailbox is at least some seconds old when it continues.
        await asyncio.sleep(0 if described.history_length < SUGGEST_AFTER else 0.5)
        number += 1
        await post(scene.runs, "full", number)
    run_id = await scene.runs.start(correlated(), {"key": "full"})
    assert (await scene.runs.ended(run_id)).output == 0
    return {"": handle.id}


async def send(scene: Scene) -> Kept:
    waiting = await started(scene, correlated(), "sent")
    payload = path("${input.n}")
    sends = {"kind": "send", "event": "go", "key": path("${input.key}"), "payload": payload}
    run_id = await scene.runs.start(block("s", s=sends), {"key": "sent", "n": 1})
    await scene.runs.ended(run_id)
    await scene.runs.ended(waiting)
    return {"": scene.run_workflow(run_id)}


async def store(scene: Scene) -> Kept:
    """A run that uses a value; and the value itself, until Temporal suggests to continue as new."""
    body = block(
        "set",
        set={"kind": "store", "operation": "set", "key": literal("k"), "value": path("${input.n}"), "next": "add"},
        add={"kind": "store", "operation": "increment", "key": literal("k"), "next": "get"},
        get={"kind": "store", "operation": "get", "key": literal("k"), "next": "drop"},
        drop={"kind": "store", "operation": "delete", "key": literal("k")},
    )
    run_id = await scene.runs.start(body, {"n": 1})
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id), "value": await _counted(scene)}


async def _counted(scene: Scene) -> str:
    organisation = scene.runs.organisation
    workflow_id = ids.value_workflow_id(DIALECT, organisation, "counted")
    handle, number, first = scene.temporal.get_workflow_handle(workflow_id), 0, None
    while first is None or (await handle.describe()).run_id == first:
        number += 1
        request = UseStore(organisation, DIALECT, "increment", "counted", f"{number}")
        assert await scene.runs.tidegate.use_store(request) == number
        described = await handle.describe()
        first = first or described.run_id
        # A value is at least some seconds old when it continues.
        await asyncio.sleep(0 if described.history_length < SUGGEST_AFTER else 0.5)
    return workflow_id


async def code(scene: Scene) -> Kept:
    """A handler with a step and a wait; one that fails, and is tried again."""
    runs = scene.runs
    waits = await runs.start(_code(HANDLER), {"key": "code", "n": 1})
    await runs.parked(waits)
    await post(runs, "code", "hello")
    await runs.ended(waits)
    throws = await runs.start(_code("throw new Error('as it says')"), {}, attempts=_attempts(2))
    await runs.ended(throws, "failed")
    return {"": scene.run_workflow(waits), "throws": scene.run_workflow(throws)}


def _code(text: str) -> dict[str, Any]:
    given = {"language": "passthrough", "source": {"data": "input"}}
    return block("h", h={"kind": "code", "shim": SHIM, "handler": "j", "source": handler(text), "input": given})


def _attempts(most: int) -> dict[str, Any]:
    return {"maximum_attempts": most, "initial_interval": 0.1, "backoff_coefficient": 1.0}


async def attempts(scene: Scene) -> Kept:
    """A step that fails in a first attempt of the run; what was completed is not done again."""
    scene.failures.append("down")
    calls = {"kind": "call", "executor": "team_flaky", "next": "ask"}
    body = block("before", before={"kind": "assign", "value": literal(1), "next": "call"}, call=calls, ask=wait("go"))
    run_id = await scene.runs.start(body, attempts=_attempts(3))
    await scene.runs.parked(run_id)
    await scene.runs.send(run_id, "go")
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def scheduled(scene: Scene) -> Kept:
    """Runs that begin later: one is left alone until then, one is woken before by an event, which is early for it."""
    alone, woken = [await _later(scene) for _ in range(2)]
    await scene.runs.send(woken, "go", "early")
    await scene.runs.parked(alone)
    await scene.runs.send(alone, "go")
    for run_id in (alone, woken):
        await scene.runs.ended(run_id)
    return {"": scene.run_workflow(alone), "woken": scene.run_workflow(woken)}


async def _later(scene: Scene) -> str:
    definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": block("w", w=wait("go"))})
    facts, moment = scene.runs.facts(), datetime.now(timezone.utc) + timedelta(seconds=1.5)
    await scene.runs.tidegate.start_run(definition, facts, {"n": 1}, start_at=moment)
    return facts.run_id


CORRELATED: dict[str, Flow] = {
    "correlated-late": late,
    "correlated-early": early,
    "correlated-timeout": timeout,
    "correlated-all": several,
    "correlated-continue-as-new": renewed,
    "mailbox-continue-as-new": mailbox_renewed,
    "send": send,
    "store": store,
    "code": code,
    "attempts": attempts,
    "scheduled": scheduled,
}
