"""The flows of events that start runs."""

from __future__ import annotations

import asyncio
import uuid

from definitions import ids
from tests.histories.scene import SUGGEST_AFTER, Flow, Kept, Scene
from tests.running import DIALECT, Runs, eventually
from tests.worker.listening import ended, plant, publish, toy, toy_language
from tests.worker.test_interpreter import block, path
from worker.fan_out import AT_ONCE


def organisation(scene: Scene) -> Runs:
    """One of its own: topics of others are in nobody's way."""
    return Runs(scene.runs.tidegate, f"{scene.runs.organisation}-{uuid.uuid4()}")


def of_run(org: Runs, run_id: str) -> str:
    return ids.run_workflow_id(DIALECT, org.organisation, run_id)


def fan_out(org: Runs, name: str, event_id: str) -> str:
    return ids.event_workflow_id(DIALECT, org.organisation, name, event_id)


async def publishing(scene: Scene) -> Kept:
    """A step starts two runs, one of which publishes what nobody hears; it goes by a key and to a run as well."""
    org = organisation(scene)
    with toy_language():
        quiet = block("p", p={"kind": "publish", "event": "unheard", "watch": True})
        for body in (quiet, block("a", a={"kind": "assign", "value": path("${input}")})):
            await toy(org, ["made"], body)
        step = {"kind": "publish", "event": "made", "payload": path("${input}"), "key": path("k"), "next": "dry"}
        run_id = await org.start(block("p", p=step, dry={"kind": "publish", "event": "made", "dry": True}), {"n": 1})
        made = (await org.ended(run_id)).records[0].output
        for started in made["started"]:
            await ended(org, started)
        event = fan_out(org, "made", made["event_id"])
        await eventually(scene.temporal.get_workflow_handle(event).describe, lambda seen: seen.close_time is not None)
    return {"": of_run(org, run_id), "event": event}


async def many(scene: Scene) -> Kept:
    """More listeners than are started at once."""
    org = organisation(scene)
    with toy_language():
        await plant(org, "e", 3 * AT_ONCE)
        sent = await publish(org, "e", {"n": 1}, event_id="many")
        await scene.temporal.get_workflow_handle(fan_out(org, "e", "many")).result()
        for run in sent.started:
            await ended(org, run.run_id)
    return {"": fan_out(org, "e", "many")}


async def topic(scene: Scene) -> Kept:
    """Subscribed to, withdrawn from, and not heard, until Temporal suggests to continue as new."""
    org = organisation(scene)
    workflow_id = ids.topic_workflow_id(DIALECT, org.organisation, "e")
    handle, number, first = scene.temporal.get_workflow_handle(workflow_id), 0, ""
    with toy_language():
        await publish(org, "e", event_id="unheard")
        while not first or (await handle.describe()).run_id == first:
            number += 1
            await org.tidegate.subscribe(DIALECT, org.organisation, "e", f"d{number % 5}")
            await org.tidegate.unsubscribe(DIALECT, org.organisation, "e", f"d{(number + 2) % 5}")
            described = await handle.describe()
            first = first or described.run_id
            # A topic is at least some seconds old when it continues.
            await asyncio.sleep(0 if described.history_length < SUGGEST_AFTER else 0.5)
        await publish(org, "e", event_id="unheard again")
    await eventually(handle.describe, lambda seen: not seen.raw_description.HasField("pending_workflow_task"))
    return {"": workflow_id}


EVENTS: dict[str, Flow] = {"publish": publishing, "fan-out-many": many, "topic": topic}
