"""Checks of the form of a document, each one line to call; false means that the fault is in the report."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from definitions import checks
from definitions.checks import expect, is_list, is_object, is_whole
from definitions.dialects.compozy.words import DURATIONS
from definitions.durations import total
from definitions.json_path import child
from definitions.model import NAME_LIMIT
from definitions.report import Report

__all__ = [
    "expect",
    "has_keys",
    "is_list",
    "is_name",
    "is_object",
    "is_text",
    "is_whole",
    "is_word",
    "list_at",
    "objects_at",
    "seconds",
    "seconds_at",
]


def is_text(value: Any, path: str, report: Report, code: str = "text-expected") -> bool:
    return expect(isinstance(value, str) and value != "", path, report, code, "expected a string that is not empty")


def is_name(value: Any, path: str, report: Report, code: str = "text-expected") -> bool:
    return checks.is_name(value, path, report, code, NAME_LIMIT)


def is_word(value: Any, words: Collection[str], path: str, report: Report) -> bool:
    return checks.is_word(value, words, path, report, "word-unknown")


def objects_at(holder: dict[str, Any], key: str, path: str, report: Report) -> dict[str, Any]:
    """The object under a key; none, null or something else is an empty one."""
    value = holder.get(key)
    if value is None or not is_object(value, child(path, key), report):
        return {}
    found: dict[str, Any] = value
    return found


def list_at(holder: dict[str, Any], key: str, path: str, report: Report) -> list[Any]:
    value = holder.get(key)
    if value is None or not is_list(value, child(path, key), report):
        return []
    found: list[Any] = value
    return found


def seconds(value: Any, path: str, report: Report) -> float | None:
    """A duration in seconds; None if it is none."""
    try:
        if not isinstance(value, str):
            raise ValueError(f"expected text such as {DURATIONS.example}")
        return total(value, DURATIONS)
    except ValueError as error:
        report.add("duration-invalid", path, str(error))
        return None


def seconds_at(holder: dict[str, Any], key: str, path: str, report: Report) -> float | None:
    """The duration under a key, more than none; None without one."""
    if holder.get(key) is None:
        return None
    at = child(path, key)
    value = seconds(holder[key], at, report)
    if value is not None and not expect(value >= 0.001, at, report, "duration-invalid", "expected some time"):
        return None
    return value


def has_keys(
    value: dict[str, Any],
    known: Collection[str],
    path: str,
    report: Report,
    unsupported: Collection[str] = (),
) -> None:
    """No unknown key, and none of the unsupported ones with anything in it."""
    for key, item in value.items():
        at = child(path, key)
        if key in unsupported:
            if item not in (None, [], {}, False, ""):
                report.add("feature-unsupported", at, f"{key!r} is not supported by Tidegate", unsupported=True)
        elif key not in known:
            report.add("key-unknown", at, f"the key {key[:80]!r} is not known here")
