"""The operators of `conditions`: what each gives for every kind of operand; one function each, one table.

A value that is missing is null. A number in a text (`"12"`, `"-0.5"`, `"1e3"`; query parameters are texts) stands for
the number where it meets a number. A date is a text: `2024-05-01`, or with a time and, if it is not UTC, an offset:
`2024-05-01T12:00`, `2024-05-01T12:00:00.5+02:00`. A text operand is a text, or a number as it is written.

equals          null only with null; a number with a number or a number in a text; true with "true", false with "false";
                two dates by the moment, other texts by character; lists and objects by their content
exists          everything but null
greater, less   numbers; a number and a number in a text; two dates; two numbers in texts; else two texts by character
lengthEquals    how many characters, items or keys, against a number or a number in a text
contains        a text operand in a text operand; in a list an item that `equals`; in an object a text operand as key
startsWith, endsWith    text operands
matches         a regular expression (a text, of RE2) anywhere in a text operand; a bad one is an error
isType          string, number, boolean, object, array, null, or date (which is a string too)

Operands of any other kinds make an operator false. `greaterOrEqual` is `greater` or of the same rank, so is
`lessOrEqual`. Each `not…` is the opposite: true where the operator is false, whatever the reason.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import regex
from definitions.expressions.cel_time import Timestamp
from definitions.expressions.double_brace import as_text
from definitions.expressions.javascript import is_number
from definitions.expressions.meter import Meter

DEPTH_LIMIT = 50

Operator = Callable[[Any, Any, Meter], bool]

_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DATE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"
)


def number_in(value: Any) -> int | float | None:
    """The number that a value is or, as a text, holds; None if there is none."""
    if is_number(value):
        return value  # type: ignore[no-any-return]
    match = _NUMBER.fullmatch(value) if isinstance(value, str) and len(value) <= 60 else None
    if match is None:
        return None
    number = int(match.group(1)) if _WHOLE.fullmatch(match.group(1)) else float(match.group(1))
    return number if math.isfinite(number) else None


def date_in(value: Any) -> int | None:
    """The moment that a text names, in nanoseconds since 1970; None for any other value."""
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, time, seconds, offset = match.groups()
    offset = (offset or "Z").replace(":", "")
    offset = f"{offset[:3]}:{offset[3:]}" if len(offset) == 5 else "Z"
    try:
        return Timestamp.read(f"{day}T{time or '00:00'}{seconds or ':00'}{offset}").nanos
    except ValueError:
        return None


def _text_in(value: Any, meter: Meter) -> str | None:
    return as_text(value, meter) if isinstance(value, str) or is_number(value) else None


def equals(a: Any, b: Any, meter: Meter, depth: int = 0) -> bool:
    meter.spend()
    if isinstance(a, str) and isinstance(b, str):
        meter.spend(min(len(a), len(b)) // 64)
        return a == b or (date_in(a) is not None and date_in(a) == date_in(b))
    if isinstance(a, bool) or isinstance(b, bool):
        return _truth_in(a) is not None and _truth_in(a) is _truth_in(b)
    if is_number(a) or is_number(b):
        x, y = number_in(a), number_in(b)
        return x is not None and x == y
    if depth >= DEPTH_LIMIT:
        raise ExpressionError("a value is nested too deeply to be compared")
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(equals(x, y, meter, depth + 1) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equals(item, b[key], meter, depth + 1) for key, item in a.items())
    return a is None and b is None


def _truth_in(value: Any) -> bool | None:
    return (
        value
        if isinstance(value, bool)
        else {"true": True, "false": False}.get(value if isinstance(value, str) else "")
    )


def _ranked(compare: Callable[[Any, Any], bool]) -> Operator:
    def run(a: Any, b: Any, meter: Meter) -> bool:
        meter.spend()
        texts = isinstance(a, str) and isinstance(b, str)
        if texts and (x := date_in(a)) is not None and (y := date_in(b)) is not None:
            return compare(x, y)
        m, n = number_in(a), number_in(b)
        if m is not None and n is not None:
            return compare(m, n)
        if texts:
            meter.spend(min(len(a), len(b)) // 64)
        return texts and compare(a, b)

    return run


def _contains(a: Any, b: Any, meter: Meter) -> bool:
    meter.spend()
    if isinstance(a, list):
        return any(equals(item, b, meter) for item in a)
    if isinstance(a, dict):
        key = _text_in(b, meter)
        return key is not None and key in a
    return _both_texts(a, b, meter, lambda text, part: part in text)


def _both_texts(a: Any, b: Any, meter: Meter, test: Callable[[str, str], bool]) -> bool:
    meter.spend()
    text, other = _text_in(a, meter), _text_in(b, meter)
    return text is not None and other is not None and test(text, other)


def _matches(a: Any, b: Any, meter: Meter) -> bool:
    text = _text_in(a, meter)
    if text is None or not isinstance(b, str):
        return False
    try:
        return regex.found(b, text, meter)
    except ValueError as error:
        raise ExpressionError(str(error)) from error


def _length_equals(a: Any, b: Any, meter: Meter) -> bool:
    meter.spend()
    return isinstance(a, (str, list, dict)) and len(a) == number_in(b)


#: The words of `isType`.
TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "null": lambda value: value is None,
    "date": lambda value: date_in(value) is not None,
}


def _is_type(a: Any, b: Any, meter: Meter) -> bool:
    meter.spend()
    return isinstance(b, str) and b in TYPES and TYPES[b](a)


def _not(of: Operator) -> Operator:
    return lambda a, b, meter: not of(a, b, meter)


def _exists(a: Any, b: Any, meter: Meter) -> bool:
    meter.spend()
    return a is not None


_WITH_OPPOSITE: dict[str, tuple[str, Operator]] = {
    "equals": ("notEquals", equals),
    "exists": ("notExists", _exists),
    "contains": ("notContains", _contains),
    "startsWith": ("notStartsWith", lambda a, b, meter: _both_texts(a, b, meter, str.startswith)),
    "endsWith": ("notEndsWith", lambda a, b, meter: _both_texts(a, b, meter, str.endswith)),
    "matches": ("notMatches", _matches),
}

OPERATORS: dict[str, Operator] = {
    **{name: of for name, (_, of) in _WITH_OPPOSITE.items()},
    **{opposite: _not(of) for opposite, of in _WITH_OPPOSITE.values()},
    "greater": _ranked(operator.gt),
    "greaterOrEqual": _ranked(operator.ge),
    "less": _ranked(operator.lt),
    "lessOrEqual": _ranked(operator.le),
    "isType": _is_type,
    "lengthEquals": _length_equals,
}

#: Operators of one operand.
UNARY = frozenset({"exists", "notExists"})
