"""What documents compile to: keys, references, the forms of actions."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.dialects import LISTENERS, fastgen
from definitions.errors import DefinitionError, InputInvalid
from definitions.listeners import Occurrence
from definitions.model import CallStep, CodeStep, PublishStep
from tests.definitions.fastgen.running import action, problems, route, workflow


def test_a_name_gives_a_key() -> None:
    names = {"Send Email": "send-email", "a_B-1": "a_b-1", "Größe (cm)!": "größe--cm--", "é/\\": "é--"}
    text = workflow(*(action("delay", {"seconds": 0}, name) for name in names))
    assert [(one["name"], one["key"]) for one in fastgen.actions(text)] == list(names.items())
    assert list(fastgen.compile_text(text).body.steps) == list(names.values())


def test_steps_that_are_no_actions_have_a_mark() -> None:
    text = workflow(action("loop", {"items": []}, "L", actions=[action("if", {"all": []}, "I")]))
    steps = fastgen.compile_text(text).body.steps
    assert [name for name in steps if fastgen.is_action(name)] == ["l", "i"]
    assert {name for name in steps if not fastgen.is_action(name)} == {"l:turn", "l:item", ":end"}


def test_all_faults_are_told_with_the_clients_paths() -> None:
    text = workflow(
        action("delay", {}, "a"), action("email", {}, "b"), action("variable", {"value": "{{$var.x}}"}, "c")
    )
    assert problems(text) == [
        ("action-type-unsupported", "$.actions[1].type", True),
        ("duration-invalid", "$.actions[0].config", False),
        ("reference-unknown", "$.actions[2].config.value", False),
    ]


@pytest.mark.parametrize("root", ["body", "query", "path", "header", "bodyRaw"])
def test_a_workflow_has_no_request(root: str) -> None:
    assert [code for code, _, _ in problems(workflow(action("variable", {"value": f"{{{{${root}}}}}"})))] == [
        "reference-unknown"
    ]
    assert problems(route(action("variable", {"value": f"{{{{${root}}}}}"}))) == []


@pytest.mark.parametrize(
    "text", ["{{$_text}}", "{{$request}}", "{{$nowhere.x}}", "{{$response}}", "{{$input}}", "{{$loops}}"]
)
def test_what_is_inside_cannot_be_named(text: str) -> None:
    assert [code for code, _, _ in problems(workflow(action("variable", {"value": text})))] == ["reference-unknown"]


def test_a_later_action_and_one_in_another_branch_may_be_named() -> None:
    a, b = action("variable", {"value": "{{$action.b}}"}, "a"), action("variable", {"value": "{{$action.a}}"}, "b")
    assert problems(workflow(action("if", {"all": []}, "i", true=[a], false=[b]))) == []


def test_events_belong_to_their_project() -> None:
    step = fastgen.compile_text(workflow(action("createEvent", {"event": "go"}))).body.steps["createevent"]
    assert isinstance(step, PublishStep)
    assert (step.event, step.watch) == ("shop/go", True)
    assert list(fastgen.triggers(workflow())) == ["shop/go"]
    assert (fastgen.events.own("shop", "shop/go"), fastgen.events.own("shop", "shopping/go")) == ("go", None)
    allowed = action("createEvent", {"event": "{{$param.e}}", "allowTriggeringItself": True})
    made = fastgen.compile_text(workflow(allowed)).body.steps["createevent"]
    assert isinstance(made, PublishStep) and not isinstance(made.event, str)
    assert (made.watch, made.event.source["template"]) == (False, "shop/{{$param.e}}")


def test_who_listens() -> None:
    listening = LISTENERS[fastgen.DIALECT]
    assert [listening.listening(tags) for tags in ({}, {"live": 3}, {"live": 3, "inactive": 1})] == [None, 3, None]
    off = fastgen.with_active(workflow(), False)
    assert (listening.triggers(off), listening.triggers(route())) == ({}, {})
    assert list(listening.triggers(fastgen.with_active(off, True))) == ["shop/go"]
    assert listening.run_input(Occurrence("1", "shop/go", None, False, "")) == {}
    assert listening.run_input(Occurrence("1", "shop/go", [1], True, "")) == [1]


@pytest.mark.parametrize(
    "name", ["auth.user_signedUp", "api.dataTable_created", "auth.email_verificationRequested", "größe"]
)
def test_any_event_may_be_listened_to(name: str) -> None:
    assert list(fastgen.triggers(workflow(event=name))) == [f"shop/{name}"]


def test_nothing_is_sent_when_dried() -> None:
    inner = action("if", {"all": []}, "i", true=[action("createEvent", {"event": "go"}, "a")])
    text = workflow(inner, action("loop", {"items": []}, "l", actions=[action("createEvent", {"event": "go"}, "b")]))
    dried = fastgen.dried(fastgen.compile_text(text)).body.steps
    assert [step.dry for step in dried.values() if isinstance(step, PublishStep)] == [True, True]
    assert not any(step.dry for step in fastgen.compile_text(text).body.steps.values() if isinstance(step, PublishStep))


def test_a_query_never_holds_a_value() -> None:
    query = "SELECT {{$param.a}}::int, x FROM t WHERE a={{$param['b']}}AND c = :c -- why\n LIMIT 1;"
    text = workflow(action("databaseQuery", {"connection": "c", "query": query, "params": {"c": "{{$param.c}}"}}))
    step = fastgen.compile_text(text).body.steps["databasequery"]
    assert isinstance(step, CallStep) and step.input is not None
    config: dict[str, Any] = step.input.source["template"]
    assert config["query"] == (
        "SELECT  :expression_1 ::int, x FROM t WHERE a= :expression_2 AND c = :c -- why\n LIMIT 1;"
    )
    assert config["params"] == {"c": "{{$param.c}}", "expression_1": "{{$param.a}}", "expression_2": "{{$param['b']}}"}


def test_code_is_a_module_or_a_functions_body() -> None:
    code = action("customCode", {"language": "typescript", "code": "return 1 // end"})
    text = workflow(action("if", {"all": []}, "i", false=[code]))
    step = fastgen.compile_text(text).body.steps["customcode"]
    assert isinstance(step, CodeStep) and step.input is not None
    assert step.source == "export default async function () { return 1 // end\n}"
    assert step.input.source == {}
    assert fastgen.sources(text) == [("$.workflow.actions[0].false[0].config.code", step.source)]
    module = "export default (fastgen) => fastgen()"
    made = fastgen.compile_text(workflow(action("customCode", {"language": "javascript", "code": module})))
    assert fastgen.sources(workflow(action("customCode", {"language": "javascript", "code": module})))[0][1] == module
    last = made.body.steps["customcode"].input
    assert last is not None and set(last.source["template"]) == {"param", "action", "var"}


def test_documents() -> None:
    text = fastgen.text_of("shop", "workflow", "a.b c", {"name": "ignored", "event": "e", "actions": []})
    assert fastgen.compile_text(text).name == "shop.workflow.a.b c"
    assert fastgen.parts_of("shop.workflow.a.b c") == ("shop", "workflow", "a.b c")
    assert (fastgen.parts_of("shop"), fastgen.parts_of("a.b.c")) == (None, None)
    assert fastgen.minified_sha256(text) == fastgen.minified_sha256(text.replace(",", " , "))
    assert (
        fastgen.compile_text('{"route": {"name": "r", "method": "GET", "path": "/", "actions": []}}').name
        == "default.route.r"
    )


@pytest.mark.parametrize(
    ("path", "asked", "found"),
    [
        ("/orders/{id}", "/orders/42", {"id": "42"}),
        ("/orders/{id}", "/orders/a%2Fb%20c", {"id": "a/b c"}),
        ("/orders/{id}", "/orders/", None),
        ("/orders/{id}", "/orders/1/2", None),
        ("/orders", "/orders/", {}),
        ("/", "", {}),
        ("/orders", "/Orders", None),
        ("/{a}/x/{b-c}", "/1/x/2", {"a": "1", "b-c": "2"}),
    ],
)
def test_routes_match(path: str, asked: str, found: dict[str, str] | None) -> None:
    assert fastgen.route(route(path=path)).match(asked) == found


def test_a_route() -> None:
    made = fastgen.route(route(path="/orders/{id}", authentication="apiToken", bodyValidation={"type": "object"}))
    assert (made.method, made.authentication, made.parameters) == ("POST", "apiToken", ["id"])
    assert made.shape == fastgen.route(route(path="/orders/{other}")).shape
    assert fastgen.route(route(path="/orders/new")).rank < made.rank
    with pytest.raises(InputInvalid):
        made.check_body([])
    with pytest.raises(DefinitionError):
        fastgen.route(workflow())


@pytest.mark.parametrize(
    ("output", "status", "path"),
    [
        ({"status": 201, "headers": {"a": "b"}, "body": None}, 201, None),
        ({"status": "404"}, 404, None),
        ({"status": 201.0}, 201, None),
        ({"status": 201.5}, None, "$.status"),
        ({}, 200, None),
        ({"status": 99}, None, "$.status"),
        ({"status": True}, None, "$.status"),
        ({"status": None}, None, "$.status"),
        ({"status": 200, "headers": {"a": 1}}, None, "$.headers"),
        (None, None, "$"),
    ],
)
def test_a_reply(output: Any, status: int | None, path: str | None) -> None:
    if path is None:
        made = fastgen.reply(output)
        assert (made.status, made.has_body) == (status, "body" in output)
        return
    with pytest.raises(InputInvalid) as caught:
        fastgen.reply(output)
    assert caught.value.path == path
