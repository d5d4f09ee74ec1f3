"""What workflows do: transitions, containers in each other, failures, and what later tasks can see of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions.compozy.running import Workflows, tasks, tool
from tests.worker.activities.local_server import LocalServer, Page, page

FAILING = '{{ fail "as told" }}'


@pytest.mark.parametrize(
    ("text", "more", "given", "output"),
    [
        # Without a transition the workflow ends; the default output is that of all tasks.
        (
            "[{id: a, type: aggregate, outputs: {x: 1}}, {id: b, type: aggregate}]",
            {},
            None,
            {"a": {"output": {"x": 1}}},
        ),
        (
            "[{id: a, type: aggregate, outputs: {x: '{{ .input.n }}'}, on_success: {next: b}}, "
            "{id: b, type: aggregate, outputs: {y: '{{ .tasks.a.output.x }}'}}]",
            {"outputs": {"y": "{{ .tasks.b.output.y }}", "text": "n={{ .workflow.input.n }}"}},
            {"n": 5},
            {"y": 5, "text": "n=5"},
        ),
        # `with` is the task's input; what the way to it adds has the last word.
        (
            "[{id: a, type: aggregate, outputs: {x: 1}, on_success: {next: b, with: {q: '{{ .output.x }}', r: 2}}}, "
            "{id: b, type: aggregate, with: {p: '{{ .workflow.input.p }}', q: 9}, "
            "outputs: {all: '{{ .input }}', q: '{{ .with.q }}'}}]",
            {"outputs": {"b": "{{ .tasks.b.output }}"}},
            {"p": "P"},
            {"b": {"all": {"p": "P", "q": 1, "r": 2}, "q": 1}},
        ),
        # env: the task's over the workflow's over the config's.
        (
            "[{id: a, type: aggregate, env: {B: b2, C: '{{ .env.A }}c'}, outputs: {e: '{{ .env }}'}}]",
            {"env": {"A": "a", "B": "b"}, "config": {"env": {"A": "0", "Z": "z"}}},
            None,
            {"a": {"output": {"e": {"A": "a", "B": "b2", "C": "ac", "Z": "z"}}}},
        ),
        # Defaults of the input's properties, wherever the input is named.
        (
            "[{id: a, type: aggregate, condition: workflow.input.n == 3, "
            "outputs: {n: '{{ .workflow.input.n }}{{ .input.n }}', m: '{{ .input.m }}'}}]",
            {"config": {"input": {"type": "object", "required": ["n"], "properties": {"n": {"default": 3}}}}},
            {"m": 4},
            {"a": {"output": {"n": "33", "m": 4}}},
        ),
        # What has started a workflow that has triggers.
        (
            "[{id: a, type: aggregate, outputs: {n: '{{ .trigger.payload.n }}'}}]",
            {"triggers": [{"type": "signal", "name": "go"}]},
            {"n": 4},
            {"a": {"output": {"n": 4}}},
        ),
        # What is always there.
        (
            "[{id: a, type: aggregate, outputs: {w: '{{ .workflow.id }} {{ .workflow.version }}', t: '{{ .task.id }}', "
            "e: '{{ .trigger }}{{ .tools }}{{ .agents }}{{ .env }}'}}]",
            {"version": "1.2"},
            None,
            {"a": {"output": {"w": "flow 1.2", "t": "a", "e": "map[]map[]map[]map[]"}}},
        ),
        # A condition that is false leaves the task out.
        (
            "[{id: a, type: aggregate, condition: input.n > 3, outputs: {x: 1}, on_success: {next: b}}, "
            "{id: b, type: aggregate, condition: '{{ gt .input.n 1.0 }}', outputs: {x: 2}}]",
            {},
            {"n": 2},
            {"b": {"output": {"x": 2}}},
        ),
        # Aliases of ids, and `result`.
        (
            "[{id: a-b, type: aggregate, outputs: {x: 1}, on_success: {next: c}}, "
            "{id: c, type: aggregate, outputs: {x: '{{ .tasks.a_b.result.x }}', y: '{{ .tasks.a-b.output.x }}'}}]",
            {"outputs": {"c": "{{ .tasks.c.result }}"}},
            None,
            {"c": {"x": 1, "y": 1}},
        ),
        # So in conditions, but not in the texts in them.
        (
            "[{id: a-b, type: aggregate, outputs: {x: 'tasks.a_b'}, on_success: {next: c}}, "
            '{id: c, type: router, condition: \'tasks.a_b.result.x == "tasks.a_b" && tasks["a-b"].output.x != ""\', '
            "routes: {'true': d}}, {id: d, type: aggregate, outputs: {x: 1}}]",
            {"outputs": {"d": "{{ .tasks.d.output.x }}"}},
            None,
            {"d": 1},
        ),
        # What other tasks were given.
        (
            "[{id: a-b, type: aggregate, with: {n: 1}, on_success: {next: c}}, {id: c, type: aggregate, "
            "condition: 'tasks[\"a-b\"].input.n == 1 && tasks.a_b.input.n == 1', "
            "outputs: {n: '{{ .tasks.a_b.input.n }}', m: '{{ (index .tasks \"a-b\").input.n }}'}}]",
            {"outputs": {"c": "{{ .tasks.c.output }}"}},
            None,
            {"c": {"n": 1, "m": "1"}},
        ),
        # The schema of a task's output.
        (
            "[{id: a, type: aggregate, outputs: {x: one}, output: {properties: {x: {type: integer}}}, "
            "on_error: {next: b}}, {id: b, type: aggregate, outputs: {e: '{{ .tasks.a.error.message }}'}}]",
            {},
            None,
            {"b": {"output": {"e": "the output does not fit its schema: $.x: 'one' is not of type 'integer'"}}},
        ),
        # A router, by id, by a task written within it, and by default.
        *(
            (
                "[{id: r, type: router, condition: input.to, default: other, "
                "routes: {b: b, c: {type: aggregate, outputs: {x: c}}, 'true': b}}, "
                "{id: b, type: aggregate, outputs: {x: b}}, {id: other, type: aggregate, outputs: {x: other}}]",
                {"outputs": {"ran": '{{ omit .tasks "r" | keys | sortAlpha | first }}', "r": "{{ .tasks.r.output }}"}},
                {"to": to},
                {"ran": ran, "r": {"condition": "input.to", "route_taken": to, "router_type": "conditional"}},
            )
            for to, ran in (("b", "b"), ("c", "r-c"), ("?", "other"), (True, "b"))
        ),
        # `on_error` of a task, and of the workflow.
        (
            f"[{{id: a, type: aggregate, outputs: {{x: '{FAILING}'}}, on_error: {{next: b}}}}, "
            "{id: b, type: aggregate, outputs: {code: '{{ .tasks.a.error.code }}', status: '{{ .tasks.a.status }}'}}]",
            {"outputs": {"b": "{{ .tasks.b.output }}"}},
            None,
            {"b": {"code": "expression-failed", "status": "FAILED"}},
        ),
        (
            f"[{{id: a, type: aggregate, outputs: {{x: '{FAILING}'}}}}, {{id: b, type: aggregate, outputs: {{x: 1}}}}]",
            {"config": {"on_error": {"next": "b"}}},
            None,
            {"b": {"output": {"x": 1}}},
        ),
        # The schema of a task's input.
        (
            "[{id: a, type: aggregate, with: {n: x}, input: {type: object, properties: {n: {type: integer}}}, "
            "outputs: {x: 1}, on_error: {next: b}}, "
            "{id: b, type: aggregate, outputs: {e: '{{ .tasks.a.error.message }}'}}]",
            {},
            None,
            {"b": {"output": {"e": "the input does not fit its schema: $.n: 'x' is not of type 'integer'"}}},
        ),
    ],
)
async def test_workflows(flows: Workflows, text: str, more: dict[str, Any], given: Any, output: Any) -> None:
    assert await flows.output(tasks(text, **more), given) == output


async def test_a_tool_is_given_what_the_task_is_and_its_answer_is_the_output(
    flows: Workflows, web: LocalServer
) -> None:
    web.on("/echo", lambda request: page({"said": request.json()}))
    web.on("/text", Page(body=b"done", headers={"Content-Type": "text/plain"}))
    web.on("/none", Page(204))
    flow = tasks(
        "[{id: a, tool: echo, with: {n: '{{ .workflow.input.n }}'}, outputs: {n: '{{ .output.said.n }}', "
        "was: '{{ .input.n }}'}, on_success: {next: b}}, "
        "{id: b, tool: text, on_success: {next: c}}, {id: c, tool: none}]",
        tools=[tool(web.url("/echo")), tool(web.url("/text"), "text"), tool(web.url("/none"), "none")],
    )
    assert await flows.output(flow, {"n": 3}) == {
        "a": {"output": {"n": 3, "was": 3}},
        "b": {"output": {"text": "done"}},
        "c": {"output": {}},
    }
    assert [request.body for request in web.received] == [b'{"n":3}', b"{}", b"{}"]
    assert web.received[0].headers["idempotency-key"].endswith("/a/1")


async def test_an_agent_is_told_its_action_and_prompt(flows: Workflows, web: LocalServer) -> None:
    web.on("/agent", page({"ok": True}))
    web.on("/v1/chat/completions", page({"choices": [{"message": {"content": '{"mood": "good"}'}}]}))
    chat = {
        "id": "chat",
        "type": "chat",
        "model": "small",
        "instructions": "Be kind to {{ .workflow.input.name }}.",
        "config": {"base_url": web.url("/v1"), "temperature": 0},
        "actions": [{"id": "greet", "prompt": "Greet {{ .input.name }}."}],
    }
    flow = tasks(
        "[{id: a, agent: plain, action: greet, prompt: 'Hi {{ .input.name }}', with: {name: Ada}, "
        "on_success: {next: b}}, "
        "{id: b, agent: chat, action: greet, prompt: Now., with: {name: Bob}}]",
        agents=[tool(web.url("/agent"), "plain"), chat],
        outputs={"b": "{{ .tasks.b.output.mood }}"},
    )
    assert await flows.output(flow, {"name": "Eve"}) == {"b": "good"}
    first, second = (request.json() for request in web.received)
    assert first == {"action": "greet", "prompt": "Hi Ada", "name": "Ada"}
    assert second["messages"] == [
        {"role": "system", "content": "Be kind to Eve."},
        {"role": "user", "content": 'Greet Bob.\n\nNow.\n\nInput:\n{"name": "Bob"}'},
    ]
    assert (second["model"], second["temperature"]) == ("small", 0)


NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 1, "m": 1}, None),
        ({"n": 2, "m": 1}, "the answer does not fit its schema: $.m: 'two' is not of type 'integer'"),
        ({"n": 1}, "the input of the agent does not fit its schema: $: 'm' is a required property"),
    ],
)
async def test_what_is_called_has_an_input_and_schemas_of_its_own(
    flows: Workflows, web: LocalServer, given: Any, message: str | None
) -> None:
    web.on("/", lambda request: page({**request.json(), "m": 1 if request.json()["n"] == 1 else "two"}))
    action = {
        "id": "act",
        "with": {"b": "action", "c": "action"},
        "input": {**NUMBER, "required": ["m"]},
        "output": {"properties": {"m": {"type": "integer"}}},
    }
    agent = {**tool(web.url(), "who"), "with": {"a": "agent", "b": "agent"}, "input": NUMBER, "actions": [action]}
    text = "[{id: t, agent: who, action: act, with: {n: '{{ .input.n }}', c: task}}]"
    if "m" in given:
        text = text.replace("c: task", "c: task, m: 1")
    snapshot = await flows.ended(tasks(text, agents=[agent]), given, "failed" if message else "succeeded")
    assert snapshot.data["tasks"]["t"].get("error", {}).get("message") == message
    if message is None:
        wanted = {"action": "act", "a": "agent", "b": "action", "c": "task", "n": 1, "m": 1}
        assert snapshot.data["tasks"]["t"]["output"] == wanted


@pytest.mark.parametrize(
    ("answer", "task", "message"),
    [
        ({"error": "no stock"}, "", "the output has an error: no stock"),
        ({"success": False}, "", "the output says success: false"),
        ({"error": "", "success": True}, "", None),
        ({"error": None}, "", None),
        (
            {"n": "x"},
            "output: {type: object, properties: {n: {type: integer}}}",
            "the output does not fit its schema: $.n: 'x' is not of type 'integer'",
        ),
    ],
)
async def test_what_an_answer_says_counts(
    flows: Workflows, web: LocalServer, answer: Any, task: str, message: str | None
) -> None:
    web.on("/", page(answer))
    flow = tasks(f"[{{id: a, tool: echo, {task}}}]", tools=[tool(web.url())])
    snapshot = await flows.ended(flow, status="failed" if message else "succeeded")
    told = snapshot.data["tasks"]["a"]
    assert told["status"] == ("FAILED" if message else "SUCCESS")
    assert told.get("error", {}).get("message") == message


async def test_a_call_is_repeated_as_its_policy_says(flows: Workflows, web: LocalServer) -> None:
    web.on("/", page(1, 503), page(1, 503), page({"ok": 1}))
    config = {"retry_policy": {"initial_interval": "10ms", "maximum_attempts": 2}}
    flow = tasks("[{id: a, tool: echo, retries: 2}]", tools=[tool(web.url())], config=config)
    assert await flows.output(flow) == {"a": {"output": {"ok": 1}}}
    assert len({request.headers["idempotency-key"] for request in web.received}) == 1
    web.on("/", page(1, 503), page(1, 503), page({"ok": 1}))
    flow = tasks("[{id: a, tool: echo}]", tools=[tool(web.url())], config=config)
    await flows.ended(flow, status="failed")


async def test_outputs_that_cannot_be_had_fail_the_workflow(flows: Workflows) -> None:
    flow = tasks("[{id: a, type: aggregate}]", outputs={"x": "{{ .tasks.a.output.none }}"})
    assert (await flows.ended(flow, status="failed")).error_code == "result-failed"
