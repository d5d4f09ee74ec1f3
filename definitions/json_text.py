"""Strict reading of JSON text: bounded in size and depth, without repeated keys, NaN, infinities or broken Unicode."""

from __future__ import annotations

import json
import math
from typing import Any

from definitions.errors import DefinitionError, Problem
from definitions.json_path import child

SIZE_LIMIT = 256 * 1024
DEPTH_LIMIT = 64

#: Code -> what it means; a dialect whose text is JSON has these codes among its own.
CODES = {
    "json-too-large": f"The text has more than {SIZE_LIMIT // 1024} KiB.",
    "json-invalid": "The text is not JSON, or has text in it that is not Unicode.",
    "json-too-deep": f"Objects and lists are nested more than {DEPTH_LIMIT} deep.",
    "json-not-finite": "A number is NaN, infinite or too large for a double.",
    "json-key-repeated": "An object has the same key twice.",
}


class _Repeated(dict[str, Any]):
    """An object in which `key` came twice; it is found when the whole is walked, since only then its path is known."""

    key: str = ""


def parse(text: str) -> Any:
    """The value of a JSON text. Raises DefinitionError with one problem, its code from CODES."""
    if len(text.encode("utf-8", "surrogatepass")) > SIZE_LIMIT:
        raise _error("json-too-large", "$", f"at most {SIZE_LIMIT // 1024} KiB are taken")
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise _error("json-invalid", "$", f"{error.msg} (line {error.lineno}, column {error.colno})") from error
    except RecursionError as error:
        raise _too_deep("$") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _error("json-not-finite", "$", "a number has too many digits") from error
    _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    seen: set[str] = set()
    repeated = _Repeated(made)
    repeated.key = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return repeated


def _check(root: Any) -> None:
    stack: list[tuple[Any, str, int]] = [(root, "$", 0)]
    while stack:
        value, path, depth = stack.pop()
        if isinstance(value, (dict, list)):
            if depth >= DEPTH_LIMIT:
                raise _too_deep(path)
            if isinstance(value, _Repeated):
                raise _error("json-key-repeated", child(path, value.key), "this key is given twice")
            items = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
            stack += [(item, child(path, key), depth + 1) for key, item in reversed(items)]
            stack += [(key, path, depth) for key, _ in items if isinstance(key, str) and not key.isascii()]
        elif isinstance(value, str):
            _check_unicode(value, path)
        elif isinstance(value, (int, float)):
            _check_number(value, path)


def _check_unicode(text: str, path: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _error("json-invalid", path, "text with half of a surrogate pair") from error


def _check_number(number: int | float, path: str) -> None:
    try:
        finite = math.isfinite(number)
    except OverflowError:
        finite = False
    if not finite:
        raise _error("json-not-finite", path, "a number must be finite")


def _too_deep(path: str) -> DefinitionError:
    return _error("json-too-deep", path, f"at most {DEPTH_LIMIT} levels are taken")


def _error(code: str, path: str, message: str) -> DefinitionError:
    return DefinitionError([Problem(code, path, message)])
