"""Child runs: started together, awaited over continue-as-new, kept and resumed with their parent."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

from definitions import contract, ids
from definitions.contract import RunSnapshot
from definitions.dialects import DIALECTS
from definitions.model import Definition
from tests.running import Runs, eventually
from worker.client import RunDescription

DIALECT = "justworkflowit"
ANY = {"type": "object", "properties": {"n": {"type": "number"}}}


def step(name: str, kind: str, config: dict[str, Any] | None, following: str | None = None) -> dict[str, Any]:
    details: dict[str, Any] = {
        "type": f"/justworkflowit/{kind}",
        "inputDefinition": {"$ref": "#/definitions/workflowInput"},
    }
    details["outputDefinition"] = {"$ref": "#/definitions/any"}
    if config is not None:
        details["config"] = config
    return {"name": name, "integrationDetails": details, "transitionToStep": following}


def text(name: str, *steps: dict[str, Any]) -> str:
    items = {"type": "array", "items": {"type": "object"}}
    top = (
        {"type": "object", "properties": {"items": items}, "required": ["items"]}
        if name == "parent"
        else {"type": "object"}
    )
    definitions = {"workflowInput": top, "any": {"type": "object"}}
    return json.dumps({"workflowName": name, "steps": list(steps), "definitions": definitions})


async def register(runs: Runs, name: str, definition: str) -> None:
    client, org = runs.tidegate, runs.organisation
    facts = await client.register_definition(DIALECT, org, name, request_id=name)
    sha = hashlib.sha256(definition.encode()).hexdigest()
    version = await client.add_version(DIALECT, org, facts.definition_id, definition, sha, unless_tag="$LIVE")
    await client.set_tag(DIALECT, org, facts.definition_id, "$LIVE", version.number)


class Family:
    """One parent of one organisation, and its children."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    async def start(self, children: list[dict[str, Any]], input: Any, wait: bool = True) -> None:
        child = step("w", "waitForEventIds", {"eventIds": ["go"]}) if wait else step("n", "noop", None)
        await register(self.runs, "child", text("child", child))
        definition: Definition = DIALECTS[DIALECT].compile_text(
            text("parent", step("spawn", "runChildJob", {"children": children}))
        )
        facts = self.runs.facts("parent")
        facts.dialect = DIALECT
        self.run_id = facts.run_id
        await self.runs.tidegate.start_run(definition, facts, input)

    async def describe(self) -> RunDescription:
        return await self.runs.tidegate.describe_run(DIALECT, self.runs.organisation, self.run_id)

    async def snapshot(self) -> RunSnapshot:
        return await self.runs.tidegate.snapshot(DIALECT, self.runs.organisation, self.run_id)

    async def children(self, count: int) -> list[RunDescription]:
        async def read() -> list[RunDescription]:
            return await self.runs.tidegate.list_children(DIALECT, self.runs.organisation, self.run_id)

        return await eventually(read, lambda found: len(found) == count)

    async def send(self, child: RunDescription, payload: Any = None) -> None:
        event = contract.Event(
            id=f"e-{child.facts.run_id}", name="go", payload=payload, has_payload=payload is not None
        )
        await self.runs.tidegate.deliver(DIALECT, self.runs.organisation, child.facts.run_id, event)

    async def ended(self, status: str = "succeeded") -> RunSnapshot:
        await eventually(self.describe, lambda d: d.closed_at is not None)
        snapshot = await self.snapshot()
        assert snapshot.status == status, snapshot
        return snapshot

    async def renew(self) -> None:
        before = (await self.describe()).temporal_run_id
        workflow_id = ids.run_workflow_id(DIALECT, self.runs.organisation, self.run_id)
        await self.runs.tidegate.temporal.get_workflow_handle(workflow_id).signal(contract.CONTINUE_AS_NEW)
        await eventually(self.describe, lambda d: d.temporal_run_id != before and d.status == "running")


LIVE = {"workflowName": "child", "workflowVersion": {"tag": "$LIVE"}}
FOR_EACH = [{"id": "all", **LIVE, "forEach": {"arrayPath": "workflowInput.items"}}]


