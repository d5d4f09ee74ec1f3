"""What the verbs of printf do with a string, a number, a boolean or a time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from definitions.expressions.go_template import go_time
from definitions.expressions.go_template.numbers_text import formatted, plain, shortest
from definitions.expressions.go_template.values import utf8

_SIMPLE_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", "\\": "\\\\",
}  # fmt: skip
_PLAIN = re.compile(r"[ !#-\[\]-~]*")


@dataclass(frozen=True)
class Format:
    """The flags of one directive; no width or precision is None. `go` is for `%#v`: values as Go would write them."""

    plus: bool = False
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    go: bool = False
    width: int | None = None
    precision: int | None = None


def padded(text: str, form: Format) -> str:
    if form.width is None or len(text) >= form.width:
        return text
    if form.minus:
        return text.ljust(form.width)
    return text.rjust(form.width, "0" if form.zero else " ")


def scalar(value: Any, verb: str, form: Format) -> str | None:
    """The text of a value that holds no others; None if the verb is not for it."""
    if isinstance(value, datetime):
        value = go_time.show(value)
    return _BY_TYPE[type(value)](value, verb, form)


def _boolean(value: bool, verb: str, form: Format) -> str | None:
    return padded("true" if value else "false", form) if verb in ("t", "v") else None


def _integer(value: int, verb: str, form: Format) -> str | None:
    if verb in "eEfFgG":
        # Go refuses; but a whole number in JSON may well be meant as a float.
        return _float(float(value), verb, form)
    if verb == "c":
        return padded(_character(value), form)
    if verb == "q":
        return padded(quoted_character(value, form.plus), form)
    if verb == "U":
        shown = f" '{_character(value)}'" if form.sharp and _character(value).isprintable() else ""
        return padded(f"U+{value % 2**64:04X}{shown}", replace(form, zero=False))
    digits = _BASES.get(verb)
    return None if digits is None else _with_sign(value, digits(abs(value)), verb, form)


_BASES: dict[str, Callable[[int], str]] = {
    "v": str,
    "d": str,
    "b": "{:b}".format,
    "o": "{:o}".format,
    "O": "{:o}".format,
    "x": "{:x}".format,
    "X": "{:X}".format,
}
_PREFIXES = {"x": "0x", "X": "0X", "b": "0b"}


def _with_sign(value: int, digits: str, verb: str, form: Format) -> str:
    sign = "-" if value < 0 else "+" if form.plus else " " if form.space else ""
    if form.precision is not None:
        if form.precision == 0 and value == 0:
            return " " * (form.width or 0)
        digits = digits.rjust(form.precision, "0")
    elif form.zero and form.width is not None:
        digits = digits.rjust(form.width - len(sign), "0")
    prefix = "0o" if verb == "O" else ""
    if form.sharp:
        prefix = "0" if verb == "o" and not digits.startswith("0") else prefix or _PREFIXES.get(verb, "")
    return padded(sign + prefix + digits, replace(form, zero=False))


def _character(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"


def quoted_character(value: int, only_ascii: bool) -> str:
    char = _character(value)
    return "'" + ("\\'" if char == "'" else '"' if char == '"' else _escaped(char, only_ascii)) + "'"


def _float(value: float, verb: str, form: Format) -> str | None:
    if verb not in "veEfFgG":
        # Go refuses; but JSON does not tell 3 from 3.0.
        whole = verb in "dbcoxXqU" and math.isfinite(value) and value == int(value) and abs(value) < 2**63
        return _integer(int(value), verb, form) if whole else None
    if not math.isfinite(value):
        form = replace(form, zero=False)
        text = shortest(value) if form.plus or value < 0 else shortest(value).lstrip("+")
        return padded(text, form)
    text = _digits(value, verb, form)
    if not text.startswith("-"):
        text = ("+" if form.plus else " " if form.space else "") + text
    if form.zero and form.width is not None and text[0] in "+- ":
        return text[0] + text[1:].rjust(form.width - 1, "0")
    return padded(text, form)


def _digits(value: float, verb: str, form: Format) -> str:
    if verb == "v":
        return plain(value) if form.precision is None else formatted(value, "g", form.precision)
    return formatted(value, verb, form.precision)


def _string(value: str, verb: str, form: Format) -> str | None:
    if form.go:
        verb = "q"
    if verb in ("s", "v"):
        return padded(value[: form.precision], form)
    if verb == "q":
        value = value[: form.precision]
        raw = form.sharp and "`" not in value and (value.isprintable() or set(value) <= {"\t"})
        return padded(f"`{value}`" if raw else quote(value, form.plus), form)
    return padded(_hex(value, verb, form), form) if verb in ("x", "X") else None


def _hex(value: str, verb: str, form: Format) -> str:
    data = utf8(value)[: form.precision]
    text = data.hex(" ") if form.space and data else data.hex()
    if form.sharp and data:
        text = " ".join(f"0x{part}" for part in text.split(" "))
    return text.upper() if verb == "X" else text


_BY_TYPE: dict[type, Callable[[Any, str, Format], str | None]] = {
    bool: _boolean,
    int: _integer,
    float: _float,
    str: _string,
}


def quote(text: str, only_ascii: bool = False) -> str:
    """As `%q`: in double quotes, with Go's escapes."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join('\\"' if char == '"' else _escaped(char, only_ascii) for char in text) + '"'


def _escaped(char: str, only_ascii: bool) -> str:
    if char in _SIMPLE_ESCAPES:
        return _SIMPLE_ESCAPES[char]
    code = ord(char)
    if 0xD800 <= code < 0xE000:
        return "\\ufffd" if only_ascii else "\ufffd"
    if char.isprintable() and (code < 0x80 or not only_ascii):
        return char
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
