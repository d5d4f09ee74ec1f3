"""`path`: JSON in which `${a.b.0}` stands for a value of the run's data.

A string that is exactly one `${…}` keeps the value's type; inside a longer string the value is rendered as text (JSON
for objects and lists). A path that leads nowhere is an error, never an empty text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from definitions.errors import ExpressionError

#: A short template can name a large value many times.
TEXT_LIMIT = 2_000_000

_Program = Callable[[Mapping[str, Any]], Any]


def lookup(scope: Mapping[str, Any], dotted: str) -> Any:
    """The value at a dotted path; a number is an index into a list. Raises ExpressionError."""
    value: Any = scope
    for key in dotted.split("."):
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise ExpressionError(f"nothing is found at {dotted!r} (missing: {key!r})", path=f"$.{dotted}")
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parts(source: str) -> list[tuple[bool, str]]:
    """Split into (is a path, text) pairs. Raises ValueError for an unclosed or empty `${`."""
    parts: list[tuple[bool, str]] = []
    rest = source
    while (at := rest.find("${")) >= 0:
        end = rest.find("}", at)
        dotted = rest[at + 2 : end].strip()
        if end < 0 or not dotted:
            raise ValueError(f"`${{` without a path and `}}` in {source!r}")
        parts += [(False, rest[:at]), (True, dotted)]
        rest = rest[end + 1 :]
    parts.append((False, rest))
    return [part for part in parts if part[1]]


def references(source: str) -> list[str]:
    """The dotted paths in one text, in order. Raises ValueError for an unclosed or empty `${`."""
    return [text for is_path, text in _parts(source) if is_path]


def whole(source: str) -> str | None:
    """The dotted path of a text that is nothing but one `${…}`; None for any other text."""
    try:
        parts = _parts(source)
    except ValueError:
        return None
    return parts[0][1] if len(parts) == 1 and parts[0][0] else None


def _compile_text(source: str) -> _Program:
    parts = _parts(source)
    if len(parts) == 1 and parts[0][0]:
        dotted = parts[0][1]
        return lambda scope: lookup(scope, dotted)
    return lambda scope: _rendered(scope, parts)


def _rendered(scope: Mapping[str, Any], parts: list[tuple[bool, str]]) -> str:
    texts: list[str] = []
    room = TEXT_LIMIT
    for is_path, text in parts:
        texts.append(_text(lookup(scope, text)) if is_path else text)
        room -= len(texts[-1])
        if room < 0:
            raise ExpressionError(f"the text would have more than {TEXT_LIMIT} characters")
    return "".join(texts)


def compile(source: Any) -> _Program:
    """Compile JSON with `${…}` in its strings. Raises ValueError."""
    if isinstance(source, str):
        return _compile_text(source)
    if isinstance(source, list):
        items = [compile(item) for item in source]
        return lambda scope: [item(scope) for item in items]
    if isinstance(source, dict):
        entries = {key: compile(value) for key, value in source.items()}
        return lambda scope: {key: value(scope) for key, value in entries.items()}
    return lambda scope: source
