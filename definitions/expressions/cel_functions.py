"""The functions of CEL: one table, by name; each has its forms by number of arguments, the receiver being the first."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from definitions.expressions import regex
from definitions.expressions.cel_time import DURATION_PARTS, PARTS, Duration, Timestamp
from definitions.expressions.cel_values import (
    INT_LIMIT,
    UINT_LIMIT,
    CelError,
    Type,
    Uint,
    cost,
    no_overload,
    type_name,
)
from definitions.expressions.meter import Meter

Function = Callable[[list[Any], Meter], Any]

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_REAL = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?|[+-]?(?:inf(?:inity)?|nan)", re.IGNORECASE
)
_BOOLS = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True)
_BOOLS |= dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False)


def _size(args: list[Any], meter: Meter) -> int:
    if not isinstance(args[0], (str, bytes, list, dict)) or isinstance(args[0], Type):
        raise no_overload("size", *args)
    return len(args[0])


def _of_texts(name: str, test: Callable[[str, str], bool]) -> Function:
    def run(args: list[Any], meter: Meter) -> bool:
        a, b = args
        if type(a) is not str or type(b) is not str:
            raise no_overload(name, a, b)
        meter.spend(cost(a) + cost(b))
        return test(a, b)

    return run


def _matches(args: list[Any], meter: Meter) -> bool:
    text, pattern = args
    if type(text) is not str or type(pattern) is not str:
        raise no_overload("matches", text, pattern)
    return regex.found(pattern, text, meter)


def _part(name: str) -> Function:
    def run(args: list[Any], meter: Meter) -> int:
        value, *zone = args
        if isinstance(value, Timestamp) and all(type(one) is str for one in zone):
            return value.part(name, *zone)
        if isinstance(value, Duration) and name in DURATION_PARTS and not zone:
            return DURATION_PARTS[name](value)
        raise no_overload(name, *args)

    return run


def _whole(value: Any, name: str, least: int, most: int) -> int:
    """Of a number or a decimal text, cut to a whole number."""
    number: int | None = None
    if isinstance(value, Timestamp) and name == "int":
        number = value.seconds()
    elif type(value) not in (int, Uint, float, str):
        raise no_overload(name, value)
    elif _WHOLE.fullmatch(value) if isinstance(value, str) else type(value) is not float or math.isfinite(value):
        number = int(value)
    # What a double rounds to may be in range where it is not itself.
    below = isinstance(value, float) and (value < 0 if least == 0 else value <= least)
    if number is None or below or not least <= number < most:
        raise CelError(f"{str(value)[:80]!r} is no {name}, or out of range")
    return number


def _int(args: list[Any], meter: Meter) -> int:
    return _whole(args[0], "int", -INT_LIMIT, INT_LIMIT)


def _uint(args: list[Any], meter: Meter) -> Uint:
    return Uint(_whole(args[0], "uint", 0, UINT_LIMIT))


def _double(args: list[Any], meter: Meter) -> float:
    value = args[0]
    if type(value) is str:
        meter.spend(cost(value))
        if not _REAL.fullmatch(value):
            raise CelError(f"{value[:80]!r} is no double")
        return float(value)
    if type(value) not in (int, Uint, float):
        raise no_overload("double", value)
    return _whole_as_double(value)


def _whole_as_double(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        raise CelError("an integer overflows") from None


def _string(args: list[Any], meter: Meter) -> str:
    value = args[0]
    meter.spend(cost(value))
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is bytes:
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise CelError("bytes are no UTF-8") from None
    if kind in (int, Uint):
        return str(_whole(value, "string", -INT_LIMIT, UINT_LIMIT))
    if kind not in (str, float, Timestamp, Duration):
        raise no_overload("string", value)
    return double_text(value) if kind is float else str(value)


def double_text(value: float) -> str:
    """The shortest text of a double: 1, 1.5, 1e+06, 1e-07, +Inf, NaN."""
    if not math.isfinite(value):
        return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    before, _, after = mantissa.lstrip("-").partition(".")
    digits = (before + after).lstrip("0")
    point = len(before) + int(exponent or 0) - (len(before + after) - len(digits))
    digits = digits.rstrip("0") or "0"
    power = point - 1 if digits != "0" else 0
    if -4 <= power < 6:
        return sign + _placed(digits, power + 1)
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _placed(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    return digits.ljust(point, "0") if len(digits) <= point else f"{digits[:point]}.{digits[point:]}"


def _bool(args: list[Any], meter: Meter) -> bool:
    value = args[0]
    if type(value) is bool:
        return value
    if type(value) is not str:
        raise no_overload("bool", value)
    if value not in _BOOLS:
        raise CelError(f"{value[:80]!r} is no bool")
    return _BOOLS[value]


def _bytes(args: list[Any], meter: Meter) -> bytes:
    value = args[0]
    meter.spend(cost(value))
    if type(value) is str:
        return value.encode()
    if type(value) is bytes:
        return value
    raise no_overload("bytes", value)


def _timestamp(args: list[Any], meter: Meter) -> Timestamp:
    value = args[0]
    if isinstance(value, Timestamp):
        return value
    if type(value) is int:
        return Timestamp(value * 1_000_000_000)
    if type(value) is str:
        return Timestamp.read(value)
    raise no_overload("timestamp", value)


def _duration(args: list[Any], meter: Meter) -> Duration:
    value = args[0]
    if isinstance(value, Duration):
        return value
    if type(value) is str:
        return Duration.read(value)
    raise no_overload("duration", value)


def _global(function: Function) -> dict[tuple[bool, int], Function]:
    return {(False, 1): function}


#: Name -> (called on a receiver, number of arguments with it) -> function.
_BY_NAME: dict[str, dict[tuple[bool, int], Function]] = {
    "size": {(False, 1): _size, (True, 1): _size},
    "matches": {(False, 2): _matches, (True, 2): _matches},
    "contains": {(True, 2): _of_texts("contains", lambda a, b: b in a)},
    "startsWith": {(True, 2): _of_texts("startsWith", str.startswith)},
    "endsWith": {(True, 2): _of_texts("endsWith", str.endswith)},
    "int": _global(_int),
    "uint": _global(_uint),
    "double": _global(_double),
    "string": _global(_string),
    "bool": _global(_bool),
    "bytes": _global(_bytes),
    "timestamp": _global(_timestamp),
    "duration": _global(_duration),
    "dyn": _global(lambda args, meter: args[0]),
    "type": _global(lambda args, meter: Type(type_name(args[0]))),
}
FUNCTIONS = _BY_NAME | {name: {(True, 1): _part(name), (True, 2): _part(name)} for name in PARTS}
