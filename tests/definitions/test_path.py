"""`path` and `literal`, and the table of languages."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.errors import ExpressionError
from definitions.expressions import ABSENT, LANGUAGES, evaluate, passthrough, path, program
from definitions.expressions.source_error import SourceError
from definitions.model import Expression

SCOPE: dict[str, Any] = {"a": {"b": [1, {"c": "x"}]}, "s": "text", "t": True, "n": None}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("${a.b}", [1, {"c": "x"}]),
        ("${ a.b.1.c }", "x"),
        ("${t}", True),
        ("${n}", None),
        ("<${s}|${a.b.0}>", "<text|1>"),
        ("${s}${t}", "texttrue"),
        ("is ${a}", 'is {"b": [1, {"c": "x"}]}'),
        ("plain $ {x}", "plain $ {x}"),
        ("", ""),
        ({"k": ["${s}", {"l": "${t}"}], "n": 5}, {"k": ["text", {"l": True}], "n": 5}),
        (7, 7),
        (None, None),
    ],
)
def test_values_are_filled_in(source: Any, expected: Any) -> None:
    assert path.compile(source)(SCOPE) == expected


@pytest.mark.parametrize("dotted", ["missing", "a.missing", "a.b.2", "a.b.-1", "a.b.x", "s.length", "n.x", "a..b"])
def test_a_path_that_leads_nowhere_is_an_error(dotted: str) -> None:
    with pytest.raises(ExpressionError, match="nothing is found") as caught:
        path.lookup(SCOPE, dotted)
    assert caught.value.path == f"$.{dotted}"


@pytest.mark.parametrize("source", ["${", "${}", "a ${ } b", ["x", {"y": "${a"}]])
def test_a_bad_source_is_found_when_compiled(source: Any) -> None:
    with pytest.raises(ValueError, match="without a path"):
        path.compile(source)


def test_a_literal_is_its_value() -> None:
    assert evaluate(Expression(language="literal", source={"x": "${s}"}), SCOPE) == {"x": "${s}"}


@pytest.mark.parametrize(
    ("source", "scope", "value"),
    [
        ({"data": "a"}, {"a": None}, None),
        ({"data": "a"}, {}, ABSENT),
        ({"after": {"x": "xOut", "y": "yOut"}}, {"$last": "y", "xOut": 1, "yOut": 2}, 2),
        ({"after": {"x": "xOut"}}, {"$last": "y", "xOut": 1}, ABSENT),
        ({"after": {"x": "xOut"}}, {"$last": None, "xOut": 1}, ABSENT),
        ({"after": {"x": "xOut"}}, {"$last": "x"}, ABSENT),
        ({"after": {"x": "xOut"}}, {"xOut": 1}, ABSENT),
    ],
)
def test_passthrough(source: Any, scope: dict[str, Any], value: Any) -> None:
    assert passthrough.compile(source)(scope) is value


@pytest.mark.parametrize(
    "source", [None, {}, {"data": 1}, {"after": {}}, {"after": {"x": 1}}, {"data": "a", "after": {}}]
)
def test_a_bad_passthrough(source: Any) -> None:
    with pytest.raises(SourceError):
        passthrough.compile(source)


def test_programs_are_compiled_once() -> None:
    for language, source in {"literal": 1, "path": "${s}", "json-logic": {"var": "s"}}.items():
        one, other = (Expression(language=language, source=source) for _ in range(2))
        assert program(one) is program(other)


def test_a_bad_expression_is_an_expression_error_when_evaluated() -> None:
    for language, source in {"json-logic": {"nope": 1}, "path": "${", "json-xform": {}, "none": 1}.items():
        with pytest.raises(ExpressionError):
            evaluate(Expression(language=language, source=source), {})


def test_the_table_of_languages() -> None:
    assert {"literal", "path", "json-logic", "json-xform", "passthrough"} <= set(LANGUAGES)
    assert not ABSENT
