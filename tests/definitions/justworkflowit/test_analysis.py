"""The dry run."""

from __future__ import annotations

import time
from typing import Any

import pytest

from definitions.dialects.justworkflowit.analysis import RELIANCE
from definitions.errors import DefinitionError
from tests.definitions.justworkflowit.build import CHILDREN, LAMBDA, Json, compiled, problems, record, ref, step

FORK = {"if": [{"var": "aOutput.x"}, "b", "c"]}
TEXT = record({"x": "string"})


def transformer_at(index: int, place: str = "") -> str:
    return f"$.steps[{index}].integrationDetails.inputTransformer{place}"


def test_a_source_must_be_there_on_every_way() -> None:
    late = step("d", fieldset=[{"from": "bOutput.x", "to": "x"}])
    steps = [step("a", FORK, gives="text"), step("b", "d", gives="text"), step("c", "d", gives="text"), late]
    with pytest.raises(DefinitionError) as caught:
        compiled(*steps, text=TEXT)
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("transformer-source-missing", transformer_at(3, ".fieldset[0].from"))
    assert problem.message == "there is nothing at 'bOutput.x' on the way a -> c -> d"
    late["integrationDetails"]["inputTransformer"]["fieldset"][0]["from"] = "aOutput.x"
    assert problems(*steps, text=TEXT) == []


def test_every_branch_is_looked_at() -> None:
    bad = [{"from": "nothing.here"}]
    rule = {"if": [True, "b", False, {"?:": [1, "c", {"or": ["d", "e"]}]}, "f"]}
    steps = [step("a", rule), *(step(name, fieldset=bad) for name in "bcdef")]
    assert [path for _, path in problems(*steps)] == [transformer_at(i, ".fieldset[0].from") for i in range(1, 6)]


def test_loops_are_legal_and_the_first_round_counts() -> None:
    steps = [
        step("a", "b", gives="text"),
        step("b", {"if": [{"var": "bOutput.x"}, "a", None]}, gives="text", fieldset=[{"from": "aOutput.x"}]),
    ]
    assert problems(*steps, text=TEXT) == []
    steps[0]["integrationDetails"]["inputTransformer"] = {"fieldset": [{"from": "bOutput.x"}]}
    assert problems(*steps, text=TEXT) == [("transformer-source-missing", transformer_at(0, ".fieldset[0].from"))]
    assert problems(step("a", "a")) == []


def test_own_output_is_not_there_yet_but_earlier_inputs_are() -> None:
    own = step("a", gives="text", fieldset=[{"from": "aOutput.x"}])
    assert problems(own, text=TEXT)[0][0] == "transformer-source-missing"
    steps = [step("a", "b", takes="text"), step("b", fieldset=[{"from": "aInput.x"}])]
    assert problems(*steps, text=TEXT) == []


@pytest.mark.parametrize(
    ("fieldset", "takes", "code"),
    [
        ([{"from": "aOutput.x", "to": "n"}], record({"n": "number"}), "step-input-mismatch"),
        ([{"from": "aOutput.x", "to": "n"}], record({"n": "string", "m": "string"}), "step-input-mismatch"),
        ([{"from": "aOutput.x", "to": "n"}], record({}, additionalProperties=False), "step-input-mismatch"),
        ([{"from": "aOutput.x", "to": "n"}], record({"n": "string"}), None),
        ([{"withTemplate": "${aOutput.gone}", "to": "n"}], record({"n": "string"}), None),
        (
            [{"fromArray": ["aOutput.x"], "to": "n"}],
            record({"n": {"type": "array", "items": {"type": "string"}}}),
            None,
        ),
        ([{"fromEach": {"field": "gone"}}], record({}), "transformer-failed"),
        ([{"fromEach": {"field": "list", "to": "n", "fieldset": [{"from": "y"}]}}], record({"n": "array"}), None),
        (
            [{"from": "aOutput.x", "to": "n", "via": {"type": "date", "sourceFormat": "yyyy", "format": "yy"}}],
            record({"n": "string"}),
            None,
        ),
    ],
)
def test_what_a_transformer_makes_must_fit(fieldset: list[Json], takes: Json, code: str | None) -> None:
    gives = record({"x": "string", "list": {"type": "array", "items": record({"y": "integer"})}})
    found = problems(
        step("a", "b", gives="gives"), step("b", takes="takes", fieldset=fieldset), gives=gives, takes=takes
    )
    assert found == ([] if code is None else [(code, transformer_at(1))])