async def test_children_of_every_kind_of_reference(runs: Runs) -> None:
    family = Family(runs)
    await family.start(
        [{"id": "a", **LIVE}, {"id": "b", "workflowName": "child", "workflowVersion": {"versionNumber": 1}}],
        {"items": []},
    )
    for child in await family.children(2):
        assert ids.is_child(child.facts.run_id)
        assert child.facts.parent is not None and child.facts.parent.run_id == family.run_id
        await family.send(child, {"n": 1})
    output = (await family.ended()).output["children"]
    assert [(c["id"], c["status"], c["output"]) for c in output] == [
        ("a", "succeeded", {"n": 1}),
        ("b", "succeeded", {"n": 1}),
    ]


async def test_one_child_for_each_item_with_the_item_as_input(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{"n": n} for n in range(30)]}, wait=False)
    output = (await family.ended()).output["children"]
    assert [(c["index"], c["definition"]) for c in output] == [(n, "child") for n in range(30)]


async def test_no_items_is_no_child(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": []}, wait=False)
    assert (await family.ended()).output == {"children": []}


async def test_an_unknown_definition_fails_the_step(runs: Runs) -> None:
    family = Family(runs)
    await family.start([{"workflowName": "nobody", "workflowVersion": {"tag": "$LIVE"}}], {"items": []})
    error = (await family.ended("failed")).error
    assert error is not None and "nobody" in error


async def test_children_are_awaited_over_continue_as_new(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}, {}, {}]})
    children = await family.children(3)
    await family.send(children[0], {"n": 0})
    await family.renew()
    await family.send(children[1], {"n": 1})
    await family.renew()
    await family.send(children[2], {"n": 2})
    output = (await family.ended()).output["children"]
    assert sorted(c["output"]["n"] for c in output) == [0, 1, 2]


async def test_children_keep_their_order_over_continue_as_new(runs: Runs) -> None:
    family = Family(runs)
    await family.start([{"id": "z", **LIVE}, *FOR_EACH], {"items": [{}] * 11})
    children = await family.children(12)
    await family.renew()
    for child in children:
        await family.send(child, {})
    output = (await family.ended()).output["children"]
    assert [(c["id"], c.get("index")) for c in output] == [("z", None), *(("all", index) for index in range(11))]


async def test_a_failed_child_fails_its_parent_which_resumes_only_that_child(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}, {}]})
    first, second = await family.children(2)
    await family.send(first, {"n": 1})
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, second.facts.run_id)
    error = (await family.ended("failed")).error
    assert error is not None and "cancelled" in error
    await runs.tidegate.resume_run(DIALECT, runs.organisation, family.run_id)

    async def latest() -> RunDescription:
        return await runs.tidegate.describe_run(DIALECT, runs.organisation, second.facts.run_id)

    await eventually(latest, lambda d: d.status == "running")
    await family.send(second, {"n": 2})
    output = (await family.ended()).output["children"]
    assert sorted(c["output"]["n"] for c in output) == [1, 2]
    untouched = await runs.tidegate.describe_run(DIALECT, runs.organisation, first.facts.run_id)
    assert untouched.temporal_run_id == first.temporal_run_id


async def test_children_outlive_a_cancelled_parent_and_a_resumed_one_awaits_them(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{}, {}]})
    children = await family.children(2)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, family.run_id)
    await family.ended("cancelled")
    assert [c.status for c in await family.children(2)] == ["running", "running"]
    await family.send(children[0], {"n": 1})
    await runs.tidegate.resume_run(DIALECT, runs.organisation, family.run_id)
    await family.send(children[1], {"n": 2})
    assert len((await family.ended()).output["children"]) == 2


async def test_many_children(runs: Runs) -> None:
    family = Family(runs)
    await family.start(FOR_EACH, {"items": [{"n": n} for n in range(200)]}, wait=False)
    assert len((await asyncio.wait_for(family.ended(), 50)).output["children"]) == 200
