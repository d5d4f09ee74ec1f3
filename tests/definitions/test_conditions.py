"""conditions: what every operator gives for every kind of operand, and groups of them."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import conditions, evaluate
from definitions.expressions.condition_operators import OPERATORS, UNARY
from definitions.expressions.source_error import SourceError
from definitions.model import Expression

#: Stands for an operand that is missing: a reference that leads nowhere.
MISSING: Any = "{{$v.missing}}"
LIST, OBJECT = [1, "a", None], {"k": 1}
DAY, NOON, LATER = "2024-05-01", "2024-05-01T12:00:00Z", "2024-05-01T14:30:00.5+02:00"

#: Operator -> (left, right, what it gives); an operator's opposite gives the opposite.
TABLE: dict[str, list[tuple[Any, Any, bool]]] = {
    "equals": [
        (1, 1, True),
        (1, 1.0, True),
        (1, 2, False),
        (10, "10", True),
        ("10", 10, True),
        ("1e1", 10, True),
        (" 10 ", 10, True),
        ("ten", 10, False),
        ("", 0, False),
        ("a", "a", True),
        ("a", "A", False),
        ("1", "1.0", False),
        (True, True, True),
        (True, False, False),
        (True, "true", True),
        ("false", False, True),
        ("True", True, False),
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        (DAY, "2024-05-01T00:00:00Z", True),
        (NOON, "2024-05-01T14:00+02:00", True),
        (NOON, LATER, False),
        (NOON, "noon", False),
        ([1, "a"], [1, "a"], True),
        ([1, 2], [2, 1], False),
        ({"k": [1]}, {"k": [1.0]}, True),
        ({"k": 1}, {"k": 2}, False),
        ({"k": 1}, {"k": 1, "l": 1}, False),
        (LIST, OBJECT, False),
        (LIST, "a", False),
        (None, None, True),
        (MISSING, None, True),
        (MISSING, MISSING, True),
        (None, MISSING, True),
        (MISSING, 1, False),
        (1, MISSING, False),
        (MISSING, "", False),
        (None, False, False),
        (0, None, False),
        (OBJECT, None, False),
    ],
    "exists": [
        (1, None, True),
        (0, None, True),
        ("", None, True),
        (False, None, True),
        ([], None, True),
        ({}, None, True),
        (None, None, False),
        (MISSING, None, False),
    ],
    "greater": [
        (2, 1, True),
        (1, 1, False),
        (1, 2, False),
        (1.5, 1, True),
        ("51", 50, True),
        ("9", 50, False),
        (51, "50", True),
        ("10", "9", True),
        ("b", "a", True),
        ("a", "b", False),
        ("a", "B", True),
        ("abc", "ab", True),
        (LATER, NOON, True),
        (NOON, LATER, False),
        (NOON, DAY, True),
        (LATER, "2024-05-01T12:31:00Z", False),
        ("ten", 9, False),
        (9, "ten", False),
        (True, False, False),
        (True, 0, False),
        (LIST, 0, False),
        (OBJECT, "", False),
        (DAY, 0, False),
        (MISSING, 0, False),
        (1, MISSING, False),
        (None, -1, False),
        (1, None, False),
        (None, None, False),
    ],
    "greaterOrEqual": [
        (1, 1, True),
        (2, 1, True),
        (0, 1, False),
        ("1.0", "1", True),
        (DAY, "2024-05-01T02:00:00+02:00", True),
        ("a", "a", True),
        ("a", 1, False),
        (True, True, False),
        (LIST, LIST, False),
        (MISSING, 0, False),
        (0, MISSING, False),
        (None, None, False),
        (MISSING, MISSING, False),
    ],
    "less": [
        (1, 2, True),
        (1, 1, False),
        (2, 1, False),
        ("49", 50, True),
        (49, "50", True),
        ("9", "10", True),
        ("a", "b", True),
        ("b", "a", False),
        ("2023-12-31", DAY, True),
        (NOON, LATER, True),
        (LATER, NOON, False),
        (False, True, False),
        (LIST, 9, False),
        (OBJECT, OBJECT, False),
        ("x", 9, False),
        (MISSING, 50, False),
        (1, MISSING, False),
        (None, 1, False),
        (1, None, False),
    ],
    "lessOrEqual": [
        (1, 1, True),
        (1, 2, True),
        (2, 1, False),
        ("1", 1.0, True),
        (DAY, DAY, True),
        ("a", "a", True),
        ("a", 1, False),
        (False, True, False),
        (MISSING, 0, False),
        (0, MISSING, False),
        (None, None, False),
        ([], [], False),
    ],
    "contains": [
        ("hello", "ell", True),
        ("hello", "", True),
        ("hello", "ELL", False),
        ("order 12", 12, True),
        (123, "23", True),
        (123, 4, False),
        (LIST, "a", True),
        (LIST, 1, True),
        (LIST, "1", True),
        (LIST, "b", False),
        (LIST, None, True),
        ([[1]], [1], True),
        (OBJECT, "k", True),
        (OBJECT, "v", False),
        ({"1": 0}, 1, True),
        (OBJECT, None, False),
        (OBJECT, LIST, False),
        ("a,b", LIST, False),
        ("true", True, False),
        (True, "true", False),
        ("null", None, False),
        ("a", MISSING, False),
        (MISSING, "a", False),
        (None, None, False),
        ([], MISSING, False),
    ],
    "startsWith": [
        ("hello", "he", True),
        ("hello", "lo", False),
        ("hello", "", True),
        ("Hello", "he", False),
        (123, "12", True),
        ("123", 12, True),
        (LIST, 1, False),
        (OBJECT, "k", False),
        (True, "t", False),
        ("true", True, False),
        (MISSING, "a", False),
        ("a", MISSING, False),
        (None, "", False),
        ("a", None, False),
    ],
    "endsWith": [
        ("hello", "lo", True),
        ("hello", "he", False),
        ("hello", "", True),
        (123, 3, True),
        (LIST, None, False),
        (OBJECT, "k", False),
        (False, "e", False),
        (MISSING, "a", False),
        ("a", MISSING, False),
        (None, "", False),
        ("a", None, False),
    ],
    "matches": [
        ("abc", "b", True),
        ("abc", "^a.c$", True),
        ("abc", "^b", False),
        ("ABC", "(?i)abc", True),
        ("é", r"^\pL$", True),
        (123, "^[0-9]+$", True),
        ("", "^$", True),
        ("abc", 1, False),
        ("abc", None, False),
        ("abc", LIST, False),
        (LIST, ".", False),
        (True, "true", False),
        (OBJECT, ".*", False),
        (MISSING, ".*", False),
        (None, ".*", False),
        ("abc", MISSING, False),
    ],
    "isType": [
        ("a", "string", True),
        ("", "string", True),
        (1, "string", False),
        (1, "number", True),
        (1.5, "number", True),
        ("1", "number", False),
        (True, "number", False),
        (True, "boolean", True),
        ("true", "boolean", False),
        (OBJECT, "object", True),
        (LIST, "object", False),
        (LIST, "array", True),
        (OBJECT, "array", False),
        (None, "null", True),
        (MISSING, "null", True),
        ("", "null", False),
        (None, "object", False),
        (MISSING, "string", False),
        (DAY, "date", True),
        (NOON, "date", True),
        (LATER, "date", True),
        ("2024-05-01 12:00", "date", True),
        (DAY, "string", True),
        ("2024-13-01", "date", False),
        ("2024-02-30", "date", False),
        ("20240501", "date", False),
        ("today", "date", False),
        (1714521600, "date", False),
        ("a", MISSING, False),
    ],
    "lengthEquals": [
        ("abc", 3, True),
        ("abc", "3", True),
        ("abc", 2, False),
        ("", 0, True),
        ("🎈é", 2, True),
        (LIST, 3, True),
        ([], 0, True),
        (OBJECT, 1, True),
        (OBJECT, 1.0, True),
        (OBJECT, 2, False),
        ("abc", "three", False),
        ("a", True, False),
        (3, 1, False),
        (True, 4, False),
        (MISSING, 0, False),
        ("abc", MISSING, False),
        (None, 0, False),
        ("", None, False),
    ],
}
OPPOSITES = {
    "equals": "notEquals",
    "exists": "notExists",
    "contains": "notContains",
    "startsWith": "notStartsWith",
    "endsWith": "notEndsWith",
    "matches": "notMatches",
}
ROWS = [(name, *row) for name, rows in TABLE.items() for row in rows]
ROWS += [(OPPOSITES[name], left, right, not gives) for name, left, right, gives in ROWS if name in OPPOSITES]


def run(group: Any, scope: Any = None) -> Any:
    return conditions.compile({"conditions": group, "roots": ["v", "h"], "caseless": ["h"]})(scope or {"v": {}})


def compare(left: Any, name: str, right: Any) -> Any:
    """With operands as data, not as templates."""
    leaf = {"left": left if left is MISSING else "{{$v.left}}", "operator": name}
    if name not in UNARY:
        leaf["right"] = right if right is MISSING else "{{$v.right}}"
    return run({"all": [leaf]}, {"v": {"left": left, "right": right}})


@pytest.mark.parametrize(("name", "left", "right", "gives"), ROWS)
def test_operators(name: str, left: Any, right: Any, gives: bool) -> None:
    assert compare(left, name, right) is gives


def test_every_operator_has_its_rows() -> None:
    assert {name for name, *_ in ROWS} == set(OPERATORS)
    assert len(ROWS) >= 150
    for name in OPERATORS:
        rows = [row for row in ROWS if row[0] == name]
        assert {gives for *_, gives in rows} == {True, False}, name
        assert any(row[1] is MISSING for row in rows), name
        assert name in UNARY or any(row[2] is MISSING for row in rows), name
        assert any(row[1] is None for row in rows), name


def leaf(gives: bool) -> dict[str, Any]:
    return {"left": 1, "operator": "equals", "right": 1 if gives else 2}


T, F = leaf(True), leaf(False)


@pytest.mark.parametrize(
    ("group", "gives"),
    [
        ({"all": []}, True),
        ({"any": []}, False),
        ({"all": [T, T]}, True),
        ({"all": [T, F]}, False),
        ({"any": [F, T]}, True),
        ({"any": [F, F]}, False),
        ({"all": [T, {"any": [F, T]}]}, True),
        ({"all": [T, {"any": [F, F]}]}, False),
        ({"any": [F, {"all": [T, T]}]}, True),
        ({"any": [{"all": [T, F]}, {"all": [F, T]}]}, False),
        ({"all": [{"any": [F, {"all": [T, {"any": [T]}]}]}, T]}, True),
        ({"all": [{"all": []}, {"any": []}]}, False),
    ],
)
def test_groups(group: Any, gives: bool) -> None:
    assert run(group) is gives


def test_operands_are_templates() -> None:
    scope = {"v": {"stock": {"count": 49}, "name": "A"}, "h": {"X-Limit": "50"}}
    low = {"left": "{{$v.stock.count}}", "operator": "less", "right": "{{$h.x-limit}}"}
    assert run({"all": [low, {"left": "is {{$v.name}}", "operator": "equals", "right": "is A"}]}, scope) is True
    assert run({"all": [{"left": ["{{$v.name}}"], "operator": "contains", "right": "A"}]}, scope) is True


def test_no_member_is_looked_at_without_need() -> None:
    bad = {"left": "a", "operator": "matches", "right": "{{$v.pattern}}"}
    scope = {"v": {"pattern": "("}}
    assert run({"any": [T, bad]}, scope) is True
    assert run({"all": [F, bad]}, scope) is False
    for operator in ("matches", "notMatches"):
        with pytest.raises(ExpressionError, match="no regular expression"):
            run({"all": [{**bad, "operator": operator}]}, scope)


REFUSED: list[tuple[Any, str, str]] = [
    (None, ".conditions", "expected"),
    ([], ".conditions", "expected"),
    ({}, ".conditions", "expected"),
    (T, ".conditions", "expected"),
    ({"all": [], "any": []}, ".conditions", "expected"),
    ({"none": []}, ".conditions", "expected"),
    ({"all": {}}, ".conditions.all", "expected a list"),
    ({"all": [T, 1]}, ".conditions.all[1]", "expected left"),
    ({"all": [T, {}]}, ".conditions.all[1]", "expected left"),
    ({"all": [{"any": [{"left": 1, "operator": "like", "right": 1}]}]}, ".conditions.all[0].any[0].operator",
     "no operator 'like'; known are equals"),
    ({"all": [{"left": 1, "operator": 5, "right": 1}]}, ".conditions.all[0].operator", "no operator '5'"),
    ({"all": [{"left": 1, "operator": "equals"}]}, ".conditions.all[0]", "expected left, operator and right"),
    ({"all": [{"operator": "equals", "right": 1}]}, ".conditions.all[0]", "expected left, operator and right"),
    ({"all": [{**T, "more": 1}]}, ".conditions.all[0]", "expected left, operator and right"),
    ({"all": [{"left": 1, "operator": "exists", "right": 1}]}, ".conditions.all[0]", "expected left and operator only"),
    ({"all": [{"left": "{{$x}}", "operator": "exists"}]}, ".conditions.all[0].left", "no .x here"),
    ({"all": [{"left": 1, "operator": "equals", "right": ["{{1 + 1}}"]}]}, ".conditions.all[0].right[0]", "be read"),
    ({"all": [{"left": 1, "operator": "isType", "right": "integer"}]}, ".conditions.all[0].right", "no type 'integer'"),
    ({"all": [{"left": 1, "operator": "isType", "right": None}]}, ".conditions.all[0].right", "no type 'None'"),
    ({"all": [{"left": 1, "operator": "matches", "right": "("}]}, ".conditions.all[0].right", "no regular expression"),
    ({"all": [{"left": 1, "operator": "matches", "right": f"\\pL{{{n}}}"} for n in range(2, 20)]},
     ".conditions.all[7].right", "too large together"),
    ({"all": [{"left": 1, "operator": "notMatches", "right": "(?=a)"}]}, ".conditions.all[0].right", "no regular"),
]  # fmt: skip


@pytest.mark.parametrize(("group", "place", "message"), REFUSED)
def test_refused_when_compiled(group: Any, place: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        run(group)
    assert caught.value.place == place


def test_exists_may_have_a_null_at_its_right() -> None:
    assert run({"all": [{"left": 1, "operator": "exists", "right": None}]}) is True


def test_groups_are_nested_so_deep_only() -> None:
    group: Any = {"all": []}
    for _ in range(25):
        group = {"all": [group]}
    assert run(group) is True
    with pytest.raises(SourceError, match="nested more than 25 deep"):
        run({"all": [group]})


def test_work_is_bounded() -> None:
    scope = {"v": {"list": [[0] * 100] * 5000, "text": "a" * 1_000_000, "pattern": "(a*)*(a?){400}b"}}
    start = time.perf_counter()
    for operator, left, right in [
        ("contains", "{{$v.list}}", [0] * 99 + [1]),
        ("matches", "{{$v.text}}", "{{$v.pattern}}"),
        ("matches", "{{$v.text}}", "((a?){30}){30}b"),
    ]:
        with pytest.raises(ExpressionError, match="more work"):
            run({"all": [{"left": left, "operator": operator, "right": right}]}, scope)
    assert time.perf_counter() - start < 2


def test_by_the_table_of_languages() -> None:
    source = {"conditions": {"all": [{"left": "{{$v.n}}", "operator": "less", "right": 50}]}, "roots": ["v"]}
    assert evaluate(Expression(language="conditions", source=source), {"v": {"n": 49}}) is True
    assert evaluate(Expression(language="conditions", source=source), {"v": {"n": 50}}) is False


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4) | st.sampled_from(["12", "-1.5", DAY, NOON, LATER, "true", "9" * 50]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(deadline=1000)
@given(st.sampled_from([name for name in OPERATORS if "atches" not in name]), _JSON, _JSON)
def test_every_operator_gives_true_or_false_for_any_operands(name: str, left: Any, right: Any) -> None:
    gives = compare(left, name, right)
    assert gives is True or gives is False
    if name in OPPOSITES:
        assert compare(left, OPPOSITES[name], right) is not gives


@given(_JSON, _JSON)
def test_equality_has_no_direction_and_holds_for_itself(left: Any, right: Any) -> None:
    assert compare(left, "equals", left) is True
    assert compare(left, "equals", right) is compare(right, "equals", left)


@given(_JSON, _JSON)
def test_order_is_consistent(left: Any, right: Any) -> None:
    less, greater = compare(left, "less", right), compare(left, "greater", right)
    assert not (less and greater)
    assert greater is compare(right, "less", left)
    same_rank = compare(left, "lessOrEqual", right) and compare(left, "greaterOrEqual", right)
    assert compare(left, "lessOrEqual", right) is (less or same_rank)


def _reference(group: dict[str, Any]) -> bool:
    ((word, members),) = group.items()
    values = [member["right"] == 1 if "operator" in member else _reference(member) for member in members]
    return all(values) if word == "all" else any(values)


_GROUPS: Any = st.recursive(
    st.sampled_from([T, F]),
    lambda inner: st.builds(
        lambda word, members: {word: members}, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.lists(_GROUPS, max_size=3), st.sampled_from(["all", "any"]))
def test_any_groups(members: list[Any], word: str) -> None:
    assert run({word: members}) is _reference({word: members})
