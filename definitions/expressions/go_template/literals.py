"""What literals mean: strings, characters and numbers, as Go writes them."""

from __future__ import annotations

import re

from definitions.expressions.go_template.values import INT_MAX, INT_MIN, from_utf8, utf8

_ESCAPE = re.compile(
    r"\\(?:(?P<simple>[abfnrtv\\'\"])|x(?P<x>[0-9a-fA-F]{2})|(?P<o>[0-7]{3})|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8}))|\\"
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_HEX_FLOAT = re.compile(r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+")
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|0[bB]([01]+)|([1-9][0-9]*|0))")
_BASES = (16, 8, 2, 10)


def unquote(text: str) -> str:
    """The value of a literal in double or back quotes. Raises ValueError."""
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    return from_utf8(b"".join(_pieces(text[1:-1], "'")))


def character(text: str) -> int:
    """The code point of a literal in single quotes. Raises ValueError."""
    pieces = _pieces(text[1:-1], '"')
    value = b"".join(pieces)
    if len(value) == 1 and value[0] >= 0x80:
        return value[0]
    decoded = from_utf8(value)
    if len(decoded) != 1:
        raise ValueError(f"malformed character constant: {text[:40]}")
    return ord(decoded)


def _pieces(body: str, forbidden: str) -> list[bytes]:
    pieces: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(body):
        pieces += [utf8(body[end : match.start()]), _escaped(match, forbidden)]
        end = match.end()
    return [*pieces, utf8(body[end:])]


def _escaped(match: re.Match[str], forbidden: str) -> bytes:
    kind = match.lastgroup
    if kind is None or match.group(kind) == forbidden:
        raise ValueError("invalid escape in a quoted literal")
    digits = match.group(kind)
    if kind == "simple":
        return _SIMPLE[digits].encode()
    code = int(digits, 8 if kind == "o" else 16)
    if kind in ("x", "o"):
        if code > 255:
            raise ValueError("invalid escape in a quoted literal")
        return bytes([code])
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError("invalid escape in a quoted literal")
    return chr(code).encode()


def number(text: str) -> int | float:
    """The value of a number. Raises ValueError for bad syntax or an integer of more than 64 bits."""
    plain = _without_underscores(text)
    integer = _INTEGER.fullmatch(plain)
    if integer:
        return _bounded(integer_value(integer), text)
    if _HEX_FLOAT.fullmatch(plain):
        return float.fromhex(plain)
    if not _DECIMAL.fullmatch(plain):
        raise ValueError(f"bad number syntax: {text[:40]!r}")
    value = float(plain)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number is too large: {text[:40]!r}")
    return value if set(plain) & set(".eE") else _bounded(int(plain), text)


def integer_value(match: re.Match[str]) -> int:
    """The value of a text that `INTEGER` matches."""
    for base, digits in zip(_BASES, match.groups()[1:], strict=True):
        if digits is not None:
            if len(digits) > 70:
                return INT_MAX + 1
            return -int(digits, base) if match.group(1) == "-" else int(digits, base)
    raise ValueError("no digits")


INTEGER = _INTEGER


def _bounded(value: int, text: str) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError(f"integer overflow: {text[:40]!r}")
    return value


def _without_underscores(text: str) -> str:
    if "_" not in text:
        return text
    if not re.fullmatch(r"[+-]?(?:0[xXoObB]_?)?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*", text):
        raise ValueError(f"bad number syntax: {text[:40]!r}")
    return text.replace("_", "")
