"""Steps with blocks inside that a run comes back to: what is inside is visited anew, and taken for no repetition."""

from __future__ import annotations

import uuid
from typing import Any

from tests.running import Runs
from tests.worker.test_interpreter import block, literal, path, wait


def logic(source: Any) -> dict[str, Any]:
    return {"language": "json-logic", "source": source}


def around(kind: str, inner: dict[str, Any]) -> dict[str, Any]:
    body = block("in", **{"in": inner})
    return {
        "group": {"kind": "group", "body": body},
        "parallel": {"kind": "parallel", "branches": {"body": body}},
        "each": {"kind": "each", "items": literal([1]), "body": body},
    }[kind]


def thrice(step: dict[str, Any]) -> dict[str, Any]:
    """A block that comes back to the step until it has been visited three times."""
    more = {"if": [{"<": [{"var": "count"}, 3]}, "again", "enough"]}
    return block(
        "s",
        s={**step, "next": "count"},
        count={"kind": "assign", "value": logic({"+": [1, {"var": "count"}]}), "save": {"output": ["count"]}}
        | {"next": "more"},
        more={"kind": "route", "value": logic(more), "routes": {"again": "s"}, "otherwise": "end"},
        end={"kind": "assign", "value": path("${count}")},
    )


async def test_each_visit_has_an_idempotency_key_of_its_own(runs: Runs) -> None:
    key = literal(str(uuid.uuid4()))
    added = 0
    for kind in ("group", "parallel", "each"):
        step = around(kind, {"kind": "store", "operation": "increment", "key": key})
        snapshot = await runs.ended(await runs.start(thrice(step), data={"count": 0}))
        inside = [record for record in snapshot.records if record.step.endswith("/in")]
        assert [record.output for record in inside] == [added + 1, added + 2, added + 3]
        assert len({record.id for record in inside}) == 3
        added += 3


async def test_blocks_in_blocks_are_told_apart(runs: Runs) -> None:
    """The second visit of the outer step's first inner visit is not the first one's second."""
    store = {"kind": "store", "operation": "increment", "key": literal(str(uuid.uuid4()))}
    inner = thrice(around("group", store))
    reset = {"kind": "assign", "value": literal(0), "save": {"output": ["count"]}, "next": "s"}
    inner = {"start": "reset", "steps": {"reset": reset, **inner["steps"]}}
    outer = thrice({"kind": "group", "body": inner})
    snapshot = await runs.ended(await runs.start(outer, data={"count": 0}))
    outputs = [record.output for record in snapshot.records if record.step.endswith("/in")]
    assert outputs == list(range(1, 10))


async def test_waits_inside_are_waits_of_their_own(runs: Runs) -> None:
    run_id = await runs.start(thrice(around("each", wait("go", output="first"))), data={"count": 0})
    for n in range(3):
        await runs.parked(run_id)
        assert (await runs.send(run_id, "go", {"n": n})).completed
    snapshot = await runs.ended(run_id)
    outputs = [record.output for record in snapshot.records if record.step == "s"]
    assert outputs == [[{"n": n}] for n in range(3)]
