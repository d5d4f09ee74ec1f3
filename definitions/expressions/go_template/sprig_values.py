"""Sprig's functions on any value: defaults, JSON, types, and `fail`."""

from __future__ import annotations

from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import json_out
from definitions.expressions.go_template.compare import deep_equal
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import kind, truth, type_name


def _default(default: Any, *given: Any) -> Any:
    return given[0] if given and truth(given[0]) else default


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if truth(value)), None)


def _from_json(run: Run, text: str) -> Any:
    """nil for what is no JSON."""
    try:
        return json_out.decode(run, text)
    except ValueError:
        return None


def _fail(message: str) -> Any:
    raise ExpressionError(message[:1000])


def _pretty(run: Run, value: Any) -> str:
    return json_out.encode(run, value, indent="  ")


def _raw(run: Run, value: Any) -> str:
    return json_out.encode(run, value, html=False)


VALUES: dict[str, Function] = {
    "default": pure("aa*", _default),
    "empty": pure("a", lambda value: not truth(value)),
    "coalesce": pure("a*", _coalesce),
    "all": pure("a*", lambda *values: all(map(truth, values))),
    "any": pure("a*", lambda *values: any(map(truth, values))),
    "ternary": pure("aab", lambda yes, no, condition: yes if condition else no),
    "fromJson": fn("s", _from_json),
    "mustFromJson": fn("s", json_out.decode),
    "toJson": fn("a", json_out.encode),
    "mustToJson": fn("a", json_out.encode),
    "toPrettyJson": fn("a", _pretty),
    "mustToPrettyJson": fn("a", _pretty),
    "toRawJson": fn("a", _raw),
    "mustToRawJson": fn("a", _raw),
    "typeOf": pure("a", type_name),
    "typeIs": pure("sa", lambda name, value: name == type_name(value)),
    "typeIsLike": pure("sa", lambda name, value: name.lstrip("*") == type_name(value)),
    "kindOf": pure("a", kind),
    "kindIs": pure("sa", lambda name, value: name == kind(value)),
    "deepEqual": fn("aa", deep_equal),
    "fail": pure("s", _fail),
}
