"""Checks of the form of JSON, each one line to call; false means that the fault is in the report."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from definitions.json_path import child
from definitions.report import Report


def expect(good: bool, path: str, report: Report, code: str, message: str) -> bool:
    if not good:
        report.add(code, path, message)
    return good


def is_object(value: Any, path: str, report: Report, code: str = "object-expected") -> bool:
    return expect(isinstance(value, dict), path, report, code, "expected an object")


def is_list(value: Any, path: str, report: Report, code: str = "list-expected") -> bool:
    return expect(isinstance(value, list), path, report, code, "expected a list")


def is_text(value: Any, path: str, report: Report, code: str = "text-expected") -> bool:
    return expect(isinstance(value, str), path, report, code, "expected a string")


def is_name(value: Any, path: str, report: Report, code: str, longest: int) -> bool:
    """Text that is shown to operators."""
    good = isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()
    return expect(good, path, report, code, f"expected a string of 1 to {longest} printable characters")


def is_boolean(value: Any, path: str, report: Report, code: str = "boolean-expected") -> bool:
    return expect(isinstance(value, bool), path, report, code, "expected true or false")


def is_whole(value: Any, low: int, high: int, path: str, report: Report, code: str = "number-invalid") -> bool:
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return expect(good, path, report, code, f"expected a whole number from {low} to {high}")


def is_seconds(value: Any, high: float, path: str, report: Report, code: str = "number-invalid") -> bool:
    """A number of seconds that an executor can be given, which is more than none."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0.001 <= value <= high
    return expect(good, path, report, code, f"expected a number of seconds, at most {high:g}")


def is_word(value: Any, words: Collection[str], path: str, report: Report, code: str) -> bool:
    good = isinstance(value, str) and value in words
    return expect(good, path, report, code, f"expected one of {', '.join(words)}")


def has_keys(
    value: dict[str, Any], required: Collection[str], optional: Collection[str], path: str, report: Report
) -> bool:
    """No unknown key, no required one missing."""
    unknown = [key for key in value if key not in required and key not in optional]
    missing = [key for key in required if key not in value]
    for key in unknown:
        report.add("key-unknown", child(path, key), f"the key {key[:80]!r} is not known here")
    for key in missing:
        report.add("key-missing", child(path, key), f"the key {key!r} is missing")
    return not unknown and not missing
