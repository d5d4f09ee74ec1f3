"""Values as Go sees them: kinds, types, truth, and strings as bytes.

A value is JSON as Python has it, or an aware `datetime` (Go's `time.Time`).
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from definitions.errors import ExpressionError

INT_MIN, INT_MAX = -(2**63), 2**63 - 1
#: Lists and objects within each other, in what is printed, compared or encoded.
VALUE_DEPTH = 100

_KINDS: dict[type, tuple[str, str]] = {
    type(None): ("invalid", "<nil>"),
    bool: ("bool", "bool"),
    int: ("int", "int"),
    float: ("float64", "float64"),
    str: ("string", "string"),
    list: ("slice", "[]interface {}"),
    dict: ("map", "map[string]interface {}"),
    datetime: ("struct", "time.Time"),
}
_LOST = re.compile("[\ud800-\udfff]")


def kind(value: Any) -> str:
    """Go's kind: `string`, `int`, `float64`, `bool`, `slice`, `map`, `struct`, or `invalid` for nil."""
    return _KINDS[type(value)][0]


def type_name(value: Any) -> str:
    """Go's type, as `%T` prints it."""
    return _KINDS[type(value)][1]


def truth(value: Any) -> bool:
    """Whether `if` takes the value for true: not nil, false, zero, or of length zero."""
    return bool(value)


def checked_int(value: int) -> int:
    """The value, if 64 bits hold it. Raises ExpressionError where Go would wrap around."""
    if not INT_MIN <= value <= INT_MAX:
        raise ExpressionError("the integer does not fit into 64 bits")
    return value


def utf8(text: str) -> bytes:
    """The bytes of a string, which lengths and positions count in Go."""
    return text.encode("utf-8", "surrogatepass")


def from_utf8(data: bytes) -> str:
    """The string of bytes; each byte that is no part of a character becomes U+FFFD, as in JSON that Go writes."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _LOST.sub("\ufffd", data.decode("utf-8", "surrogateescape"))


def byte_length(text: str) -> int:
    return len(text) if text.isascii() else len(utf8(text))


def byte_slice(text: str, start: int | None, end: int | None) -> str:
    """A part of a string by byte positions."""
    return text[start:end] if text.isascii() else from_utf8(utf8(text)[start:end])


def sort_key(item: tuple[str, Any]) -> str:
    return item[0]


def sorted_items(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """Entries in the order of their keys, in which Go prints and ranges over maps."""
    return sorted(value.items(), key=sort_key)
