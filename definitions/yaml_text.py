"""Strict reading of YAML text, as Go's yaml.v3 reads it: bounded in size, depth and what its aliases come to.

What JSON has no word for is refused or text: dates are text, and so are yes, no, on and off. Keys become text, as in
JSON.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from definitions.errors import DefinitionError, Problem
from definitions.json_path import child

SIZE_LIMIT = 256 * 1024
DEPTH_LIMIT = 64
#: Values in all, where each use of an alias counts as what it stands for.
VALUES_LIMIT = 100_000
#: Characters of a text that count as a value more.
TEXT_UNIT = 100

#: Code -> what it means; a dialect whose text may be YAML has these codes among its own.
CODES = {
    "yaml-too-large": f"The text has more than {SIZE_LIMIT // 1024} KiB, or comes to more than {VALUES_LIMIT} values.",
    "yaml-invalid": "The text is not YAML, or has more than one document.",
    "yaml-too-deep": f"Mappings and lists are nested more than {DEPTH_LIMIT} deep.",
    "yaml-key-repeated": "A mapping has the same key twice.",
    "yaml-value-unsupported": "A tag, a key that is a list or mapping, or a number that is not finite.",
}

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]{1,400}|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"": None, "~": None} | dict.fromkeys(("null", "Null", "NULL"))
_WORDS |= dict.fromkeys(("true", "True", "TRUE"), True) | dict.fromkeys(("false", "False", "FALSE"), False)
_CORE = "tag:yaml.org,2002:"
_MERGE = object()


def parse(text: str) -> Any:
    """The value of a YAML text. Raises DefinitionError with one problem, its code from CODES."""
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        raise _error("yaml-too-large", "$", f"at most {SIZE_LIMIT // 1024} KiB are taken")
    try:
        return _Reader(yaml.parse(text, Loader=_LOADER)).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise _error("yaml-invalid", "$", f"{error.problem}{place}") from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise _error("yaml-invalid", "$", str(error).splitlines()[0]) from error


class _Reader:
    """Builds the value of one document from the parser's events."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0

    def document(self) -> Any:
        event = self._next()
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        value = self._value(event, "$", 0)
        self._next()
        if not isinstance(self._next(), yaml.StreamEndEvent):
            raise _error("yaml-invalid", "$", "more than one document")
        return value

    def _next(self) -> Any:
        return next(self._events)

    def _value(self, event: Any, path: str, depth: int) -> Any:
        before = self._values
        self._count(1, path)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event, path)
            self._count(len(event.value) // TEXT_UNIT, path)
        elif depth >= DEPTH_LIMIT:
            raise _error("yaml-too-deep", path, f"at most {DEPTH_LIMIT} levels are taken")
        elif event.tag not in (None, _CORE + "seq", _CORE + "map"):
            raise _error("yaml-value-unsupported", path, f"the tag {str(event.tag)[:80]} is not supported")
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._list(path, depth)
        else:
            value = self._mapping(path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._values - before)
        return value

    def _alias(self, event: Any, path: str) -> Any:
        if event.anchor not in self._anchors:
            raise _error("yaml-invalid", path, f"the alias {event.anchor[:80]!r} stands for nothing before it")
        value, values = self._anchors[event.anchor]
        self._count(values, path)
        return value

    def _count(self, values: int, path: str) -> None:
        self._values += values
        if self._values > VALUES_LIMIT:
            raise _error("yaml-too-large", path, f"more than {VALUES_LIMIT} values")

    def _list(self, path: str, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, child(path, len(items)), depth + 1))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event, path)
            if key is _MERGE:
                merged = {**self._merge(path, depth), **merged}
                continue
            at = child(path, str(key))
            if key in made:
                raise _error("yaml-key-repeated", at, "this key is given twice")
            made[str(key)] = self._value(self._next(), at, depth + 1)
        return {**merged, **made}

    def _key(self, event: Any, path: str) -> Any:
        if isinstance(event, yaml.AliasEvent):
            key = self._alias(event, path)
        elif isinstance(event, yaml.ScalarEvent):
            if event.value == "<<" and event.implicit[0]:
                return _MERGE
            key = _scalar(event, path)
        else:
            key = {}
        if isinstance(key, (dict, list)):
            raise _error("yaml-value-unsupported", path, "a key must be text or a number")
        return key if isinstance(key, str) else json.dumps(key)

    def _merge(self, path: str, depth: int) -> dict[str, Any]:
        given = self._value(self._next(), child(path, "<<"), depth + 1)
        maps = given if isinstance(given, list) else [given]
        if not all(isinstance(one, dict) for one in maps):
            raise _error("yaml-invalid", child(path, "<<"), "only mappings can be merged")
        return {key: value for one in reversed(maps) for key, value in one.items()}


def _scalar(event: Any, path: str) -> Any:
    tag, text = event.tag, event.value
    if tag is not None and tag not in (_CORE + "str", "!"):
        raise _error("yaml-value-unsupported", path, f"the tag {tag[:80]} is not supported")
    if tag is not None or not event.implicit[0]:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return _whole(text)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return _finite(text, path)
    return text


def _whole(text: str) -> int:
    digits = text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits.strip("01234567") in ("", "o")
    base = 16 if digits[:2] == "0x" else 8 if octal else 10
    return int(digits.replace("o", ""), base) * (-1 if text[0] == "-" else 1)


def _finite(text: str, path: str) -> float:
    number = float(text) if _FLOAT.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise _error("yaml-value-unsupported", path, "a number must be finite")
    return number


def _error(code: str, path: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(code, path, message)])
