"""The compiled form: documents, triggers, the first task, sizes; and that nothing but a DefinitionError comes of a
definition, whatever is in it."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from definitions.dialects import compozy, detect
from definitions.dialects.compozy import words
from definitions.errors import DefinitionError, InputInvalid, NotFound
from definitions.expressions import evaluate
from definitions.listeners import Occurrence
from definitions.model import CallStep, RetryPolicy, WaitStep
from tests.definitions.compozy.running import compiled, tasks, tool

LIBRARY = Path(__file__).parents[3] / "definitions" / "library"
RECEIVER = (LIBRARY / "compozy" / "order-receiver.yaml").read_text(encoding="utf-8")
ONE: dict[str, Any] = {"id": "one", "tasks": [{"id": "a", "type": "aggregate"}]}
TWO = {**ONE, "id": "two"}


def text(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False)


def test_a_workflow_is_the_same_in_yaml_and_json_alone_and_in_a_list() -> None:
    forms = [text(ONE), json.dumps(ONE), text({"workflows": [ONE]}), json.dumps({"workflows": [ONE]}, indent=2)]
    assert len({compozy.compile_text(one).model_dump_json() for one in forms}) == 1
    assert [detect(one) for one in forms] == ["compozy"] * 4
    assert compozy.minified_sha256(forms[0]) == compozy.minified_sha256(forms[1])
    assert compozy.minified_sha256(forms[2]) == compozy.minified_sha256(forms[3])


def test_a_list_is_split_into_its_workflows() -> None:
    found = compozy.split(text({"workflows": [ONE, TWO]}))
    assert {path: compozy.compile_text(one).name for path, one in found.items()} == {
        "$.workflows[0]": "one",
        "$.workflows[1]": "two",
    }
    assert compozy.split(text(ONE)) == {"$": text(ONE)}
    with pytest.raises(DefinitionError):
        compozy.split(text({"workflows": [ONE, ONE]}))


@pytest.mark.parametrize(
    ("value", "dialect"),
    [
        ("id: w\ntasks: []", "compozy"),
        ("workflows:\n  - id: w", "compozy"),
        ('{"id": "w", "tasks": []}', "compozy"),
        ("id: w", None),
        ("tasks: []", None),
        ("id: [", None),
        ("words", None),
        ("workflows: 5", None),
    ],
)
def test_what_looks_like_a_workflow(value: str, dialect: str | None) -> None:
    assert detect(value) == dialect


def test_triggers_are_told_to_those_who_listen() -> None:
    (name, trigger), *_ = compozy.triggers(RECEIVER).items()
    assert name == "order-placed"
    assert trigger.schema is not None and trigger.schema["required"] == ["id", "total"] and "id" not in trigger.schema
    assert compozy.triggers(text(ONE)) == {}
    assert compozy.listening({"current": 3}) == 3
    assert compozy.listening({}) is None
    assert compozy.run_input(Occurrence("e", "n", {"a": 1}, True, "")) == {"a": 1}
    assert compozy.run_input(Occurrence("e", "n", None, False, "")) == {}


def test_webhooks_are_told_to_those_who_serve_them() -> None:
    (hook,) = compozy.webhooks(RECEIVER)
    assert (hook.slug, hook.method, hook.verify.strategy) == ("orders", "POST", "none")
    assert (hook.dedupe.enabled, hook.dedupe.ttl) == (True, 600.0)
    request = {"payload": {"kind": "order", "order": {"id": "o1", "total": 5}}, "headers": {}, "query": {}}
    (event,) = hook.events
    assert event.filter and event.input and event.schema and hook.dedupe.key
    assert evaluate(event.filter, request) is True
    assert evaluate(event.filter, {**request, "payload": {"kind": "note"}}) is False
    assert evaluate(event.input, request) == {"id": "o1", "total": 5}
    assert evaluate(hook.dedupe.key, request) == "o1"


def test_a_webhook_s_secret_is_not_shown_and_not_compiled() -> None:
    verify = {"strategy": "hmac", "secret": "not-to-be-seen", "header": "X-Signature", "skew": "2m"}
    hook = {"type": "webhook", "webhook": {"slug": "s", "events": [{"name": "e"}], "verify": verify}}
    definition = text({**ONE, "triggers": [hook]})
    (found,) = compozy.webhooks(definition)
    assert (found.verify.secret, found.verify.header, found.verify.skew) == ("not-to-be-seen", "X-Signature", 120.0)
    assert "not-to-be-seen" not in repr(found)
    assert "not-to-be-seen" not in compozy.compile_text(definition).model_dump_json()


def test_another_task_can_be_the_first() -> None:
    definition = compiled(
        tasks(
            "[{id: a, type: aggregate, on_success: {next: b}}, "
            "{id: b, type: aggregate, sleep: 5m, condition: 'true', on_success: {next: a, with: {x: 1}}}]"
        )
    )
    assert definition.body.start == "a"
    assert compozy.starting_at(definition, "b").body.start == "b:condition"
    assert compozy.starting_at(definition, "a").body.start == "a"
    for unknown in ("c", "b:sleep", ""):
        with pytest.raises(NotFound):
            compozy.starting_at(definition, unknown)


@pytest.mark.parametrize("given", [[], "x", 5, True])
def test_an_input_is_an_object(given: Any) -> None:
    with pytest.raises(InputInvalid):
        compozy.check_input(compiled(ONE), True, given)
    compozy.check_input(compiled(ONE), False, None)
    compozy.check_input(compiled(ONE), True, None)


def test_policies_and_timeouts_are_the_nearest_ones() -> None:
    config = {"start_to_close_timeout": "2m", "retry_policy": {"maximum_attempts": 4, "backoff_coefficient": 3}}
    flow = tasks(
        "[{id: a, tool: echo}, {id: b, tool: echo, timeout: 5s, retries: 0}, "
        "{id: c, tool: slow, config: {retry_policy: {initial_interval: 10 seconds}, start_to_close_timeout: 7s}}, "
        "{id: d, tool: slow}]",
        config=config,
        tools=[tool("https://e.example.com"), tool("https://e.example.com", "slow", timeout="1m")],
    )
    steps = compiled(flow).body.steps
    calls = [step for step in steps.values() if isinstance(step, CallStep)]
    policy = RetryPolicy(maximum_attempts=4, backoff_coefficient=3)
    assert [step.timeout for step in calls] == [120.0, 5.0, 7.0, 60.0]
    assert calls[0].retry == calls[3].retry == policy
    assert calls[1].retry.maximum_attempts == 1
    assert calls[2].retry == RetryPolicy(initial_interval=10.0)


def test_a_wait_without_a_timeout_has_no_deadline() -> None:
    step = compiled(tasks("[{id: w, type: wait, wait_for: go}]")).body.steps["w"]
    assert isinstance(step, WaitStep)
    assert step.deadline is None and step.correlation is None and step.on_reject == "discard"


def test_a_tool_s_secret_is_named_only() -> None:
    echo = {**tool("https://e.example.com"), "secrets": {"token": "ECHO_TOKEN"}}
    echo["config"]["headers"] = {"Authorization": {"secret": "token", "prefix": "Bearer "}}
    step = compiled(tasks("[{id: a, tool: echo}]", tools=[echo])).body.steps["a"]
    assert isinstance(step, CallStep) and step.secrets == {"token": "ECHO_TOKEN"}


def test_problems_have_the_places_of_the_document_they_are_in() -> None:
    with pytest.raises(DefinitionError) as caught:
        compozy.compile_text(text({"workflows": [{**ONE, "tasks": [{"id": "a"}, {"id": "b", "type": "x"}]}]}))
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [
        ("task-type-unknown", "$.workflows[0].tasks[1].type"),
        ("executable-invalid", "$.workflows[0].tasks[0]"),
    ]


@pytest.mark.parametrize(
    "flow",
    [
        tasks("[{id: a, type: aggregate}]", outputs={"x": "{{" * 45_000}),
        tasks("[{id: a, type: aggregate}]", outputs={"x": "{{ .tasks" * 20_000}),
        tasks("[{id: a, type: aggregate}]", outputs={"x": "{{ .tasks.a.result }}" * 4_500}),
        tasks("[{id: a, type: aggregate}]", outputs={"x": "{{ " + ".a" * 40_000 + " }}"}),
        {**ONE, "tasks": [{**ONE["tasks"][0], "condition": "'\"" * 9_000}]},
        {**ONE, "tasks": [{**ONE["tasks"][0], "condition": "(" * 9_000 + "true" + ")" * 9_000}]},
        {**ONE, "triggers": [{"type": "signal", "name": f"n{number}"} for number in range(4_000)]},
        {**ONE, "tasks": [{"id": f"t{number}", "on_success": {"next": "q"}} for number in range(4_000)]},
        {**ONE, "config": {"input": {"properties": {f"p{n}": {"type": "string"} for n in range(6_000)}}}},
    ],
    ids=lambda flow: "",
)
def test_nothing_takes_long(flow: dict[str, Any]) -> None:
    began = time.monotonic()
    with contextlib.suppress(DefinitionError):
        compozy.compile_text(json.dumps(flow))
    assert time.monotonic() - began < 5


ODD: list[Any] = [None, 0, -1, 1.5, True, "", "x", "{{ .x }}", "{{", "5m", [], {}, [1], {"a": 1}, [None], [[]]]
ODD += [{"id": "a"}, [{"id": "a"}], "a", "signal", "http", "wait", "router", "parallel", "collection", "composite"]
KEYS = sorted({*words.TASK_KEYS, *words.WORKFLOW_KEYS, *words.CONFIG_KEYS, *words.EXECUTABLE_KEYS, *words.AGENT_KEYS})
KEYS += ["next", "payload", "webhook", "verify", "name", "schema", "strategy", "max_workers"]
KEYS += [key for keys in words.KIND_KEYS.values() for key in keys]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(document: Any, chance: random.Random) -> Any:
    path = chance.choice([path for path in places(document) if path])
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    if chance.random() < 0.4 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
    else:
        holder[path[-1]] = copy.deepcopy(chance.choice(ODD))
    return document


def samples() -> list[Any]:
    valid = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted((LIBRARY / "compozy").iterdir())]
    invalid = [json.loads(file.read_text(encoding="utf-8")) for file in sorted((LIBRARY / "invalid/compozy").iterdir())]
    return valid * 5 + [case["definition"] for case in invalid if isinstance(case.get("definition"), dict)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_changed_is_compiled_or_refused(seed: int) -> None:
    chance, documents, accepted = random.Random(seed), samples(), 0
    for _ in range(1_000):
        document = copy.deepcopy(chance.choice(documents))
        for _ in range(chance.randint(1, 3)):
            document = changed(document, chance)
        try:
            compozy.compile_text(json.dumps(document))
            accepted += 1
        except DefinitionError as error:
            assert error.problems
    assert accepted > 0
