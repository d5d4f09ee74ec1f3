"""The flows of branches: links, actions that are planned, hooks, and a run's own store."""

from __future__ import annotations

import threading
from typing import Any

from definitions import contract
from definitions.contract import DeliveryOutcome, Event, RunSnapshot
from tests.histories.scene import SITE, Flow, Kept, Scene
from tests.linked import FIRST, operation
from tests.running import eventually
from tests.worker.activities.local_server import Page, Received, page
from tests.worker.sandbox.calls import CLASSES

Json = dict[str, Any]
#: The waits of the first action's first two plans.
LINK, OTHER = f"{FIRST}.1", f"{FIRST}.2"
#: Seconds: an action may not follow another sooner.
SOONEST = 10
INPUT = {"language": "passthrough", "source": {"data": "input"}}
GIVES = [operation("return", "${data}")]


def waits(action: str, seconds: float = 86400, **payload: Any) -> Json:
    return operation("link", {"action": action, "payload": payload, "seconds": seconds})


def plans(action: str, seconds: float = SOONEST, **payload: Any) -> Json:
    return operation("later", {"action": action, "payload": payload, "seconds": seconds})


async def started(scene: Scene, actions: dict[str, list[Json]], **step: Any) -> str:
    return await scene.runs.start(body(operations=actions, **step), {"data": {"orderId": "1001"}})


def body(**step: Any) -> Json:
    return {"start": "w", "steps": {"w": {"kind": "branches", "input": INPUT, **step}}}


async def called(scene: Scene, run_id: str, wait: str = LINK, payload: Any = None) -> DeliveryOutcome:
    event = Event(f"call-of-{wait}", contract.LINK, payload, has_payload=True, wait=wait)
    return await scene.runs.tidegate.deliver_link(scene.run_workflow(run_id), event)


def outputs(run: RunSnapshot, step: str) -> list[Any]:
    """What the visits of a step gave."""
    return [record.output for record in run.records if record.step == step and record.source == "engine"]


async def late(scene: Scene) -> Kept:
    """Two links, called long after their action has ended; one of them is still open in another run."""
    actions = {"start": [waits("yes", orderId="1001"), waits("no")], "yes": GIVES, "no": GIVES}
    called_one, still_open = [await started(scene, actions) for _ in range(2)]
    for run_id in (called_one, still_open):
        await scene.runs.parked(run_id, 2)
    await called(scene, called_one, LINK, {"by": "jane"})
    await called(scene, called_one, OTHER)
    ended = await scene.runs.ended(called_one)
    assert outputs(ended, "w/yes") == [{"value": {"orderId": "1001", "event": {"by": "jane"}}}]
    return {"": scene.run_workflow(called_one), "open": scene.run_workflow(still_open)}


async def early(scene: Scene) -> Kept:
    """The link is called while the action that has made it still runs; another that it never made, too."""
    used = threading.Event()

    def answer(request: Received) -> Page:
        assert used.wait(20)
        return page({"ok": True})

    scene.site.on("/slow", answer)
    slow = operation("call", {"url": f"{SITE}/slow", "body": {"orderId": "1001"}})
    run_id = await started(scene, {"start": [waits("on", orderId="1001"), slow], "on": GIVES})
    try:
        await eventually(lambda: _received(scene), bool)
        assert (await called(scene, run_id, LINK, "early")).status == "buffered"
        assert (await called(scene, run_id, f"{FIRST}.9", "never planned")).status == "buffered"
    finally:
        used.set()
    ended = await scene.runs.ended(run_id)
    assert outputs(ended, "w/on") == [{"value": {"orderId": "1001", "event": "early"}}]
    return {"": scene.run_workflow(run_id)}


async def _received(scene: Scene) -> list[Received]:
    return scene.site.received


async def expired(scene: Scene) -> Kept:
    """Nobody calls the link; what else the run waits for does not begin, nor does a hook."""
    actions = {"start": [plans("other", 86400), waits("on", 1)], "on": [], "other": [], "broke": []}
    run_id = await started(scene, actions, failed="broke")
    ended = await scene.runs.ended(run_id, "failed")
    assert "expired" in str(ended.error) and outputs(ended, "w/start") == [{"value": None}]
    return {"": scene.run_workflow(run_id)}


async def fan_out(scene: Scene) -> Kept:
    """Actions side by side, of which one is long in coming."""
    fan = [*(plans("item", number=number) for number in range(4)), plans("item", SOONEST + 1, number=4)]
    run_id = await started(scene, {"start": fan, "item": GIVES})
    assert len(outputs(await scene.runs.ended(run_id), "w/item")) == 5
    return {"": scene.run_workflow(run_id)}


