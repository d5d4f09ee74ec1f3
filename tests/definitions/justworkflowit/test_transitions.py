"""Transitions: what they may name and what they give."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.dialects.justworkflowit.transitions import compile_transition, targets
from definitions.expressions import evaluate
from definitions.model import Expression
from tests.definitions.justworkflowit.build import problems, step

AT = "$.steps[0].transitionToStep"


@pytest.mark.parametrize(
    ("transition", "names"),
    [
        (None, []),
        ("", []),
        ("b", ["b"]),
        ({"if": ["b", "c", "d"]}, ["c", "d"]),
        ({"if": [1, "b", 2, "c"]}, ["b", "c"]),
        ({"if": [1, "b", None]}, ["b"]),
        ({"if": [1, "b", {"?:": [2, "c", {"if": [3, "b", "d", "e", ""]}]}]}, ["b", "c", "e"]),
        ({"if": [1, {"and": [{"if": [1, "b", "c"]}, "d"]}, {"or": "e"}]}, ["b", "c", "d", "e"]),
        ({"if": [1, {"cat": ["b", {"var": "c"}]}, None]}, ["b", "c"]),
    ],
)
def test_targets(transition: Any, names: list[str]) -> None:
    assert targets(transition) == names


@pytest.mark.parametrize(
    ("transition", "code", "place"),
    [
        ("z", "step-unknown", ""),
        ({"if": [1, "a", "z"]}, "step-unknown", ".if[2]"),
        ({"if": [1, {"and": "z"}, "a"]}, "step-unknown", ".if[1].and"),
        ({"if": [1, {"var": ["aOutput.next"]}, "a"]}, "step-unknown", ".if[1].var[0]"),
        ({"if": [{"var": "z"}, "a", "a"]}, None, ""),
        ({"if": [1, "a", {"if": [1, "a"]}]}, "transition-if-too-short", ".if[2].if"),
        ({"if": [1, "a", True]}, "transition-target-invalid", ".if[2]"),
        ({"if": [1, "a", False]}, None, ""),
        ({"if": [1, ["a"], None]}, "transition-target-invalid", ".if[1]"),
        ({"if": [1, {"a": 1, "b": 2}, None]}, "transition-target-invalid", ".if[1]"),
        ({"if": [{"nope": 1}, "z", None]}, "rule-operator-unknown", ".if[0].nope"),
        ({"if": "a"}, "transition-invalid", ""),
        ({"if": [1, "a"]}, "transition-if-too-short", ".if"),
        ({"if": [1, "a", "a"], "else": "a"}, "transition-invalid", ""),
        ({}, "transition-invalid", ""),
        (5, "transition-invalid", ""),
        (["a"], "transition-invalid", ""),
    ],
)
def test_what_is_refused(transition: Any, code: str | None, place: str) -> None:
    assert problems(step("a", transition)) == ([] if code is None else [(code, AT + place)])


@pytest.mark.parametrize(
    ("transition", "following"),
    [
        ({"if": [{"==": [{"var": "aOutput.n"}, 3]}, "b", "c"]}, "b"),
        ({"if": [{"<": [{"var": "aOutput.n"}, 3]}, "b", None]}, None),
        ({"if": [{"<": [{"var": "aOutput.n"}, 3]}, "b", ""]}, None),
        ({"if": [False, "b", False]}, None),
        ({"if": [False, "b", {"and": [{"var": "aOutput.zero"}, "c"]}]}, None),
        ({"if": [False, "b", {"or": [{"var": "aOutput.zero"}, "c"]}]}, "c"),
        ({"if": [False, "b", False, "c"]}, None),
    ],
)
def test_what_a_transition_gives(transition: Any, following: str | None) -> None:
    compiled = compile_transition(transition)
    assert isinstance(compiled, Expression)
    assert evaluate(compiled, {"aOutput": {"n": 3, "zero": 0}}) == following


def test_plain_transitions_stay_plain() -> None:
    assert (compile_transition(None), compile_transition(""), compile_transition("b")) == (None, None, "b")
