"""The values of CEL and what its operators do with them; all work is counted.

JSON is taken as it is: a whole number is an int, any other a double. Values of other types are Uint, bytes, Timestamp,
Duration and Type. As JSON has one kind of number only, arithmetic with an int and a double gives a double, which the
language's definition leaves undefined.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.cel_time import Duration, Timestamp
from definitions.expressions.meter import Meter

INT_LIMIT = 2**63
UINT_LIMIT = 2**64
DEPTH_LIMIT = 100


class CelError(ExpressionError):
    """An error that `&&` and `||` may absorb, unlike one of the meter."""


class Uint(int):
    """An unsigned integer."""

    __slots__ = ()


class Type(str):
    """A type as a value."""

    __slots__ = ()


_TYPES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    Type: "type",
}
#: The names that stand for types.
TYPE_NAMES = ("null_type", "bool", "int", "uint", "double", "string", "bytes", "list", "map", "type")

_NUMBERS = (int, Uint, float)
#: Types whose values are ordered; numbers are ordered among each other.
_ORDERED = (bool, str, bytes, Timestamp, Duration)


def type_name(value: Any) -> str:
    return _TYPES.get(type(value)) or ("map" if isinstance(value, dict) else type(value).__name__)


def no_overload(what: str, *values: Any) -> CelError:
    return CelError(f"no such overload: {what} of {', '.join(map(type_name, values))}")


def cost(value: Any) -> int:
    """Units for looking at all of a text or at the items of a list, not within them."""
    if isinstance(value, (str, bytes)):
        return len(value) // 16
    return len(value) if isinstance(value, (list, dict)) else 0


def equal(a: Any, b: Any, meter: Meter, depth: int = 0) -> bool:
    """CEL's equality: numbers by value, values of different types are not equal."""
    meter.spend()
    kind, other = type(a), type(b)
    if kind in _NUMBERS and other in _NUMBERS:
        return bool(a == b)
    if kind is not other:
        return False
    if kind in (list, dict):
        if depth >= DEPTH_LIMIT:
            raise ExpressionError("a value is nested too deeply to be compared")
        if len(a) != len(b):
            return False
        if kind is list:
            return all(equal(x, y, meter, depth + 1) for x, y in zip(a, b, strict=True))
        return all(key in b and equal(value, b[key], meter, depth + 1) for key, value in a.items())
    meter.spend(min(cost(a), cost(b)))
    return bool(a == b)


def _ordered(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Meter], bool]:
    def run(a: Any, b: Any, meter: Meter) -> bool:
        kind, other = type(a), type(b)
        if not (kind in _NUMBERS and other in _NUMBERS) and not (kind is other and kind in _ORDERED):
            raise no_overload(name, a, b)
        meter.spend(min(cost(a), cost(b)))
        return compare(a, b)

    return run


def contained(item: Any, container: Any, meter: Meter) -> bool:
    if isinstance(container, list):
        return any(equal(item, one, meter) for one in container)
    if isinstance(container, dict):
        meter.spend(cost(item))
        return type(item) in (bool, str, *_NUMBERS) and key_of(item) in container
    raise no_overload("in", item, container)


def key_of(value: Any) -> Any:
    """How a map holds a key: Python takes true for 1, CEL does not. Raises CelError for what cannot be one."""
    if type(value) is bool:
        return (value,)
    if type(value) is str or type(value) in _NUMBERS:
        return value
    raise no_overload("map key", value)


def from_key(key: Any) -> Any:
    return key[0] if type(key) is tuple else key


def item_at(container: Any, key: Any, meter: Meter) -> Any:
    """`container[key]`. Raises CelError."""
    if isinstance(container, dict):
        meter.spend(cost(key))
        held = key_of(key)
        if held in container:
            return container[held]
        raise CelError(f"no such key: {str(key)[:80]}")
    if isinstance(container, list) and type(key) in _NUMBERS and key == key // 1:
        if 0 <= key < len(container):
            return container[int(key)]
        raise CelError(f"index out of bounds: {key}")
    raise no_overload("index", container, key)


def _int(value: int) -> int:
    if not -INT_LIMIT <= value < INT_LIMIT:
        raise CelError("an integer overflows")
    return value


def _uint(value: int) -> Uint:
    if not 0 <= value < UINT_LIMIT:
        raise CelError("an unsigned integer overflows")
    return Uint(value)


def _divide(a: int, b: int) -> int:
    if b == 0:
        raise CelError("division by zero")
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _remainder(a: int, b: int) -> int:
    if b == 0:
        raise CelError("modulus by zero")
    quotient = _divide(a, b)
    return a - b * (_int(quotient) if b < 0 else quotient)  # the least integer has no remainder by -1


def _float_divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a) * math.copysign(1, b)


_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}
_REAL: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _float_divide,
}
#: Of one type each: text, bytes and lists are joined; moments and spans are added.
_OTHERS: dict[tuple[str, type, type], Callable[[Any, Any], Any]] = {
    ("+", str, str): operator.add,
    ("+", bytes, bytes): operator.add,
    ("+", list, list): operator.add,
    ("+", Timestamp, Duration): lambda a, b: Timestamp(a.nanos + b.nanos),
    ("+", Duration, Timestamp): lambda a, b: Timestamp(a.nanos + b.nanos),
    ("+", Duration, Duration): lambda a, b: Duration(a.nanos + b.nanos),
    ("-", Timestamp, Timestamp): lambda a, b: Duration(a.nanos - b.nanos),
    ("-", Timestamp, Duration): lambda a, b: Timestamp(a.nanos - b.nanos),
    ("-", Duration, Duration): lambda a, b: Duration(a.nanos - b.nanos),
}


def _arithmetic(sign: str) -> Callable[[Any, Any, Meter], Any]:
    def run(a: Any, b: Any, meter: Meter) -> Any:
        kind, other = type(a), type(b)
        if kind is int and other is int:
            return _int(_WHOLE[sign](a, b))
        if kind is Uint and other is Uint:
            return _uint(_WHOLE[sign](int(a), int(b)))
        if kind in (int, float) and other in (int, float) and sign in _REAL:
            return _REAL[sign](_float(a), _float(b))
        combine = _OTHERS.get((sign, kind, other))
        if combine is None:
            raise no_overload(sign, a, b)
        meter.spend(cost(a) + cost(b))
        return combine(a, b)

    return run


def _float(value: int | float) -> float:
    if abs(value) >= 2**1023 and isinstance(value, int):
        raise CelError("an integer overflows")
    return float(value)


def negative(value: Any) -> Any:
    if type(value) is int:
        return _int(-value)
    if type(value) is float:
        return -value
    raise no_overload("-", value)


#: Every operator of two values, by its sign.
BINARY: dict[str, Callable[[Any, Any, Meter], Any]] = {
    "==": equal,
    "!=": lambda a, b, meter: not equal(a, b, meter),
    "<": _ordered("<", operator.lt),
    "<=": _ordered("<=", operator.le),
    ">": _ordered(">", operator.gt),
    ">=": _ordered(">=", operator.ge),
    "in": contained,
} | {sign: _arithmetic(sign) for sign in "+-*/%"}
