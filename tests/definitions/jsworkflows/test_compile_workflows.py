"""What workflows compile to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from definitions.dialects import jsworkflows
from definitions.dialects.jsworkflows import checks
from definitions.errors import DefinitionError
from definitions.model import BranchesStep, Definition

Json = dict[str, Any]
CLASS = "export class Workflow { async start(data, headers, api) {} }"


def branches(definition: Definition) -> BranchesStep:
    step = definition.body.steps[jsworkflows.STEP]
    assert isinstance(step, BranchesStep)
    return step


def compiled(**more: Any) -> BranchesStep:
    document = {"name": "flow", "trigger": {"type": "http"}, **more}
    return branches(jsworkflows.compile_text(json.dumps(document)))


def operations(*start: Json, **more: Any) -> list[Json]:
    step = compiled(steps={"start": list(start), "next": []}, **more)
    assert step.operations is not None
    return step.operations["start"]


def path(value: Any) -> Json:
    return {"language": "path", "source": value}


def test_a_class() -> None:
    step = compiled(source=CLASS, secrets=["API_KEY"])
    assert (step.first, step.shim, step.source) == ("start", "jsworkflows", CLASS)
    assert (step.completed, step.failed, step.operations, step.test) == (None, None, None, False)
    assert step.secrets == {"API_KEY": "jsworkflows/flow/API_KEY"}
    assert step.input is not None and step.input.source == {"data": "input"}


def test_hooks_are_found_in_the_text_or_by_a_worker() -> None:
    hooked = CLASS + "// onWorkflowComplete"
    assert compiled(source=hooked).completed == "onWorkflowComplete"
    found = compiled(source=hooked, methods=["start", "onWorkflowError"])
    assert (found.completed, found.failed) == (None, "onWorkflowError")


def test_inspection_wants_start() -> None:
    document = {"source": CLASS}
    assert jsworkflows.inspected(document, ["start", "a"])["methods"] == ["start", "a"]
    with pytest.raises(DefinitionError) as caught:
        jsworkflows.inspected(document, ["a"])
    assert [problem.code for problem in caught.value.problems] == ["start-missing"]


def test_a_test_run_differs_in_one_thing() -> None:
    definition = jsworkflows.compile_text(
        json.dumps({"name": "flow", "trigger": {"type": "http"}, "source": CLASS, "secrets": []})
    )
    tried = jsworkflows.as_test(definition)
    assert branches(tried).test is True
    assert branches(tried).model_copy(update={"test": False}) == branches(definition)


def test_links_and_later_actions() -> None:
    wait = {"action": "next", "payload": {"id": "${data.id}"}}
    made = operations(
        {"scheduleNextStep": {"action": "next", "delay": "5 min"}},
        {
            "waitForEvent": {**wait, "timeout": "7 days", "redirect_url": "https://a.example", "get": "confirm"},
            "as": "a",
        },
        {"waitForEvent": wait, "when": "${a.token}"},
    )
    assert made[0] == {"op": "later", "input": path({"action": "next", "payload": {}, "seconds": 300.0})}
    link = {**wait, "seconds": 604800.0, "redirect": "https://a.example", "confirm": True}
    assert made[1] == {"op": "link", "input": path(link), "as": "a"}
    link = {**wait, "seconds": 86400.0, "redirect": None, "confirm": False}
    assert made[2] == {"op": "link", "input": path(link), "when": path("${a.token}")}


def test_a_step_may_be_scheduled_after_a_wait_that_may_not_be() -> None:
    wait = {"waitForEvent": {"action": "next", "payload": {}}, "when": "${data.ask}"}
    made = operations(wait, {"scheduleNextStep": {"action": "next", "delay": 10}, "unless": "${data.ask}"})
    assert [one["op"] for one in made] == ["link", "later"]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"dedupe": {"key": "k"}}, ("claim", {"key": "k", "seconds": 86400.0})),
        ({"dedupe": {"key": "k", "window": "1 week"}}, ("claim", {"key": "k", "seconds": 604800.0})),
        ({"runStore": {"get": "k"}}, ("store", {"operation": "get", "key": "k"})),
        ({"runStore": {"set": "k", "value": None}}, ("store", {"operation": "set", "key": "k", "value": None})),
        ({"runStore": {"increment": "k"}}, ("store", {"operation": "increment", "key": "k", "value": 1})),
        ({"runStore": {"increment": "k", "by": -2}}, ("store", {"operation": "increment", "key": "k", "value": -2})),
        ({"runStore": {"push": "k", "value": [1]}}, ("store", {"operation": "push", "key": "k", "value": [1]})),
        ({"getOAuthToken": "my-slack"}, ("oauth", {"handle": "my-slack"})),
        ({"warn": "a"}, ("log", {"level": "warn", "values": ["a"]})),
        ({"log": ["a", 1]}, ("log", {"level": "log", "values": ["a", 1]})),
        ({"fetch": {"url": "https://a.example"}}, ("call", {"url": "https://a.example"})),
        ({"return": {"a": 1}}, ("return", {"a": 1})),
        ({"return": {"response": {"status": 400}}}, ("return", {"response": {"status": 400}})),
    ],
)
def test_operations(given: Json, made: tuple[str, Any]) -> None:
    assert operations(given) == [{"op": made[0], "input": path(made[1])}]


def test_secrets_are_named_by_what_is_listed() -> None:
    call = {"fetch": {"url": "https://a.example", "headers": {"Authorization": "Bearer ${env.KEY}"}}}
    assert operations(call, secrets=["KEY"])[0]["op"] == "call"


def test_all_faults_are_told_at_once() -> None:
    document = {"name": "", "trigger": {"type": "email"}, "steps": {"start": [{"log": "${x}"}, {"what": 1}]}}
    with pytest.raises(DefinitionError) as caught:
        jsworkflows.compile_text(json.dumps(document))
    found = [problem.code for problem in caught.value.problems]
    assert found == ["name-invalid", "trigger-unsupported", "reference-unknown", "operation-form-invalid"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30 sec", 30), ("30 seconds", 30), ("1 second", 1), ("5 min", 300), ("5 minutes", 300), ("1 minute", 60),
     ("2 hr", 7200), ("2 hours", 7200), ("1 hour", 3600), ("1 day", 86400), ("7 days", 604800), ("1 week", 604800),
     ("2 weeks", 1209600), ("2 WEEKS", 1209600), (86400, 86400), (1.5, 1.5)],
)  # fmt: skip
def test_durations(text: Any, seconds: float) -> None:
    assert checks.to_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["1 month", "1 year", "1.5 hours", "5min", "5", "", " 5 min", "5 min ", "5  min", "-5 min", "5 mins",
             "5 hrs", "2 wee\u212as", "\u0665 min", None, True, [], "1 day 2 hours", "PT5M"]
)  # fmt: skip
def test_everything_else_is_no_duration(text: Any) -> None:
    with pytest.raises(ValueError):
        checks.to_seconds(text)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ('{"source": "class Workflow { start() {} }"}', True),
        ('{"source": "stackshift.job(1)"}', False),
        ('{"name": "a", "steps": {}, "definitions": {}}', False),
        ('{"source": 5}', False),
        ("5", False),
        ("{", False),
    ],
)
def test_workflows_are_recognised(text: str, is_one: bool) -> None:
    assert jsworkflows.recognises(text) is is_one
