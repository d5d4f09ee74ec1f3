"""The flows that are recorded: each plays one thing that a run or an entity does, and says which workflows to keep."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from definitions import contract, ids
from tests.histories.branch_flows import BRANCHES
from tests.histories.correlated_flows import CORRELATED
from tests.histories.event_flows import EVENTS
from tests.histories.scene import SUGGEST_AFTER, VENDOR, Flow, Kept, Scene, vendors_text
from tests.running import eventually
from tests.worker.test_interpreter import block, literal, path, wait

APPROVE = {"approved": True}


def deadline(then: str, **more: Any) -> dict[str, Any]:
    return block("ask", ask=wait("go", deadline={"after": 0.2, "then": then, **more}, next="after"), **AFTER)


AFTER = {"after": {"kind": "assign", "value": literal("after")}, "other": {"kind": "assign", "value": literal("other")}}


async def approval_flow(scene: Scene) -> Kept:
    for function in ("send-approval-request", "run-deployment"):
        scene.lambdas.on(function, {})
    run_id = await scene.start_vendors(vendors_text("approval-flow"), {"prId": "7"}, "approval-flow")
    await scene.vendors_parked(run_id)
    await scene.send_vendors(run_id, "manager-approved", APPROVE)
    await scene.vendors_ended(run_id)
    return {"": scene.run_workflow(run_id, VENDOR)}


async def multi_event_wait(scene: Scene) -> Kept:
    runs = scene.runs
    run_id = await runs.start(block("ask", ask=wait("a", "b", "c", need=2, deadline={"after": 3600})))
    await runs.parked(run_id)
    for name in ("c", "unrelated", "a"):
        await runs.send(run_id, name, {"from": name})
    await runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def early_event(scene: Scene) -> Kept:
    runs = scene.runs
    body = block("first", first=wait("one", next="second"), second=wait("two", next="third"), third=wait("two"))
    run_id = await runs.start(body)
    await runs.parked(run_id)
    await runs.send(run_id, "two", {"n": 2})
    await runs.send(run_id, "one")
    await eventually(lambda: runs.snapshot(run_id), lambda s: s.next_step == "third")
    await runs.send(run_id, "two")
    await runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def deadlines(scene: Scene) -> Kept:
    bodies = {then: deadline(then) for then in ("fail", "continue", "cancel")}
    bodies["goto"] = deadline("goto", step="other")
    started = {then: await scene.runs.start(body) for then, body in bodies.items()}
    ends = {"fail": "failed", "cancel": "cancelled"}
    for then, run_id in started.items():
        await scene.runs.ended(run_id, ends.get(then, "succeeded"))
    return {then: scene.run_workflow(run_id) for then, run_id in started.items()}


async def raw_signals(scene: Scene) -> Kept:
    runs = scene.runs
    run_id = await runs.start(
        block("ask", ask=wait("go", payload={"object_only": True}, next="last"), last=wait("end"))
    )
    await runs.parked(run_id)
    handle = runs.handle(run_id)
    for name, args in (
        ("go", ["not an object"]),
        (contract.DELIVER, [5]),
        ("tidegate:unknown", []),
        ("unrelated", [{"n": 1}]),
        (contract.DELIVER, [{"id": "by-hand", "name": "go", "payload": APPROVE, "has_payload": True}]),
        (contract.DELIVER, [{"id": "by-hand", "name": "end"}]),
        ("end", []),
    ):
        await handle.signal(name, args=args)
    await runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def parallel(scene: Scene) -> Kept:
    runs = scene.runs
    branches = {
        "asks": block("w", w=wait("go", next="s"), s={"kind": "sleep", "seconds": 0.1}),
        "calls": block("c", c={"kind": "call", "executor": "team_flaky"}),
        "computes": block("x", x={"kind": "assign", "value": literal(1)}),
        "fails": block("x", x={"kind": "assign", "value": path("${nothing}")}),
        "sleeps": block("s", s={"kind": "sleep", "seconds": 0.1}),
    }
    racing = {name: block("w", w=wait(name, deadline={"after": 3600})) for name in ("left", "right")}
    best = await runs.start(block("p", p={"kind": "parallel", "branches": branches, "strategy": "best_effort"}))
    race = await runs.start(block("p", p={"kind": "parallel", "branches": racing, "strategy": "race"}))
    await runs.parked(best)
    await runs.parked(race, 2)
    await runs.send(best, "go")
    await runs.send(race, "right", {"won": True})
    await asyncio.gather(runs.ended(best), runs.ended(race))
    return {"best-effort": scene.run_workflow(best), "race": scene.run_workflow(race)}


async def each(scene: Scene) -> Kept:
    body = block("call", call={"kind": "call", "executor": "team_flaky", "input": path("${item}")})
    step = {"kind": "each", "items": path("${input}"), "body": body, "at_once": 2}
    run_id = await scene.runs.start(block("all", all=step), ["a", "b", "c"])
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


def child_step(children: list[dict[str, Any]]) -> str:
    anything = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}
    items = {"type": "array", "items": {"$ref": "#/definitions/any"}}
    given = {"type": "object", "properties": {"items": items}, "required": ["items"], "additionalProperties": False}
    details = {"type": "/justworkflowit/runChildJob", "config": {"children": children}}
    step = {"name": "spawn", "integrationDetails": {**details, **refs("workflowInput")}, "transitionToStep": None}
    return json.dumps(
        {"workflowName": "parent", "steps": [step], "definitions": {"workflowInput": given, "any": anything}}
    )


def refs(given: str) -> dict[str, Any]:
    return {
        "inputDefinition": {"$ref": f"#/definitions/{given}"},
        "outputDefinition": {"$ref": "#/definitions/any"},
    }


def child_text(event: str) -> str:
    anything = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}
    details = {"type": "/justworkflowit/waitForEventIds", "config": {"eventIds": [event]}, **refs("any")}
    step = {"name": "gate", "integrationDetails": details, "transitionToStep": None}
    return json.dumps(
        {"workflowName": "child", "steps": [step], "definitions": {"any": anything, "workflowInput": anything}}
    )


async def children(scene: Scene) -> Kept:
    """A parent of two that continues as new between their ends: Temporal tells of one, an activity of the other."""
    await scene.publish("child", child_text("go"))
    live = {"workflowName": "child", "workflowVersion": {"tag": "$LIVE"}}
    each_item = [{"id": "all", **live, "forEach": {"arrayPath": "workflowInput.items"}}]
    parent = await scene.start_vendors(child_step(each_item), {"items": [{"n": 1}, {"n": 2}]}, "parent")
    client, organisation = scene.runs.tidegate, scene.runs.organisation
    found = await eventually(lambda: client.list_children(VENDOR, organisation, parent), lambda c: len(c) == 2)
    child_ids = sorted(child.facts.run_id for child in found)
    for child_id in child_ids:
        await scene.vendors_parked(child_id)
    await scene.send_vendors(child_ids[0], "go", {"n": 1})
    await scene.vendors_ended(child_ids[0])
    workflow_id = scene.run_workflow(parent, VENDOR)
    before = (await client.describe_workflow(workflow_id)).temporal_run_id
    await scene.temporal.get_workflow_handle(workflow_id).signal(contract.CONTINUE_AS_NEW)
    await eventually(lambda: client.describe_workflow(workflow_id), lambda d: d.temporal_run_id != before)
    await scene.send_vendors(child_ids[1], "go")
    await scene.vendors_ended(parent)
    return {"parent": workflow_id, "child": scene.run_workflow(child_ids[0], VENDOR)}


async def continue_as_new(scene: Scene) -> Kept:
    runs = scene.runs
    asks = wait("a", "b", deadline={"after": 3600}, save={"output": ["got"]}, next="second")
    run_id = await runs.start(block("first", first=asks, second=wait("c")), {"n": 1})
    await runs.parked(run_id)
    await runs.send(run_id, "c", {"early": True}, id="early")
    await runs.send(run_id, "a", id="first")
    await scene.renew(run_id)
    await runs.send(run_id, "a", id="first")
    await runs.send(run_id, "b", id="second")
    await runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def suggested(scene: Scene) -> Kept:
    """Temporal itself finds the history long enough."""
    runs = scene.runs
    run_id = await runs.start(block("ask", ask=wait("go")))
    first = (await runs.parked(run_id)) and (await runs.describe(run_id)).temporal_run_id
    number = 0
    while (await runs.describe(run_id)).temporal_run_id == first:
        number += 1
        await runs.send(run_id, "other", id=f"other-{number}")
        await asyncio.sleep(0.1)  # it follows after a short timer; what is sent meanwhile makes the file long
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    await runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def failed_and_resumed(scene: Scene) -> Kept:
    runs, client = scene.runs, scene.runs.tidegate
    calls = {"kind": "call", "executor": "team_flaky", "input": path("${input}"), "next": "ask"}
    run_id = await runs.start(block("call", call=calls, ask=wait("go")), {"n": 1})
    scene.failures.append("the team's service is down")
    await runs.ended(run_id, "failed")
    closed = (await runs.describe(run_id)).temporal_run_id
    await client.resume_run("native", runs.organisation, run_id, request_id="again")
    await runs.parked(run_id)
    await runs.send(run_id, "go")
    await runs.ended(run_id)
    workflow_id = scene.run_workflow(run_id)
    return {"": workflow_id, "claim": ids.resume_workflow_id(workflow_id, closed)}


async def cancelled(scene: Scene) -> Kept:
    runs = scene.runs
    run_id = await runs.start(block("ask", ask=wait("a", "b", deadline={"after": 3600})))
    await runs.parked(run_id)
    await runs.send(run_id, "a", APPROVE)
    await runs.tidegate.cancel_run("native", runs.organisation, run_id, request_id="stop")
    await runs.ended(run_id, "cancelled")
    return {"": scene.run_workflow(run_id)}


async def json_logic_loop(scene: Scene) -> Kept:
    scene.lambdas.on("build-release", {"version": "1.0"}, {"version": "1.1"})
    scene.lambdas.on("probe-release", {"health": "bad", "attempt": 1}, {"health": "good", "attempt": 2})
    scene.lambdas.on("announce-release", {})
    text = vendors_text("release-until-healthy")
    run_id = await scene.start_vendors(text, {"service": "shop"}, "release-until-healthy")
    await scene.vendors_ended(run_id)
    return {"": scene.run_workflow(run_id, VENDOR)}


async def team_executor_retries(scene: Scene) -> Kept:
    scene.failures.extend(["down", "down"])
    retry = {"maximum_attempts": 3, "initial_interval": 0.05}
    step = {"kind": "call", "executor": "team_flaky", "input": path("${input}"), "retry": retry, "timeout": 5}
    run_id = await scene.runs.start(block("call", call=step), {"n": 1})
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def on_error(scene: Scene) -> Kept:
    scene.failures.append("down")
    calls = {"kind": "call", "executor": "team_flaky", "on_error": "say"}
    says = {"kind": "assign", "value": path("${error.code}"), "next": "stop"}
    stops = {"kind": "end", "outcome": "failed", "message": "as the definition says"}
    run_id = await scene.runs.start(block("call", call=calls, say=says, stop=stops))
    await scene.runs.ended(run_id, "failed")
    return {"": scene.run_workflow(run_id)}


async def secret(scene: Scene) -> Kept:
    organisation = scene.runs.organisation
    await scene.runs.tidegate.put_secret(organisation, "token", scene.box.seal(organisation, "token", "never-recorded"))
    step = {"kind": "call", "executor": "team_flaky", "secrets": {"apiToken": "token"}}
    run_id = await scene.runs.start(block("call", call=step))
    await scene.runs.ended(run_id)
    return {"": scene.run_workflow(run_id)}


async def parked(scene: Scene) -> Kept:
    """Still open: what a worker of a later release finds."""
    branches = {
        "left": block("w", w=wait("left", deadline={"after": 86400, "then": "continue"})),
        "right": block("s", s={"kind": "sleep", "seconds": 86400}),
    }
    run_id = await scene.runs.start(block("p", p={"kind": "parallel", "branches": branches}))
    await scene.runs.parked(run_id)
    return {"": scene.run_workflow(run_id)}


async def definition_entity(scene: Scene) -> Kept:
    """Versions and tags, until Temporal suggests to continue as new."""
    client, organisation = scene.runs.tidegate, scene.runs.organisation
    definition_id = await scene.publish("catalogued", child_text("first"))
    workflow_id = ids.definition_workflow_id(VENDOR, organisation, definition_id)
    first = (await scene.temporal.get_workflow_handle(workflow_id).describe()).run_id
    for number in (1, 2, 2):
        text = child_text(f"event-{number}")
        await client.add_version(VENDOR, organisation, definition_id, text, str(number), unless_tag="$LATEST")
        await client.set_tag(VENDOR, organisation, definition_id, "$LATEST", number + 1)

    handle = scene.temporal.get_workflow_handle(workflow_id)
    number = 0
    while (described := await handle.describe()).run_id == first:
        # An entity is at least some seconds old when it continues; it looks whenever it is changed.
        await asyncio.sleep(0 if described.history_length < SUGGEST_AFTER else 0.5)
        number += 1
        await client.set_tag(VENDOR, organisation, definition_id, "moving", number % 2 + 1)
    return {"": workflow_id}


FLOWS: dict[str, Flow] = {
    "approval-flow": approval_flow,
    "multi-event-wait": multi_event_wait,
    "early-event": early_event,
    "deadline": deadlines,
    "raw-signals": raw_signals,
    "parallel": parallel,
    "each": each,
    "children": children,
    "continue-as-new": continue_as_new,
    "continue-as-new-suggested": suggested,
    "failed-and-resumed": failed_and_resumed,
    "cancelled": cancelled,
    "json-logic-loop": json_logic_loop,
    "team-executor-retries": team_executor_retries,
    "on-error": on_error,
    "secret": secret,
    "parked": parked,
    "definition": definition_entity,
    **CORRELATED,
    **BRANCHES,
    **EVENTS,
}
