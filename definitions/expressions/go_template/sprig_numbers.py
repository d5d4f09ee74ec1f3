"""Sprig's functions on numbers.

Values of other types are cast as sprig does it: text by its digits (else 0), booleans to 0 and 1, nil to 0. Where Go
wraps around at 64 bits, there is an error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, localcontext
from functools import reduce
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.literals import INTEGER, integer_value
from definitions.expressions.go_template.printing import scalar
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import INT_MAX, INT_MIN, checked_int

_PLACES = Decimal("1e-16")
_FLOAT_CHARACTERS = frozenset("+-.0123456789eE")


def to_int(value: Any) -> int:
    if isinstance(value, float):
        return checked_int(int(value)) if math.isfinite(value) else 0
    if isinstance(value, int):
        return checked_int(int(value))
    return _text_to_int(value) if isinstance(value, str) else 0


def _text_to_int(text: str) -> int:
    whole, dot, zeros = text.partition(".")
    match = INTEGER.fullmatch(whole if dot and zeros and not zeros.strip("0") else text)
    value = integer_value(match) if match else 0
    return value if INT_MIN <= value <= INT_MAX else 0


def to_float(value: Any) -> float:
    if isinstance(value, str):
        try:
            return float(value) if set(value) <= _FLOAT_CHARACTERS else 0.0
        except ValueError:
            return 0.0
    return float(value) if isinstance(value, (int, float)) else 0.0


def _atoi(text: str) -> int:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit()):
        return 0
    return max(INT_MIN, min(INT_MAX, int(text))) if len(digits) < 30 else INT_MIN if text[0] == "-" else INT_MAX


def _divide(left: Any, right: Any) -> int:
    """Towards zero."""
    dividend, divisor = to_int(left), to_int(right)
    if divisor == 0:
        raise ExpressionError("integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    return checked_int(quotient if (dividend < 0) == (divisor < 0) else -quotient)


def _modulo(left: Any, right: Any) -> int:
    """With the sign of the dividend."""
    dividend, divisor = to_int(left), to_int(right)
    if divisor == 0:
        raise ExpressionError("integer divide by zero")
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


def _product(first: Any, *others: Any) -> int:
    return reduce(lambda total, value: checked_int(total * to_int(value)), others, to_int(first))


def _decimal(apply: Callable[[Decimal, Decimal], Decimal], first: Any, others: tuple[Any, ...]) -> float:
    """In decimal arithmetic, as sprig does it: 0.1 and 0.2 make 0.3."""
    with localcontext() as context:
        context.prec = 40
        total = Decimal(repr(_finite(to_float(first))))
        for other in others:
            total = apply(total, Decimal(repr(_finite(to_float(other)))))
        return float(total) or 0.0


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ExpressionError("the number is not finite")
    return value


def _quotient(left: Decimal, right: Decimal) -> Decimal:
    if not right:
        raise ExpressionError("decimal division by 0")
    quotient = left / right
    # The library that sprig takes keeps 16 places.
    return quotient.quantize(_PLACES, ROUND_HALF_UP) if abs(quotient) < 10**20 else quotient


def _round(value: Any, places: int, *on: float) -> float:
    if not -300 <= places <= 300:
        raise ExpressionError("round: too many places")
    power = math.pow(10, places)
    digit = power * to_float(value)
    if not math.isfinite(digit):
        return to_float(value)
    rounded = math.ceil(digit) if math.modf(digit)[0] >= (on[0] if on else 0.5) else math.floor(digit)
    return rounded / power


def _whole(apply: Callable[[float], int]) -> Callable[[Any], float]:
    def compute(value: Any) -> float:
        number = to_float(value)
        return float(apply(number)) if math.isfinite(number) else number

    return compute


def _steps(run: Run, start: int, stop: int, step: int) -> list[int]:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return []
    numbers = range(start, stop, step)
    if abs(start) > 2**62 or abs(stop) > 2**62:
        raise ExpressionError("the numbers are too large")
    run.spend(len(numbers) >> 2)
    return list(numbers)


def _sequence(run: Run, *numbers: int) -> str:
    if not 1 <= len(numbers) <= 3:
        return ""
    start, end = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[-1])
    direction = -1 if end < start else 1
    if len(numbers) == 3 and end < start and numbers[1] > 0:
        return ""
    step = numbers[1] if len(numbers) == 3 else direction
    return " ".join(map(str, _steps(run, start, end + direction, step)))


def _octal(value: Any) -> int:
    text = scalar(value)
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits or len(digits) > 22 or set(digits) - set("01234567"):
        return 0
    return int(text, 8) if INT_MIN <= int(text, 8) <= INT_MAX else 0


def _extreme(pick: Callable[..., Any], cast: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *values: pick(map(cast, values))


NUMBERS: dict[str, Function] = {
    "int": pure("a", to_int),
    "int64": pure("a", to_int),
    "float64": pure("a", to_float),
    "atoi": pure("s", _atoi),
    "toDecimal": pure("a", _octal),
    "add": pure("a*", lambda *values: checked_int(sum(map(to_int, values)))),
    "add1": pure("a", lambda value: checked_int(to_int(value) + 1)),
    "sub": pure("aa", lambda left, right: checked_int(to_int(left) - to_int(right))),
    "mul": pure("aa*", _product),
    "div": pure("aa", _divide),
    "mod": pure("aa", _modulo),
    "max": pure("aa*", _extreme(max, to_int)),
    "biggest": pure("aa*", _extreme(max, to_int)),
    "min": pure("aa*", _extreme(min, to_int)),
    "maxf": pure("aa*", _extreme(max, to_float)),
    "minf": pure("aa*", _extreme(min, to_float)),
    "add1f": pure("a", lambda value: _decimal(lambda a, b: a + b, value, (1,))),
    "addf": pure("a*", lambda *values: _decimal(lambda a, b: a + b, 0, values)),
    "subf": pure("aa*", lambda first, *others: _decimal(lambda a, b: a - b, first, others)),
    "mulf": pure("aa*", lambda first, *others: _decimal(lambda a, b: a * b, first, others)),
    "divf": pure("aa*", lambda first, *others: _decimal(_quotient, first, others)),
    "floor": pure("a", _whole(math.floor)),
    "ceil": pure("a", _whole(math.ceil)),
    "round": pure("aif*", _round),
    "until": fn("i", lambda run, count: _steps(run, 0, count, -1 if count < 0 else 1)),
    "untilStep": fn("iii", _steps),
    "seq": fn("i*", _sequence),
}