async def chain(scene: Scene) -> Kept:
    """Actions that lead to one another, the last by a link."""
    actions = {"start": [plans("a")], "a": [plans("b", n=2)], "b": [waits("c", n=3)], "c": GIVES}
    run_id = await started(scene, actions)
    await eventually(lambda: scene.runs.snapshot(run_id), lambda found: bool(found.waits), 60)
    await called(scene, run_id, f"{FIRST}.1.1.1", "at last")
    assert outputs(await scene.runs.ended(run_id), "w/c") == [{"value": {"n": 3, "event": "at last"}}]
    return {"": scene.run_workflow(run_id)}


THROWS = """export class Workflow {
  async start(data, headers, api) { await api.scheduleNextStep({ delay: '10 sec', action: 'next', payload: {} }) }
  async next() { throw new Error('as it says') }
  async onFailed() { console.log('told') }
}"""


async def hooks(scene: Scene) -> Kept:
    """What is run at the end: of a run that completes, and of a class whose method throws."""
    completes = await started(scene, {"start": GIVES, "done": GIVES}, completed="done", failed="broke")
    given = {"data": {"orderId": "1001"}, "headers": {"x-a": "b"}}
    fails = await scene.runs.start(body(shim=CLASSES, source=THROWS, completed="onCompleted", failed="onFailed"), given)
    ended = await scene.runs.ended(completes)
    assert outputs(ended, "w/start") == [{"value": {"orderId": "1001"}}] and len(outputs(ended, "w/done")) == 1
    ended = await scene.runs.ended(fails, "failed")
    assert ended.error == "as it says (line 3)" and len(outputs(ended, "w/onFailed")) == 1
    return {"completed": scene.run_workflow(completes), "failed": scene.run_workflow(fails)}


async def run_store(scene: Scene) -> Kept:
    """Values that the actions of one run share; it continues as new, and has them still."""
    counts = [
        operation("store", {"operation": "increment", "key": "n", "value": 2}, **{"as": "n"}),
        operation("store", {"operation": "push", "key": "list", "value": "${n}"}),
        operation("store", {"operation": "get", "key": "list"}, **{"as": "list"}),
        operation("return", "${list}"),
    ]
    run_id = await started(scene, {"start": [*counts[:2], waits("on")], "on": counts})
    await scene.runs.parked(run_id)
    await scene.renew(run_id)
    await called(scene, run_id)
    ended = await scene.runs.ended(run_id)
    assert outputs(ended, "w/on") == [{"value": [2, 4]}]
    return {"": scene.run_workflow(run_id)}


async def renewed(scene: Scene) -> Kept:
    """The run continues as new while a link is open and an action is still to come."""
    actions = {"start": [plans("later"), waits("on", orderId="1001")], "on": GIVES, "later": GIVES}
    run_id = await started(scene, actions)
    await scene.runs.parked(run_id)
    await scene.renew(run_id)
    await called(scene, run_id, OTHER, "after")
    ended = await scene.runs.ended(run_id)
    assert len(outputs(ended, "w/on")) == len(outputs(ended, "w/later")) == 1
    return {"": scene.run_workflow(run_id)}


async def cancelled(scene: Scene) -> Kept:
    """A run is cancelled while a link is open: its hooks are not called."""
    run_id = await started(scene, {"start": [waits("on")], "on": [], "done": []}, completed="done", failed="done")
    await scene.runs.parked(run_id)
    await scene.runs.handle(run_id).cancel()
    await scene.runs.ended(run_id, "cancelled")
    return {"": scene.run_workflow(run_id)}


async def by_signal(scene: Scene) -> Kept:
    """An operator resumes in place of the link's caller: by a signal that is named as the action."""
    run_id = await started(scene, {"start": [waits("on", orderId="1001")], "on": GIVES})
    await scene.runs.parked(run_id)
    await scene.runs.handle(run_id).signal("on", {"by": "operator"})
    ended = await scene.runs.ended(run_id)
    assert outputs(ended, "w/on") == [{"value": {"orderId": "1001", "event": {"by": "operator"}}}]
    return {"": scene.run_workflow(run_id)}


BRANCHES: dict[str, Flow] = {
    "link-late": late,
    "link-early": early,
    "link-expired": expired,
    "link-continue-as-new": renewed,
    "link-cancelled": cancelled,
    "link-by-signal": by_signal,
    "branches-fan-out": fan_out,
    "branches-chain": chain,
    "branches-hooks": hooks,
    "branches-store": run_store,
}
