"""The operators of json-logic whose arguments are computed first: one function each, one table.

Every function takes the arguments, the data and the meter; a missing argument is `undefined`, as in JavaScript.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import javascript as js
from definitions.expressions.javascript import UNDEFINED
from definitions.expressions.meter import Meter

Operator = Callable[[list[Any], Any, Meter], Any]


def logic_truthy(value: Any) -> bool:
    """json-logic's own rule: JavaScript's, but an empty array is false."""
    return value != [] and js.truthy(value)


def look_up(data: Any, keys: list[str], default: Any) -> Any:
    for key in keys:
        if data is None or data is UNDEFINED:
            return default
        data = js.get_property(data, key)
    return default if data is UNDEFINED else data


def _pair(args: list[Any]) -> tuple[Any, Any]:
    return _arg(args, 0), _arg(args, 1)


def _arg(args: list[Any], index: int) -> Any:
    return args[index] if index < len(args) else UNDEFINED


def _var(args: list[Any], data: Any, meter: Meter) -> Any:
    key, default = _pair(args)
    if key is UNDEFINED or key is None or key == "":
        return data
    return look_up(data, js.to_string(key, meter).split("."), None if default is UNDEFINED else default)


def _missing(args: list[Any], data: Any, meter: Meter) -> list[Any]:
    keys = args[0] if args and isinstance(args[0], list) else args
    meter.spend(len(keys))
    values = [_var(key if isinstance(key, list) else [key], data, meter) for key in keys]
    return [key for key, value in zip(keys, values, strict=True) if value is None or value == ""]


def _missing_some(args: list[Any], data: Any, meter: Meter) -> list[Any]:
    need, options = _pair(args)
    if options is None or options is UNDEFINED:
        raise ExpressionError("missing_some needs a list of keys")
    missing = _missing(options if isinstance(options, list) else [options], data, meter)
    present = js.to_number(js.get_property(options, "length"), meter) - len(missing)
    return [] if js.less(need, present, meter, or_equal=True) else missing


def _between(args: list[Any], meter: Meter, or_equal: bool) -> bool:
    a, b = _pair(args)
    c = _arg(args, 2)
    return js.less(a, b, meter, or_equal=or_equal) and (c is UNDEFINED or js.less(b, c, meter, or_equal=or_equal))


def _in(args: list[Any], data: Any, meter: Meter) -> bool:
    needle, haystack = _pair(args)
    if isinstance(haystack, str):
        return haystack != "" and js.to_string(needle, meter) in haystack
    if not isinstance(haystack, list):
        return False
    meter.spend(len(haystack))
    return any(js.strict_equals(item, needle) for item in haystack)


def _cat(args: list[Any], data: Any, meter: Meter) -> str:
    text = "".join(js.join_item(item, meter) for item in args)
    meter.spend(len(text) // 16)
    return text


def _substr(args: list[Any], data: Any, meter: Meter) -> str:
    text, start, length = js.to_string(_arg(args, 0), meter), _arg(args, 1), _arg(args, 2)
    rest = js.utf16_slice(text, _start(start, js.utf16_length(text), meter), js.utf16_length(text))
    size = js.utf16_length(rest)
    if length is UNDEFINED:
        return rest
    if js.less(length, 0, meter):
        # JavaScript adds the text of anything but a number to the size, which is then no number: nothing is left.
        return js.utf16_slice(rest, 0, int(max(0.0, size + js.as_double(length)))) if js.is_number(length) else ""
    return js.utf16_slice(rest, 0, min(size, _integer(length, size, meter)))


def _start(value: Any, size: int, meter: Meter) -> int:
    start = _integer(value, size, meter)
    return min(size, start) if start >= 0 else max(0, size + start)


def _integer(value: Any, size: int, meter: Meter) -> int:
    """ToIntegerOrInfinity, with what is beyond the size cut to it."""
    number = js.to_number(value, meter)
    return 0 if number != number else int(max(-size, min(size, number)))


def _add(args: list[Any], data: Any, meter: Meter) -> int | float:
    total = 0.0
    for value in args:
        total += js.parse_float(value, meter)
    return js.as_json_number(total)


def _multiply(args: list[Any], data: Any, meter: Meter) -> Any:
    if not args:
        raise ExpressionError("* needs an argument")
    if len(args) == 1:
        return args[0]
    product = js.parse_float(args[0], meter)
    for value in args[1:]:
        product *= js.parse_float(value, meter)
    return js.as_json_number(product)


def _subtract(args: list[Any], data: Any, meter: Meter) -> int | float:
    a, b = _pair(args)
    first = js.to_number(a, meter)
    return js.as_json_number(-first if b is UNDEFINED else first - js.to_number(b, meter))


def _divide(args: list[Any], data: Any, meter: Meter) -> int | float:
    a, b = (js.to_number(value, meter) for value in _pair(args))
    if b != 0:
        return js.as_json_number(a / b)
    return js.NAN if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


def _modulo(args: list[Any], data: Any, meter: Meter) -> int | float:
    a, b = (js.to_number(value, meter) for value in _pair(args))
    return js.NAN if b == 0 or math.isinf(a) else js.as_json_number(math.fmod(a, b))


def _extreme(args: list[Any], meter: Meter, choose: Callable[[list[float]], float], empty: float) -> int | float:
    numbers = [js.to_number(value, meter) for value in args]
    if any(number != number for number in numbers):
        return js.NAN
    return js.as_json_number(choose(numbers)) if numbers else empty


def _merge(args: list[Any], data: Any, meter: Meter) -> list[Any]:
    merged: list[Any] = []
    for value in args:
        meter.spend(len(value) if isinstance(value, list) else 1)
        merged += value if isinstance(value, list) else [value]
    return merged


OPERATORS: dict[str, Operator] = {
    "var": _var,
    "missing": _missing,
    "missing_some": _missing_some,
    "==": lambda args, data, meter: js.loose_equals(*_pair(args), meter),
    "!=": lambda args, data, meter: not js.loose_equals(*_pair(args), meter),
    "===": lambda args, data, meter: js.strict_equals(*_pair(args)),
    "!==": lambda args, data, meter: not js.strict_equals(*_pair(args)),
    "!": lambda args, data, meter: not logic_truthy(_arg(args, 0)),
    "!!": lambda args, data, meter: logic_truthy(_arg(args, 0)),
    ">": lambda args, data, meter: js.less(_arg(args, 1), _arg(args, 0), meter),
    ">=": lambda args, data, meter: js.less(_arg(args, 1), _arg(args, 0), meter, or_equal=True),
    "<": lambda args, data, meter: _between(args, meter, or_equal=False),
    "<=": lambda args, data, meter: _between(args, meter, or_equal=True),
    "max": lambda args, data, meter: _extreme(args, meter, max, -math.inf),
    "min": lambda args, data, meter: _extreme(args, meter, min, math.inf),
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _modulo,
    "in": _in,
    "cat": _cat,
    "substr": _substr,
    "merge": _merge,
    # The original prints its argument besides; a workflow prints nothing.
    "log": lambda args, data, meter: _arg(args, 0),
}