def test_the_second_pass_finds_what_is_only_optional() -> None:
    steps = [step("a", "b", gives="out"), step("b", takes="taken", fieldset=[{"from": "aOutput.x"}])]
    out = record({}, {"x": "string"})
    with pytest.raises(DefinitionError) as caught:
        compiled(*steps, out=out, taken=record())
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("optional-property-relied-on", transformer_at(1, ".fieldset[0].from"))
    assert problem.message.startswith(RELIANCE)
    steps[1]["integrationDetails"]["inputTransformer"]["fieldset"] = [{"fromArray": ["aOutput.x"], "to": "l"}]
    assert problems(*steps, out=out, taken=record()) == []


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        (record({"a": "string"}), None),
        ({"type": "object", "required": ["undeclared"]}, None),
        ({"type": "object", "required": ["undeclared"], "additionalProperties": False}, "definition-unsatisfiable"),
        (record({"self": ref("d")}), "definition-unsatisfiable"),
        (record({}, {"self": ref("d")}), None),
        (record({"many": {"type": "array", "items": ref("d")}}), None),
        ({"type": "null"}, None),
        ({"type": "array"}, None),
        ({"type": "array", "items": {"type": "boolean"}, "default": []}, None),
    ],
)
def test_definitions_must_be_satisfiable(definition: Json, code: str | None) -> None:
    found = problems(step("a", gives="d"), d=definition)
    assert found == ([] if code is None else [(code, "$.definitions.d")])


def test_definitions_that_no_step_uses_are_not_tried() -> None:
    assert problems(step("a"), unused={"type": "object", "required": ["x"], "additionalProperties": False}) == []


def test_steps_that_start_children_may_leave_their_output_open() -> None:
    children = {"children": [{"workflowName": "x", "workflowVersion": {"tag": "$LIVE"}}]}
    start = step("a", "b", type=CHILDREN, takes=None, gives=None, config=children)
    use = step("b", takes="text", fieldset=[{"from": "aOutput.whatever.x", "to": "x"}, {"fromEach": {"field": "y"}}])
    assert problems(start, use, text=TEXT) == []
    use["integrationDetails"]["inputTransformer"]["fieldset"].append({"from": "bOutput.x"})
    assert problems(start, use, text=TEXT) == [("transformer-source-missing", transformer_at(1, ".fieldset[2].from"))]


@pytest.mark.parametrize(
    ("array_path", "code"),
    [
        ("a.output.items", None),
        ("aOutput.items", None),
        ("a.input.items", None),
        ("bInput.items", None),
        ("workflowInput.items", "array-path-unresolved"),
        ("aOutput.items.0", "array-path-unresolved"),
        ("aOutput.maybe", "optional-property-relied-on"),
    ],
)
def test_for_each_needs_a_list(array_path: str, code: str | None) -> None:
    loop = {"workflowName": "x", "workflowVersion": {"tag": "$LIVE"}, "forEach": {"arrayPath": array_path}}
    steps = [
        step("a", "b", takes="list", gives="list"),
        step("b", type=CHILDREN, takes="list", config={"children": [loop]}),
    ]
    found = problems(*steps, list=record({"items": {"type": "array"}}, {"maybe": {"type": "array"}}))
    path = "$.steps[1].integrationDetails.config.children[0].forEach.arrayPath"
    assert found == ([] if code is None else [(code, path)])


def test_a_thousand_branches_take_little_time() -> None:
    """Diamonds in a row have 2^330 ways through; every step is looked at once."""
    steps: list[Json] = []
    for i in range(330):
        fork = {"if": [{"var": "x"}, f"left{i}", f"right{i}"]}
        steps += [
            step(f"top{i}", fork, gives="text"),
            step(f"left{i}", f"top{i + 1}"),
            step(f"right{i}", f"top{i + 1}"),
        ]
    steps.append(step("top330", fieldset=[{"from": "top0Output.x"}, {"from": "top329Output.x"}]))
    began = time.monotonic()
    assert problems(*steps, text=TEXT) == []
    assert time.monotonic() - began < 10
    steps[-1]["integrationDetails"]["inputTransformer"]["fieldset"].append({"from": "left7Output"})
    assert problems(*steps, text=TEXT) == [("transformer-source-missing", transformer_at(990, ".fieldset[2].from"))]


def test_definitions_that_explode_are_refused_quickly() -> None:
    levels: dict[str, Any] = {
        f"l{i}": record({}, {letter: ref(f"l{i + 1}") for letter in "abcdefghij"}) for i in range(12)
    }
    began = time.monotonic()
    assert problems(step("a", type=LAMBDA, gives="l0"), l12=record(), **levels)[0][0] == "definition-too-complex"
    chain: dict[str, Any] = {f"c{i}": record({"x": ref(f"c{i + 1}")}) for i in range(1000)}
    assert problems(step("a", gives="c0"), c1000=record(), **chain)[0][0] == "definition-too-complex"
    assert time.monotonic() - began < 10
