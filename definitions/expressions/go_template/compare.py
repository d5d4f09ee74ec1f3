"""Equality and order, as Go's templates have them.

One difference: an integer and a float are compared by value (Go refuses), since JSON does not tell 3 from 3.0.
"""

from __future__ import annotations

from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import VALUE_DEPTH, kind, type_name

_BASIC = {"bool": "bool", "int": "number", "float64": "number", "string": "string", "struct": "time"}


def equal(run: Run, left: Any, *others: Any) -> bool:
    """Whether the first is equal to any other. Raises ExpressionError for what cannot be compared."""
    if not others:
        raise ExpressionError("missing argument for comparison")
    run.spend(len(others))
    return any(_equal(left, other) for other in others)


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    kinds = _BASIC.get(kind(left)), _BASIC.get(kind(right))
    if kinds[0] != kinds[1]:
        raise ExpressionError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")
    if kinds[0] is None:
        raise ExpressionError(f"non-comparable type {type_name(left)}")
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """Whether the left number or string is below the right one. Raises ExpressionError."""
    kinds = [_BASIC.get(kind(value)) for value in (left, right)]
    if None in kinds or "time" in kinds:
        raise ExpressionError("invalid type for comparison")
    if kinds[0] != kinds[1]:
        raise ExpressionError(f"incompatible types for comparison: {type_name(left)} and {type_name(right)}")
    if kinds[0] == "bool":
        raise ExpressionError("invalid type for comparison")
    return bool(left < right)


def deep_equal(run: Run, left: Any, right: Any, depth: int = 0) -> bool:
    """As reflect.DeepEqual, but 1 is equal to 1.0 too. Raises ExpressionError for what is nested too deep."""
    run.spend(1)
    if depth > VALUE_DEPTH:
        raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            deep_equal(run, one, other, depth + 1) for one, other in zip(left, right, strict=True)
        )
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            deep_equal(run, value, right[key], depth + 1) for key, value in left.items()
        )
    if _BASIC.get(kind(left)) != _BASIC.get(kind(right)) or kind(left) in ("slice", "map"):
        return False
    return bool(left == right)
