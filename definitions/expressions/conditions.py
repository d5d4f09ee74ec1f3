"""`conditions`: groups of comparisons, which give true or false.

The source is `{"conditions": group, "roots": …, "caseless"?: …}`, with the roots as in the language `double-brace`. A
group is `{"all": […]}`, true if each of its members is, or `{"any": […]}`, true if one is: an empty `all` is true, an
empty `any` false. A member is a group or `{"left": template, "operator": name, "right": template}`, where templates are
those of `double-brace`; `exists` and `notExists` have no `right`. Members are looked at in order, and no further than
needed. What the operators give for which operands is written in `condition_operators`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from definitions.expressions import regex
from definitions.expressions.condition_operators import OPERATORS, TYPES, UNARY
from definitions.expressions.double_brace import NOTHING, Finder, Reference, Roots, checked, finder, parts, roots_of
from definitions.expressions.meter import Meter, current
from definitions.expressions.source_error import SourceError
from definitions.json_path import child

DEPTH_LIMIT = 25

_Test = Callable[[Mapping[str, Any], Meter], bool]


class _Known(NamedTuple):
    roots: Roots
    patterns: regex.Written


def compile(source: Any) -> Callable[[Mapping[str, Any]], bool]:
    """Raises SourceError (a ValueError), with the place."""
    given = checked(source, "conditions")
    test = _group(given["conditions"], _Known(roots_of(given), regex.Written()), ".conditions", 0)
    return lambda scope: test(scope, current())


def _group(value: Any, known: _Known, place: str, depth: int) -> _Test:
    if not isinstance(value, dict) or len(value) != 1 or not {"all", "any"} & value.keys():
        raise SourceError('expected {"all": […]} or {"any": […]}', place, "condition-invalid")
    if depth > DEPTH_LIMIT:
        raise SourceError(f"conditions are nested more than {DEPTH_LIMIT} deep", place, "condition-too-deep")
    ((word, members),) = value.items()
    if not isinstance(members, list):
        raise SourceError("expected a list", child(place, word), "condition-invalid")
    places = [child(child(place, word), index) for index in range(len(members))]
    tests = [_member(member, known, at, depth) for member, at in zip(members, places, strict=True)]
    decide = all if word == "all" else any
    return lambda scope, meter: decide(test(scope, meter) for test in tests)


def _member(value: Any, known: _Known, place: str, depth: int) -> _Test:
    if isinstance(value, dict) and "operator" in value:
        return _comparison(value, known, place)
    if isinstance(value, dict) and {"all", "any"} & value.keys():
        return _group(value, known, place, depth + 1)
    raise SourceError("expected left, operator and right, or a group: all, any", place, "condition-invalid")


def _comparison(value: dict[str, Any], known: _Known, place: str) -> _Test:
    name = value["operator"]
    if not isinstance(name, str) or name not in OPERATORS:
        message = f"there is no operator {str(name)[:80]!r}; known are {', '.join(OPERATORS)}"
        raise SourceError(message, child(place, "operator"), "condition-operator-unknown")
    unary = name in UNARY
    if unary and value.get("right") is None:
        value = {**value, "right": None}
    if value.keys() != {"left", "operator", "right"} or (unary and value["right"] is not None):
        expected = "left and operator only" if unary else "left, operator and right"
        raise SourceError(f"expected {expected}", place, "condition-invalid")
    left = finder(value["left"], known.roots, child(place, "left"))
    right = finder(value["right"], known.roots, child(place, "right"))
    _check_literal(name, value["right"], known, child(place, "right"))
    operate = OPERATORS[name]
    return lambda scope, meter: operate(_value(left, scope, meter), _value(right, scope, meter), meter)


def _value(operand: Finder, scope: Mapping[str, Any], meter: Meter) -> Any:
    found = operand(scope, meter)
    return None if found is NOTHING else found


def _check_literal(name: str, right: Any, known: _Known, place: str) -> None:
    """A type or a regular expression that is written out must be one."""
    if isinstance(right, str) and any(
        isinstance(part, Reference) for part in parts(right, known.roots.found_at, place)
    ):
        return
    if name == "isType" and (not isinstance(right, str) or right not in TYPES):
        message = f"there is no type {str(right)[:80]!r}; known are {', '.join(TYPES)}"
        raise SourceError(message, place, "condition-type-unknown")
    if name in ("matches", "notMatches") and isinstance(right, str):
        try:
            known.patterns.check(right)
        except ValueError as error:
            raise SourceError(str(error), place, "condition-pattern") from None
