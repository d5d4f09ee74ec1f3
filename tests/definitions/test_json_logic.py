"""json-logic: what rules give, as json-logic-js 2.x gives it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import json_logic
from definitions.expressions.json_logic import CONTROL
from definitions.expressions.json_logic_operators import OPERATORS
from definitions.expressions.source_error import SourceError

DATA: dict[str, Any] = {
    "a": {"b": {"c": 7}, "list": [10, 20, 30], "no": None},
    "n": 5,
    "s": "héllo",
    "zero": 0,
    "empty": [],
    "pies": [{"f": "apple", "p": 2}, {"f": "cherry", "p": 3}],
    "dotted.key": 1,
    "o": {},
}

CASES: list[tuple[Any, Any]] = [
    # var
    ({"var": "n"}, 5),
    ({"var": ["n"]}, 5),
    ({"var": "a.b.c"}, 7),
    ({"var": "a.list.1"}, 20),
    ({"var": "a.list.length"}, 3),
    ({"var": "a.list.9"}, None),
    ({"var": ["a.nothing", "default"]}, "default"),
    ({"var": ["a.no", "default"]}, None),
    ({"var": ["a.no.deeper", "default"]}, "default"),
    ({"var": "dotted.key"}, None),
    ({"var": "s.0"}, "h"),
    ({"var": "s.length"}, 5),
    ({"var": "o.toString"}, None),
    ({"var": {"cat": ["a.", "b"]}}, {"c": 7}),
    ({"map": [{"var": "a.list"}, {"var": ""}]}, [10, 20, 30]),
    ({"map": [[[1, 2], [3]], {"var": 0}]}, [1, 3]),
    # missing
    ({"missing": ["n", "x"]}, ["x"]),
    ({"missing": [["n", "x", "y"]]}, ["x", "y"]),
    ({"missing": "a.b.c"}, []),
    ({"missing_some": [1, ["n", "x"]]}, []),
    ({"missing_some": [2, ["n", "x", "y"]]}, ["x", "y"]),
    # equality
    ({"==": [1, "1"]}, True),
    ({"==": [0, False]}, True),
    ({"==": [0, ""]}, True),
    ({"==": [None, 0]}, False),
    ({"==": [None, {"var": "x"}]}, True),
    ({"==": [[1, 2], "1,2"]}, True),
    ({"==": [[], ""]}, True),
    ({"==": ["1", True]}, True),
    ({"==": [{"var": "o"}, "[object Object]"]}, True),
    ({"==": [[], []]}, False),
    ({"===": [1, "1"]}, False),
    ({"===": [1, 1.0]}, True),
    ({"===": [True, 1]}, False),
    ({"!=": [1, "1"]}, False),
    ({"!==": [1, "1"]}, True),
    # truth
    ({"!": [[]]}, True),
    ({"!": ["0"]}, False),
    ({"!": [""]}, True),
    ({"!!": [{"var": "o"}]}, True),
    ({"!!": [[0]]}, True),
    ({"!!": {"/": [0, 0]}}, False),
    # if, and, or
    ({"if": [True, "yes", "no"]}, "yes"),
    ({"if": [[], "yes", "no"]}, "no"),
    ({"if": [False, 1, False, 2, 3]}, 3),
    ({"if": [False, 1, True, 2]}, 2),
    ({"if": [False, 1, False, 2]}, None),
    ({"if": ["only"]}, "only"),
    ({"if": []}, None),
    ({"?:": [0, "yes", "no"]}, "no"),
    ({"and": [True, "", 3]}, ""),
    ({"and": [1, 2, 3]}, 3),
    ({"and": []}, None),
    ({"or": [0, "", None]}, None),
    ({"or": [0, "b", {"*": []}]}, "b"),
    # comparison
    ({"<": [1, 2]}, True),
    ({"<": [1, 2, 3]}, True),
    ({"<": [1, 3, 3]}, False),
    ({"<=": [1, 3, 3]}, True),
    ({"<": [1, 2, None]}, False),
    ({">": ["10", 9]}, True),
    ({">": ["10", "9"]}, False),
    ({">=": [None, 0]}, True),
    ({">": ["x", 1]}, False),
    ({"<": ["x", 1]}, False),
    ({"<": [[2], [10]]}, False),
    ({"max": [1, "30", 2]}, 30),
    ({"min": [1, None, 2]}, 0),
    ({"max": [1, "x"]}, None),
    ({"max": []}, None),
    # arithmetic
    ({"+": [1, "2", "3px"]}, 6),
    ({"+": ["x"]}, None),
    ({"+": "3.14"}, 3.14),
    ({"+": [0.1, 0.2]}, 0.30000000000000004),
    ({"-": [5]}, -5),
    ({"-": ["7", 2]}, 5),
    ({"*": [2, "3", 4]}, 24),
    ({"*": ["5"]}, "5"),
    ({"/": [7, 2]}, 3.5),
    ({"/": [1, 0]}, None),
    ({">": [{"/": [1, 0]}, 1e300]}, True),
    ({"<": [{"/": [-1, 0]}, -1e300]}, True),
    ({"%": [7, 3]}, 1),
    ({"%": [-7, 3]}, -1),
    ({"%": [7, 0]}, None),
    ({"-": [" 0x10 ", ""]}, 16),
    ({"+": [9007199254740993, 0]}, 9007199254740992),
    # text and lists
    ({"cat": ["a", 1, None, True, [1, [2, None]], 1.0, 1e21, 1e-7, 0.1]}, "a1true1,2,11e+211e-70.1"),
    ({"cat": "x"}, "x"),
    ({"cat": [{"var": "o"}]}, "[object Object]"),
    ({"in": ["lo", {"var": "s"}]}, True),
    ({"in": [20, {"var": "a.list"}]}, True),
    ({"in": ["20", {"var": "a.list"}]}, False),
    ({"in": ["x", 5]}, False),
    ({"in": ["", ""]}, False),
    ({"substr": ["jsonlogic", 4]}, "logic"),
    ({"substr": ["jsonlogic", -5]}, "logic"),
    ({"substr": ["jsonlogic", 1, 3]}, "son"),
    ({"substr": ["jsonlogic", 4, -2]}, "log"),
    ({"substr": ["jsonlogic", 0, -20]}, ""),
    ({"substr": ["a😀b", 1, 2]}, "😀"),
    ({"substr": [12345, "1", 2]}, "23"),
    ({"merge": [[1, 2], 3, [[4]]]}, [1, 2, 3, [4]]),
    ({"merge": []}, []),
    ({"map": [{"var": "pies"}, {"var": "f"}]}, ["apple", "cherry"]),
    ({"map": [{"var": "n"}, 1]}, []),
    ({"filter": [{"var": "a.list"}, {">": [{"var": ""}, 15]}]}, [20, 30]),
    ({"reduce": [{"var": "a.list"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 0]}, 60),
    ({"reduce": [{"var": "x"}, {"+": [1, 2]}, 9]}, 9),
    ({"all": [{"var": "pies"}, {">": [{"var": "p"}, 1]}]}, True),
    ({"all": [[], True]}, False),
    ({"some": [{"var": "pies"}, {"==": [{"var": "f"}, "apple"]}]}, True),
    ({"none": [{"var": "pies"}, {"==": [{"var": "f"}, "plum"]}]}, True),
    ({"none": [[], True]}, True),
    # literals
    ({"log": "printed nowhere"}, "printed nowhere"),
    ([1, {"var": "n"}, {"a": 1, "b": {"var": "n"}}], [1, 5, {"a": 1, "b": {"var": "n"}}]),
    ({}, {}),
    ("text", "text"),
    ({"log": [[{"and": []}, {"/": [0, 0]}]]}, [None, None]),
]


@pytest.mark.parametrize(("rule", "expected"), CASES, ids=lambda value: json.dumps(value)[:60])
def test_rule(rule: Any, expected: Any) -> None:
    result = json_logic.compile(rule)(DATA)
    assert result == expected
    assert json.dumps(result) == json.dumps(expected)  # true is not 1, and 2 is not 2.0


def test_every_operator_has_a_case() -> None:
    text = json.dumps([rule for rule, _ in CASES])
    assert [name for name in (*OPERATORS, *CONTROL) if f'"{name}":' not in text] == []


@pytest.mark.parametrize(
    ("rule", "code", "place"),
    [
        ({"if": [{"matches": ["a", "b"]}, 1, 2]}, "rule-operator-unknown", ".if[0].matches"),
        ({"toString": []}, "rule-operator-unknown", ".toString"),
        ({"and": {"method": 1}}, "rule-operator-unknown", ".and.method"),
        ([1, {"?": 2}], "rule-operator-unknown", '[1]["?"]'),
    ],
)
def test_an_unknown_operator_is_found_when_compiled(rule: Any, code: str, place: str) -> None:
    with pytest.raises(SourceError) as caught:
        json_logic.compile(rule)
    assert (caught.value.code, caught.value.place) == (code, place)


def test_depth_is_bounded() -> None:
    rule: Any = True
    for _ in range(json_logic.DEPTH_LIMIT):
        rule = {"!": rule}
    assert json_logic.compile(rule)({}) is (json_logic.DEPTH_LIMIT % 2 == 0)
    with pytest.raises(SourceError, match="nested more than"):
        json_logic.compile({"!": rule})


_DOUBLED = [{"var": "accumulator"}, {"var": "accumulator"}]


@pytest.mark.parametrize(
    "rule",
    [
        {"reduce": [{"var": "list"}, {"cat": _DOUBLED}, "x"]},
        {"reduce": [{"var": "list"}, {"merge": _DOUBLED}, [1]]},
        {"reduce": [{"var": "list"}, _DOUBLED, 1]},
        {"==": [{"reduce": [{"var": "list"}, _DOUBLED, 1]}, "x"]},
        {"in": ["x", {"cat": [{"reduce": [{"var": "list"}, _DOUBLED, 1]}]}]},
        {"map": [{"var": "long"}, {"map": [[1, 2, 3, 4], {"filter": [[1, 2, 3, 4], {"all": [[1, 2], True]}]}]}]},
        {"map": [{"var": "long"}, {"in": ["x", {"var": "text"}]}]},
    ],
)
def test_work_is_bounded(rule: Any) -> None:
    data = {"list": [0] * 60, "long": [{"text": "y" * 10_000}] * 5_000}
    with pytest.raises(ExpressionError, match="more work"):
        json_logic.compile(rule)(data)


def test_results_nested_too_deeply_are_refused() -> None:
    rule = {"reduce": [{"var": "list"}, [{"var": "accumulator"}], 1]}
    with pytest.raises(ExpressionError, match="too deeply"):
        json_logic.compile(rule)({"list": [0] * 500})


def test_the_data_is_not_changed_and_not_shared() -> None:
    data = {"list": [{"x": [1]}]}
    result = json_logic.compile({"var": "list"})(data)
    result[0]["x"].append(2)
    assert data == {"list": [{"x": [1]}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
rules = st.recursive(
    json_values | st.sampled_from(["a", "b.c", "a.0", ""]).map(lambda path: {"var": path}),
    lambda inner: st.builds(
        lambda name, args: {name: args}, st.sampled_from([*OPERATORS, *CONTROL]), st.lists(inner, max_size=4) | inner
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(rules, st.dictionaries(st.sampled_from("abc"), json_values, max_size=3))
def test_any_rule_gives_json_or_our_errors(rule: Any, data: dict[str, Any]) -> None:
    try:
        program = json_logic.compile(rule)
    except SourceError:
        return
    try:
        first = program(data)
    except ExpressionError:
        return
    text = json.dumps(first, allow_nan=False)
    assert text == json.dumps(program(data), allow_nan=False)
