"""Tasks with tasks inside: strategies, results, and every type in every container."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.definitions.compozy.running import Workflows, tasks, tool
from tests.running import eventually
from tests.worker.activities.local_server import LocalServer, page

OK = "{id: ok, type: aggregate, outputs: {x: 1}}"
BAD = "{id: bad, type: aggregate, outputs: {x: '{{ fail \"as told\" }}'}}"
SLOW = "{id: slow, type: wait, wait_for: never}"


def progress(total: int, completed: int, failed: int, strategy: str) -> dict[str, Any]:
    return {"total_children": total, "completed_count": completed, "failed_count": failed, "strategy": strategy}


@pytest.mark.parametrize(
    ("strategy", "inside", "done"),
    [
        ("wait_all", [OK], (1, 1, 0)),
        ("wait_all", [OK, BAD], None),
        ("fail_fast", [SLOW, BAD], None),
        ("best_effort", [OK, BAD], (2, 1, 1)),
        ("best_effort", [BAD], None),
        ("race", [SLOW, OK], (2, 1, 0)),
        ("race", [BAD, OK], (2, 1, 1)),
    ],
)
async def test_strategies(
    flows: Workflows, strategy: str, inside: list[str], done: tuple[int, int, int] | None
) -> None:
    flow = tasks(f"[{{id: p, type: parallel, strategy: {strategy}, tasks: [{', '.join(inside)}]}}]")
    snapshot = await flows.ended(flow, status="succeeded" if done else "failed")
    if done is not None:
        wanted = {"outputs": {"ok": {"x": 1}}, "progress_info": progress(*done, strategy)}
        assert snapshot.output == {"p": {"output": wanted}}
    else:
        assert snapshot.data["tasks"]["p"]["status"] == "FAILED"


async def test_a_time_limit_of_a_container(flows: Workflows) -> None:
    flow = tasks(
        f"[{{id: p, type: parallel, timeout: 200ms, tasks: [{SLOW}, {OK}], on_error: {{next: late}}}}, "
        "{id: late, type: aggregate, outputs: {code: '{{ .tasks.p.error.code }}'}}]"
    )
    assert await flows.output(flow) == {"late": {"output": {"code": "step-timeout"}}}


async def test_a_container_s_outputs_may_name_the_tasks_inside(flows: Workflows) -> None:
    flow = tasks(
        """
        - {id: first, type: aggregate, outputs: {n: 1}, on_success: {next: p}}
        - id: p
          type: parallel
          with: {n: 5}
          tasks:
            - {id: a, type: aggregate, outputs: {n: '{{ .tasks.first.output.n }}', up: '{{ .parent.input.n }}'}}
            - {id: b, type: aggregate, outputs: {n: '{{ .parent.id }}', type: '{{ .parent.type }}'}}
          outputs:
            both: ['{{ .tasks.a.output.n }}', '{{ .tasks.b.output.n }}']
            up: '{{ .tasks.a.output.up }}'
            all: '{{ .output.outputs.b }}'
            done: '{{ .output.progress_info.completed_count }}'
        """,
        outputs={"p": "{{ .tasks.p.output }}"},
    )
    wanted = {"both": [1, "p"], "up": 5, "all": {"n": "p", "type": "parallel"}, "done": 2}
    assert await flows.output(flow) == {"p": wanted}


async def test_a_composite_goes_through_its_tasks_in_their_order(flows: Workflows) -> None:
    flow = tasks(
        """
        - id: c
          type: composite
          strategy: best_effort
          tasks:
            - {id: a, type: aggregate, outputs: {n: 1}}
            - {id: skipped, type: aggregate, condition: 'false', outputs: {n: 0}}
            - id: bad
              type: aggregate
              outputs: {n: '{{ fail "as told" }}'}
              on_error: {next: mended}
            - {id: never, type: aggregate, outputs: {n: 0}}
            - id: mended
              type: aggregate
              outputs: {n: '{{ .tasks.a.output.n }}', code: '{{ .tasks.bad.error.code }}'}
            - {id: last, type: aggregate, outputs: {n: '{{ .tasks.mended.output.n }}'}}
        """
    )
    outputs = {"a": {"n": 1}, "mended": {"n": 1, "code": "expression-failed"}, "last": {"n": 1}}
    wanted = {"outputs": outputs, "progress_info": progress(6, 3, 1, "sequential")}
    assert await flows.output(flow) == {"c": {"output": wanted}}


async def test_a_router_in_a_composite_goes_on_from_where_it_leads(flows: Workflows) -> None:
    flow = tasks(
        """
        - id: c
          type: composite
          tasks:
            - id: r
              type: router
              condition: input.to
              routes: {far: far, here: {type: aggregate, outputs: {x: here}}}
            - {id: near, type: aggregate, outputs: {x: near}}
            - {id: far, type: aggregate, outputs: {x: far}}
        """,
        outputs={"ran": '{{ omit .tasks.c.output.outputs "r" | keys | sortAlpha | join "," }}'},
    )
    assert await flows.output(flow, {"to": "far"}) == {"ran": "far"}
    assert await flows.output(flow, {"to": "here"}) == {"ran": "far,near,r-here"}


COLLECTIONS: list[tuple[str, Any, Any]] = [
    ("items: '{{ .input.list }}', task: {type: aggregate, outputs: {n: '{{ .item }}', at: '{{ .index }}'}}",
     [{"n": 5, "at": 0}, {"n": 6, "at": 1}, {"n": 7, "at": 2}], (3, 3, 0)),
    ("items: [1, '{{ index .input.list 0 }}'], mode: sequential, item_var: one, index_var: place, "
     "task: {type: aggregate, outputs: {n: ['{{ .one }}', '{{ .item }}', '{{ .place }}', '{{ .index }}']}}",
     [{"n": [1, 1, 0, 0]}, {"n": ["5", "5", 1, 1]}], (2, 2, 0)),
    ("items: '{{ .input.list }}', filter: item > 5, task: {type: aggregate, outputs: {n: '{{ .item }}'}}",
     [{"n": 6}, {"n": 7}], (2, 2, 0)),
    ("items: '{{ .input.list }}', filter: '{{ ne .item 6 }}', batch: 1, "
     "tasks: [{id: x, type: aggregate, outputs: {n: '{{ .item }}'}}, "
     "{id: y, type: aggregate, outputs: {n: '{{ .tasks.x.output.n }}'}}]",
     [{"x": {"n": 5}, "y": {"n": 5}}, {"x": {"n": 7}, "y": {"n": 7}}], (2, 2, 0)),
    ("items: '{{ .input.list }}', strategy: best_effort, "
     "task: {type: aggregate, outputs: {n: '{{ if eq .item 6 }}{{ fail \"as told\" }}{{ end }}{{ .item }}'}}",
     [{"n": "5"}, None, {"n": "7"}], (3, 2, 1)),
    ("items: [], task: {type: aggregate}", [], (0, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "outputs", "counts"), COLLECTIONS)
async def test_collections(flows: Workflows, text: str, outputs: Any, counts: tuple[int, int, int]) -> None:
    flow = tasks(f"[{{id: c, type: collection, {text}}}]")
    strategy = "best_effort" if "best_effort" in text else "wait_all"
    wanted = {"outputs": outputs, "progress_info": progress(*counts, strategy)}
    assert await flows.output(flow, {"list": [5, 6, 7]}) == {"c": {"output": wanted}}


async def test_a_router_decides_for_each_item(flows: Workflows) -> None:
    flow = tasks(
        """
        - id: c
          type: collection
          items: [1, 5]
          task:
            type: router
            condition: 'item > 3 ? "large" : "small"'
            routes:
              large: {type: aggregate, outputs: {large: '{{ .item }}'}}
              small: {type: aggregate, outputs: {small: '{{ .item }}'}}
        """,
        outputs={"all": "{{ .tasks.c.output.outputs }}"},
    )
    assert await flows.output(flow) == {"all": [{"small": 1}, {"large": 5}]}


async def test_items_that_are_no_list_fail_the_collection(flows: Workflows) -> None:
    flow = tasks("[{id: c, type: collection, items: '{{ .input }}', task: {type: aggregate}}]")
    assert (await flows.ended(flow, {"a": 1}, "failed")).error_code == "items-invalid"


async def test_a_thousand_items(flows: Workflows, web: LocalServer) -> None:
    web.on("/", lambda request: page({"n": request.json()["n"]}))
    flow = tasks(
        "[{id: c, type: collection, items: '{{ .input.list }}', "
        "task: {tool: echo, with: {n: '{{ .item }}'}, outputs: {n: '{{ .output.n }}'}}}]",
        tools=[tool(web.url())],
        outputs={"n": "{{ .tasks.c.output.progress_info.completed_count }}", "all": "{{ .tasks.c.output.outputs }}"},
    )
    run_id = await flows.start(flow, {"list": list(range(1_000))})
    await eventually(lambda: flows.runs.describe(run_id), lambda run: run.closed_at is not None, seconds=50)
    output = (await flows.runs.ended(run_id)).output
    assert output == {"n": 1_000, "all": [{"n": n} for n in range(1_000)]}


KINDS: dict[str, dict[str, Any]] = {
    "basic": {"tool": "echo", "with": {"n": 1}},
    "signal": {"type": "signal", "signal": {"id": "nobody-listens", "payload": {"n": 1}}},
    "wait": {"type": "wait", "wait_for": "go", "outputs": {"n": "{{ .signal.payload.n }}"}},
    "router": {"type": "router", "condition": "'x'", "routes": {"x": {"type": "aggregate", "outputs": {"n": 1}}}},
    "parallel": {"type": "parallel", "tasks": [{"id": "deep", "type": "aggregate", "outputs": {"n": 1}}]},
    "collection": {"type": "collection", "items": [1], "task": {"type": "aggregate", "outputs": {"n": "{{ .item }}"}}},
    "composite": {"type": "composite", "tasks": [{"id": "deep", "type": "aggregate", "outputs": {"n": 1}}]},
    "aggregate": {"type": "aggregate", "outputs": {"n": 1}},
}
CONTAINERS: dict[str, dict[str, Any]] = {
    "parallel": {"type": "parallel", "tasks": ["INNER"]},
    "composite": {"type": "composite", "tasks": ["INNER"]},
    "collection": {"type": "collection", "items": [1, 2], "task": "INNER"},
    "collection of sequences": {"type": "collection", "items": [1, 2], "mode": "sequential", "tasks": ["INNER"]},
    "composite in parallel": {
        "type": "parallel",
        "tasks": [{"id": "between", "type": "composite", "tasks": ["INNER"]}],
    },
    "parallel in collection": {
        "type": "collection",
        "items": [1],
        "task": {"id": "between", "type": "parallel", "tasks": ["INNER"]},
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("container", CONTAINERS)
async def test_every_type_in_every_container(flows: Workflows, web: LocalServer, container: str, kind: str) -> None:
    web.on("/", page({"n": 1}))
    text = json.dumps({"id": "outer", **CONTAINERS[container]})
    outer = json.loads(text.replace('"INNER"', json.dumps({"id": "inner", **KINDS[kind]})))
    run_id = await flows.start(tasks(yaml.safe_dump([outer]), tools=[tool(web.url())]))
    if kind == "wait":
        for _ in range(2 if container.startswith("collection") else 1):
            await flows.runs.parked(run_id)
            await flows.runs.send(run_id, "go", {"n": 1})
    snapshot = await flows.runs.ended(run_id)
    text = json.dumps(snapshot.output)
    assert '"signal_dispatched": true' in text if kind == "signal" else '"n": 1' in text
    assert snapshot.data["tasks"]["outer"]["status"] == "SUCCESS"


async def test_a_cancelled_workflow_ends_what_is_inside(flows: Workflows) -> None:
    flow = tasks(f"[{{id: p, type: parallel, tasks: [{{id: c, type: composite, tasks: [{SLOW}]}}, {OK}]}}]")
    run_id = await flows.start(flow)
    await flows.runs.parked(run_id)
    await flows.runs.handle(run_id).cancel()
    snapshot = await flows.runs.ended(run_id, "cancelled")
    assert [record.status for record in snapshot.records if record.step.endswith("slow")] == ["incomplete"]
