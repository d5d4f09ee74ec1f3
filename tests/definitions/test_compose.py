"""`compose` and `misfit`: every form, and what each refuses."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import ExpressionError
from definitions.expressions import evaluate
from definitions.model import Expression

DATA = {
    "n": 2,
    "t": "yes",
    "tasks": {"a": {"output": 1, "status": "SUCCESS"}, "b": {"status": "FAILED"}, "c": {"output": None}},
    "by": {"x": {"p": 1}, "y": {"q": 2}},
}


def at(*path: str, otherwise: Any = None) -> dict[str, Any]:
    return {"language": "compose", "source": {"at": list(path), "otherwise": otherwise}}


def value(of: Any) -> dict[str, Any]:
    return {"language": "literal", "source": of}


def run(source: Any) -> Any:
    return evaluate(Expression(language="compose", source=source), DATA)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"let": {"n": value(5), "m": at("n")}, "in": {"language": "path", "source": "${n} ${m}"}}, "5 2"),
        ({"case": at("t"), "of": {"yes": value(1)}, "otherwise": value(2)}, 1),
        ({"case": at("n"), "of": {"2": value("two")}}, "two"),
        ({"case": value(True), "of": {"true": value(1)}}, 1),
        ({"case": at("none"), "of": {}, "otherwise": value(2)}, 2),
        ({"at": ["tasks", "a", "output"]}, 1),
        ({"at": ["tasks", "z", "output"], "otherwise": {}}, {}),
        ({"at": ["n", "z"]}, None),
        ({"merge": [value({"a": 1, "b": 1}), value({"b": 2})]}, {"a": 1, "b": 2}),
        ({"merge": []}, {}),
        ({"join": at("by")}, {"p": 1, "q": 2}),
        ({"join": value([{"p": 1}, {"p": 2}])}, {"p": 2}),
        ({"pick": at("tasks"), "key": "output"}, {"a": 1, "c": None}),
        ({"pick": at("tasks"), "keys": ["output"]}, {"a": {"output": 1}, "c": {"output": None}}),
        ({"count": at("tasks")}, 3),
        ({"count": at("tasks"), "where": {"status": "SUCCESS"}}, 1),
        ({"first": [at("none"), at("n"), at("t")]}, 2),
        ({"first": [at("none")]}, None),
        ({"listed": value({"0": "a", "2": "c", "10": "k"}), "size": value(4)}, ["a", None, "c", None]),
        ({"wrap": at("t"), "as": "text"}, {"text": "yes"}),
        ({"wrap": at("none"), "as": "text"}, {}),
        ({"wrap": at("n"), "as": "text"}, 2),
    ],
)
def test_a_form_gives_its_value(source: Any, expected: Any) -> None:
    assert run(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        {"case": at("t"), "of": {"no": value(1)}},
        {"merge": [value(1)]},
        {"join": value(1)},
        {"pick": value([]), "key": "a"},
        {"count": value("x")},
        {"listed": value([]), "size": value(1)},
        {"listed": value({}), "size": value(10_000_000)},
        {"merge": [value({str(n): 0 for n in range(60_000)})] * 2},
        {},
        [],
        {"let": {}, "in": value(1), "first": []},
    ],
)
def test_a_form_refuses_what_it_cannot_do(source: Any) -> None:
    with pytest.raises(ExpressionError):
        run(source)


@pytest.mark.parametrize(("of", "reason"), [(3, None), ("3", "the input does not fit its schema: $: ")])
def test_a_misfit_is_told(of: Any, reason: str | None) -> None:
    source = {"schema": {"type": "integer"}, "of": value(of), "what": "the input"}
    told = evaluate(Expression(language="misfit", source=source), {})
    assert told == reason if reason is None else told.startswith(reason)
