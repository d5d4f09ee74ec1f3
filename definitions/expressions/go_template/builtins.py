"""The functions that Go's text/template has by itself."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from definitions.errors import ExpressionError
from definitions.expressions.go_template import compare
from definitions.expressions.go_template.evaluate import entry
from definitions.expressions.go_template.functions import Function, converted, fn, pure
from definitions.expressions.go_template.printf import sprintf
from definitions.expressions.go_template.printing import sprint, sprintln
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import byte_length, kind, truth, type_name, utf8


def _length(value: Any) -> int:
    if isinstance(value, str):
        return byte_length(value)
    if isinstance(value, (list, dict)):
        return len(value)
    raise ExpressionError("len of nil pointer" if value is None else f"len of type {type_name(value)}")


def _position(value: Any, length: int) -> int:
    if value is None:
        raise ExpressionError("cannot index slice/array with nil")
    if kind(value) not in ("int", "float64"):
        raise ExpressionError(f"cannot index slice/array with type {type_name(value)}")
    position: int = converted(value, "i")
    if not 0 <= position < length:
        raise ExpressionError(f"index out of range: {position}")
    return position


def _index(run: Run, item: Any, *keys: Any) -> Any:
    """A missing key of a map gives nil, also where a missing field would be an error."""
    if item is None:
        raise ExpressionError("index of untyped nil")
    for key in keys:
        if isinstance(item, dict):
            if not isinstance(key, str):
                raise ExpressionError(f"value has type {type_name(key)}; should be string")
            found = entry(run, item, key)
            item = None if found is None else item[found]
        elif isinstance(item, list):
            item = item[_position(key, len(item))]
        elif isinstance(item, str):
            data = utf8(item)
            item = data[_position(key, len(data))]
        else:
            raise ExpressionError(
                "index of nil pointer" if item is None else f"can't index item of type {type_name(item)}"
            )
    return item


def _escapable(run: Run, values: tuple[Any, ...]) -> str:
    if None in [value for value in values if value is None]:
        raise ExpressionError("the value is null, which has no text")
    text = sprint(run, values)
    run.spend(len(text) >> 2)
    return text


_HTML = str.maketrans({'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"})
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
_JS_SPECIAL = re.compile("[^ !#-%(-;?-\\[\\]-~]")


def _js_character(match: re.Match[str]) -> str:
    char = match.group()
    if char in _JS:
        return _JS[char]
    if ord(char) < 0x20 or not char.isprintable():
        return f"\\u{ord(char):04X}"
    return char


def _no_call(*_: Any) -> Any:
    raise ExpressionError("a value of the run's data is never a function")


BUILTINS: dict[str, Function] = {
    "and": fn("aa*", _no_call),  # these two evaluate their arguments themselves
    "or": fn("aa*", _no_call),
    "not": pure("a", lambda value: not truth(value)),
    "eq": fn("aa*", compare.equal),
    "ne": fn("aa", lambda run, left, right: not compare.equal(run, left, right)),
    "lt": pure("aa", compare.less),
    "le": pure("aa", lambda left, right: not compare.less(right, left)),
    "gt": pure("aa", lambda left, right: compare.less(right, left)),
    "ge": pure("aa", lambda left, right: not compare.less(left, right)),
    "len": pure("a", _length),
    "index": fn("aa*", _index),
    "print": fn("a*", lambda run, *values: sprint(run, values)),
    "println": fn("a*", lambda run, *values: sprintln(run, values)),
    "printf": fn("sa*", lambda run, text, *values: sprintf(run, text, values)),
    "html": fn("a*", lambda run, *values: _escapable(run, values).translate(_HTML)),
    "js": fn("a*", lambda run, *values: _JS_SPECIAL.sub(_js_character, _escapable(run, values))),
    "urlquery": fn("a*", lambda run, *values: quote(utf8(_escapable(run, values)), safe="-_.~ ").replace(" ", "+")),
}
