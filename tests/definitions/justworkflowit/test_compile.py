"""What steps are compiled to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from definitions.dialects import justworkflowit
from definitions.dialects.justworkflowit.compiler import compile_document
from definitions.errors import DefinitionError
from definitions.expressions import ABSENT, evaluate
from definitions.model import AssignStep, CallStep, ChildrenStep, Definition, WaitStep
from definitions.schemas import first_error
from tests.definitions.justworkflowit.build import CHILDREN, LAMBDA, WAIT, compiled, problems, record, ref, step

LIBRARY = Path(__file__).parents[3] / "definitions" / "library" / "justworkflowit"


def input_of(definition: Definition, name: str, **scope: Any) -> Any:
    expression = definition.body.steps[name].input
    return ABSENT if expression is None else evaluate(expression, scope)


def test_the_page_s_approval_flow() -> None:
    definition = justworkflowit.compile_text((LIBRARY / "approval-flow.json").read_text(encoding="utf-8"))
    request, wait, deploy = definition.body.steps.values()
    assert isinstance(request, CallStep) and isinstance(wait, WaitStep) and isinstance(deploy, CallStep)
    assert (definition.dialect, definition.name, definition.body.start) == (
        "justworkflowit",
        "approval-flow",
        "requestApproval",
    )
    assert (request.executor, request.label, request.next) == ("aws_lambda", LAMBDA, "waitForApproval")
    assert request.config == {
        "region": "us-east-1",
        "accountId": "123456789012",
        "functionName": "send-approval-request",
        "context": {
            "as": "__jobContext",
            "fields": {"jobId": "run_id", "organizationId": "organisation", "secrets": "secrets"},
        },
    }
    assert (wait.events, wait.need, wait.output, wait.deadline) == (["manager-approved"], "all", "merge", None)
    assert deploy.next is None
    data = {"workflowInput": {"prId": "7"}, "waitForApprovalOutput": {"approved": True}, "$last": "waitForApproval"}
    assert input_of(definition, "requestApproval", **data) == {"prId": "7"}
    assert input_of(definition, "waitForApproval", **data) is ABSENT
    assert input_of(definition, "deploy", **data) == {"approved": True}


def test_what_a_wait_s_events_may_carry() -> None:
    definition = compiled(
        step("w", type=WAIT, config={"eventIds": ["a", "b"]}, gives="out"),
        out=record({"x": "string", "inner": record({"y": "string"})}, additionalProperties=False),
    )
    wait = definition.body.steps["w"]
    assert isinstance(wait, WaitStep)
    part, merged = wait.payload.schema_, wait.payload.merged
    assert wait.payload.object_only and part is not None and merged is not None

    def fits(schema: dict[str, Any], value: Any) -> bool:
        return first_error(schema, value, definitions=definition.schemas) is None

    assert fits(part, {"x": "1"})
    assert not fits(part, {"z": "1"})
    assert not fits(part, {"x": 1})
    assert not fits(part, {"inner": {}})  # only the outermost `required` waits for the last event
    assert not fits(merged, {"x": "1"})
    assert fits(merged, {"x": "1", "inner": {"y": ""}})


def test_schemas_that_many_waits_use_travel_once() -> None:
    names = [f"w{n}" for n in range(50)]
    large = record({f"property{n}": "string" for n in range(500)})
    steps = [
        step(name, following, type=WAIT, config={"eventIds": ["a"]}, gives="out")
        for name, following in zip(names, [*names[1:], None], strict=True)
    ]
    definition = compiled(*steps, out=record({"large": ref("large")}), large=large)
    assert len(json.dumps(definition.dump())) < 2.5 * len(json.dumps(large)) + 50 * 500


def test_references_are_carried_along_even_to_themselves() -> None:
    definition = compiled(
        step("w", type=WAIT, config={"eventIds": ["a"]}, gives="alias"),
        alias=ref("pattern"),
        pattern=record({"name": "string"}, {"children": {"type": "array", "items": ref("pattern")}}),
    )
    wait = definition.body.steps["w"]
    assert isinstance(wait, WaitStep) and wait.payload.schema_ is not None and wait.payload.merged is not None
    good, bad = {"name": "a", "children": [{"name": "b"}]}, {"name": "a", "children": [{}]}
    for schema in (wait.payload.schema_, wait.payload.merged):
        assert first_error(schema, good, definitions=definition.schemas) is None
        assert first_error(schema, bad, definitions=definition.schemas) is not None
    assert first_error(wait.payload.schema_, {}, definitions=definition.schemas) is None


def test_noop_gives_back_its_input() -> None:
    noop = compiled(step("a", takes="workflowInput"), workflowInput=record()).body.steps["a"]
    assert isinstance(noop, AssignStep) and noop.value is None
    assert (noop.save.input, noop.save.output) == (["aInput"], ["aOutput"])


def test_retries_timeouts_and_secrets() -> None:
    call = compiled(
        step("a", type=LAMBDA, retries=2.0, timeoutSeconds=30, secretBindings={"token": "MAIL_TOKEN"})
    ).body.steps["a"]
    assert isinstance(call, CallStep)
    assert (call.retry.maximum_attempts, call.timeout, call.secrets) == (3, 30.0, {"token": "MAIL_TOKEN"})
    plain = compiled(step("a", type=LAMBDA)).body.steps["a"]
    assert isinstance(plain, CallStep)
    assert (plain.retry.maximum_attempts, plain.timeout) == (1, 930.0)


def test_a_wait_has_no_deadline_whatever_its_timeout_says() -> None:
    wait = compiled(step("w", type=WAIT, config={"eventIds": ["a"]}, timeoutSeconds=5)).body.steps["w"]
    assert isinstance(wait, WaitStep) and wait.deadline is None


def test_children() -> None:
    config = {
        "children": [
            {"id": "one", "workflowName": "x", "workflowVersion": {"tag": "$LIVE"}},
            {"workflowName": "y", "workflowVersion": {"versionNumber": 2}},
            {"workflowName": "z", "workflowVersion": {"versionId": "v"}, "forEach": {"arrayPath": "a.output.items"}},
            {"workflowName": "z", "workflowVersion": {"tag": "$LIVE"}, "forEach": {"arrayPath": "workflowInput.l"}},
        ]
    }
    definition = compiled(
        step("a", "c", gives="list"),
        step("c", type=CHILDREN, takes=None, gives=None, config=config),
        list=record({"items": {"type": "array"}}),
        workflowInput=record({"l": {"type": "array"}}),
    )
    children = definition.body.steps["c"]
    assert isinstance(children, ChildrenStep)
    assert [child.id for child in children.children] == ["one", "y", "z-3", "z-4"]
    assert [(c.definition.tag, c.definition.version_number, c.definition.version_id) for c in children.children] == [
        ("$LIVE", None, None),
        (None, 2, None),
        (None, None, "v"),
        ("$LIVE", None, None),
    ]
    loops = [child.for_each for child in children.children]
    assert loops[:2] == [None, None] and loops[2] is not None and loops[3] is not None
    assert evaluate(loops[2], {"aOutput": {"items": [1, 2]}}) == [1, 2]
    assert evaluate(loops[3], {"workflowInput": {"l": [3]}}) == [3]
    assert not children.cancel_children


def test_an_output_is_handed_on_only_by_the_step_that_ran_last() -> None:
    fork = {"if": [{"var": "startOutput.x"}, "left", "right"]}
    definition = compiled(
        step("start", fork, type=LAMBDA, gives="thing"),
        step("left", "join", type=LAMBDA, gives="thing"),
        step("right", "join", type=LAMBDA, gives="other"),
        step("join", {"if": [{"var": "joinOutput.again"}, "join", None]}, type=LAMBDA, takes="thing", gives="thing"),
        thing=record({"x": "string"}),
        other=record({"x": "string"}),
    )
    data = {"leftOutput": {"x": "L"}, "rightOutput": {"x": "R"}, "joinOutput": {"x": "J"}}
    assert input_of(definition, "join", **data, **{"$last": "left"}) == {"x": "L"}
    assert input_of(definition, "join", **data, **{"$last": "right"}) is ABSENT
    assert input_of(definition, "join", **data, **{"$last": "join"}) == {"x": "J"}
    assert input_of(definition, "join", **data, **{"$last": None}) is ABSENT


def test_a_definition_without_properties_hands_nothing_on() -> None:
    definition = compiled(step("a", "b", type=LAMBDA), step("b", type=LAMBDA))
    assert definition.body.steps["b"].input is None


def test_a_transformer_makes_the_input() -> None:
    definition = compiled(
        step("a", fieldset=[{"from": "workflowInput.x", "to": "y"}]), workflowInput=record({"x": "string"})
    )
    assert input_of(definition, "a", workflowInput={"x": "1"}) == {"y": "1"}


def test_the_team_s_own_executors() -> None:
    class Sms:
        config_schema: ClassVar[dict[str, Any]] = {
            "type": "object",
            "properties": {"to": {"type": "string", "pattern": "^[+]"}},
            "required": ["to"],
        }

    executors = {"/acme/send-sms": Sms(), "/acme/plain": object()}
    sms = compiled(step("a", type="/acme/send-sms", config={"to": "+1"}), executors=executors).body.steps["a"]
    assert isinstance(sms, CallStep)
    assert (sms.executor, sms.config, sms.label) == ("/acme/send-sms", {"to": "+1"}, "/acme/send-sms")
    assert problems(step("a", type="/acme/plain"), executors=executors) == []
    at = "$.steps[0].integrationDetails.config"
    assert problems(step("a", type="/acme/send-sms"), executors=executors) == [("config-missing", at)]
    bad = step("a", type="/acme/send-sms", config={"to": "x"})
    assert problems(bad, executors=executors) == [("config-value-invalid", at + ".to")]
    assert problems(bad)[0][0] == "executor-unknown"


def test_of_two_steps_with_one_name_the_first_counts() -> None:
    definition = compiled(step("a", "b"), step("b", None, type=LAMBDA), step("b", "a"))
    assert isinstance(definition.body.steps["b"], CallStep)


def test_steps_that_cannot_be_reached_are_legal_and_left_out() -> None:
    definition = compiled(step("a"), step("island", "nowhere", type="/no/such", takes="missing"))
    assert list(definition.body.steps) == ["a"]


def test_all_problems_of_a_pass_are_told() -> None:
    found = problems(step("a", "x", type="/no/such"), step("b", retries=-1), extra=record())
    assert found == [("retries-invalid", "$.steps[1].retries")]
    found = problems(step("a", "x", type="/no/such", takes="missing"))
    assert [code for code, _ in found] == ["reference-unknown", "executor-unknown", "step-unknown"]


def test_problems_as_text() -> None:
    with pytest.raises(DefinitionError) as caught:
        compiled(step("a", "x"))
    texts = justworkflowit.problem_texts(caught.value)
    assert texts == ["$.steps[0].transitionToStep: there is no step 'x' [step-unknown]"]


def test_white_space_does_not_make_a_new_version() -> None:
    raw = {"b": [1, 2.5], "a": "é"}
    hashes = {justworkflowit.minified_sha256(json.dumps(raw, indent=indent)) for indent in (None, 2)}
    hashes.add(justworkflowit.minified_sha256(json.dumps(raw, ensure_ascii=False)))
    assert len(hashes) == 1
    assert justworkflowit.minified_sha256(json.dumps(raw, sort_keys=True)) not in hashes
    assert justworkflowit.minified_sha256("{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_compiling_is_cached_and_skips_the_dry_run_on_demand() -> None:
    assert compiled(step("a")) is compiled(step("a"))
    bad = step("a", fieldset=[{"from": "nothing.here"}])
    assert problems(bad)[0][0] == "transformer-source-missing"
    assert compiled(bad, analyse=False).name == "example"
    assert callable(compile_document)
