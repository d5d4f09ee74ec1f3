"""Numbers as text: Go's shortest form of a float, and the forms that `printf` asks for."""

from __future__ import annotations

import math
from decimal import Decimal

#: From this exponent on a float is printed as 1e+21. Go's `%v` does so from 21 on only for JSON, else from 6 or more
#: digits on; here it does so everywhere, since JSON does not tell 1000000 from 1000000.0.
EXPONENT = 21


def shortest(value: float, threshold: int = EXPONENT) -> str:
    """The fewest digits that name the float; with an exponent below -4, or from the threshold on."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{sign}0"
    digits, exponent = _digits(abs(value))
    if exponent < -4 or exponent >= threshold:
        return f"{sign}{_scientific(digits, exponent)}"
    return sign + _positional(digits, exponent)


def _digits(value: float) -> tuple[str, int]:
    """Significant digits, and the exponent of the first one."""
    parts = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, parts.digits)).rstrip("0")
    return digits, len(parts.digits) + int(parts.exponent) - 1


def _scientific(digits: str, exponent: int) -> str:
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _positional(digits: str, exponent: int) -> str:
    if exponent < 0:
        return "0." + "0" * (-exponent - 1) + digits
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{whole}.{digits[exponent + 1 :]}" if len(digits) > exponent + 1 else whole


def plain(value: float) -> str:
    """As `shortest`, quick for the usual numbers."""
    if -1e15 < value < 1e15 and value == int(value):
        return str(int(value)) if value else shortest(value)
    text = repr(value)
    return text if 1e-4 <= abs(value) < 1e15 else shortest(value)


def json_float(value: float) -> str:
    """As Go's JSON has it. Raises ValueError for what JSON does not know."""
    if not math.isfinite(value):
        raise ValueError(f"json: unsupported value: {shortest(value)}")
    if value == 0 or 1e-6 <= abs(value) < 1e21:
        digits, exponent = _digits(abs(value)) if value else ("0", 0)
        return ("-" if math.copysign(1, value) < 0 else "") + _positional(digits, exponent)
    text = shortest(value, 0 if abs(value) >= 1e21 else EXPONENT)
    return text.replace("e-0", "e-")


def formatted(value: float, verb: str, precision: int | None) -> str:
    """A finite float by one of the verbs e, E, f, F, g and G."""
    lower = verb.lower()
    if lower == "g" and precision is None:
        text = shortest(value, max(EXPONENT, 0) if verb == "v" else 21)
    elif lower == "g":
        text = f"{value:.{precision or 1}g}"
    else:
        text = f"{value:.{6 if precision is None else precision}{lower}}"
    return text.upper() if verb in ("E", "G") else text
