"""JSON values as JavaScript sees them: conversion, comparison and property access, as ECMAScript defines them.

Ported languages (json-logic, json-xform) get their exact results from here. Objects, arrays, strings, numbers, booleans
and null are dict, list, str, int | float, bool and None; `undefined` is UNDEFINED. Conversions that look at many
elements pay for them from a Meter.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from definitions.errors import ExpressionError
from definitions.expressions.meter import Meter


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED
DEPTH_LIMIT = 100
NAN = math.nan

_SPACES = "\t\n\v\f\r \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_DECIMAL = r"(?:Infinity|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
_NUMBER = re.compile(rf"[+-]?{_DECIMAL}")
_BASES = {"0x": 16, "0o": 8, "0b": 2}
_BASED = {16: re.compile("[0-9a-fA-F]+"), 8: re.compile("[0-7]+"), 2: re.compile("[01]+")}


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_double(value: int | float) -> float:
    """A number as the double that JavaScript would hold."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_json_number(value: float) -> int | float:
    """A double as JSON writes it: whole numbers have no fraction, and no more digits than tell them apart."""
    if not math.isfinite(value) or value != math.trunc(value) or abs(value) >= 1e21:
        return value
    return int(value) if abs(value) < 2**53 else int(number_to_string(value))


def truthy(value: Any) -> bool:
    """JavaScript's own rule: an empty array or object is true."""
    if isinstance(value, (dict, list)):
        return True
    return value is not UNDEFINED and bool(value) and value == value


def number_to_string(value: int | float) -> str:
    """Number::toString with radix 10."""
    if isinstance(value, int) and abs(value) < 2**53:
        return str(int(value))
    number = as_double(value)
    if not math.isfinite(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    if number == 0:
        return "0"
    _, digit_tuple, exponent = Decimal(repr(abs(number))).as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digit_tuple)).lstrip("0")
    point = len(text) + exponent
    digits = text.rstrip("0")
    return ("-" if number < 0 else "") + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def to_string(value: Any, meter: Meter, depth: int = 0) -> str:
    """String(value). Raises ExpressionError for what is nested too deeply or costs too much."""
    if isinstance(value, str):
        meter.spend(1 + len(value) // 16)
        return value
    if isinstance(value, list):
        if depth >= DEPTH_LIMIT:
            raise ExpressionError("a value is nested too deeply")
        meter.spend(1 + len(value))
        return ",".join(join_item(item, meter, depth + 1) for item in value)
    if is_number(value):
        return number_to_string(value)
    return "[object Object]" if isinstance(value, dict) else _WORDS[value]


_WORDS: dict[Any, str] = {None: "null", UNDEFINED: "undefined", True: "true", False: "false"}


def join_item(value: Any, meter: Meter, depth: int = 0) -> str:
    """An element as Array.prototype.join writes it: null and undefined are empty."""
    return "" if value is None or value is UNDEFINED else to_string(value, meter, depth)


def string_to_number(text: str) -> float:
    """Number(text): empty is 0, anything that is not wholly a number is NaN."""
    text = text.strip(_SPACES)
    base = _BASES.get(text[:2].lower())
    if base is not None:
        return as_double(int(text[2:], base)) if _BASED[base].fullmatch(text[2:]) else NAN
    if not text:
        return 0.0
    return float(text) if _NUMBER.fullmatch(text) else NAN


def to_number(value: Any, meter: Meter) -> float:
    """Number(value)."""
    if isinstance(value, (bool, int, float)):
        return as_double(value)
    if value is None:
        return 0.0
    return NAN if value is UNDEFINED else string_to_number(to_string(value, meter))


def parse_float(value: Any, meter: Meter) -> float:
    """parseFloat(value): the number that its text begins with, else NaN."""
    if is_number(value):
        return as_double(value)
    match = _NUMBER.match(to_string(value, meter).lstrip(_SPACES))
    return float(match.group()) if match else NAN


def strict_equals(a: Any, b: Any) -> bool:
    """a === b: objects and arrays are equal to themselves only."""
    if isinstance(a, (dict, list)) or isinstance(b, (dict, list)):
        return a is b
    if is_number(a) and is_number(b):
        return as_double(a) == as_double(b)
    return type(a) is type(b) and bool(a == b)


def loose_equals(a: Any, b: Any, meter: Meter) -> bool:
    """a == b."""
    if _is_nothing(a) or _is_nothing(b):
        return _is_nothing(a) and _is_nothing(b)
    containers = isinstance(a, (dict, list)), isinstance(b, (dict, list))
    if all(containers) or type(a) is type(b):
        return strict_equals(a, b)
    # From here on a primitive meets one of another type, or an object, which counts as its text.
    if any(containers) and (isinstance(a, str) or isinstance(b, str)):
        return to_string(a, meter) == to_string(b, meter)
    return to_number(a, meter) == to_number(b, meter)


def _is_nothing(value: Any) -> bool:
    return value is None or value is UNDEFINED


def less(a: Any, b: Any, meter: Meter, *, or_equal: bool = False) -> bool:
    """a < b, or a <= b: text by UTF-16 units if both are text (objects count as their text), else as numbers."""
    textual = (str, dict, list)
    if isinstance(a, textual) and isinstance(b, textual):
        left, right = (to_string(x, meter).encode("utf-16-be", "surrogatepass") for x in (a, b))
        return left <= right if or_equal else left < right
    x, y = to_number(a, meter), to_number(b, meter)
    return x <= y if or_equal else x < y


def get_property(value: Any, key: str) -> Any:
    """value[key] for own properties; UNDEFINED if there is none."""
    if isinstance(value, dict):
        return value.get(key, UNDEFINED)
    if isinstance(value, list):
        if key == "length":
            return len(value)
        return value[int(key)] if _is_index(key) and int(key) < len(value) else UNDEFINED
    if isinstance(value, str):
        if key == "length":
            return utf16_length(value)
        return utf16_slice(value, int(key), int(key) + 1) or UNDEFINED if _is_index(key) else UNDEFINED
    return UNDEFINED


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 10 and (key == "0" or key[0] != "0")


def utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def utf16_slice(text: str, start: int, end: int) -> str:
    """text.slice(start, end) in UTF-16 units; half of a character outside the BMP becomes U+FFFD."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")
