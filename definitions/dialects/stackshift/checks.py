"""Checks of the form of JSON, each one line to call; false means that the fault is in the report."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from definitions.json_path import child
from definitions.model import NAME_LIMIT
from definitions.report import Report

KEY_LIMIT = 1_000
STATE_KEY_LIMIT = 256


def expect(good: bool, path: str, report: Report, code: str, message: str) -> bool:
    if not good:
        report.add(code, path, message)
    return good


def is_object(value: Any, path: str, report: Report, code: str) -> bool:
    return expect(isinstance(value, dict), path, report, code, "expected an object")


def is_name(value: Any, path: str, report: Report, code: str) -> bool:
    """Text of 1 to NAME_LIMIT printable characters: it is shown to operators."""
    good = isinstance(value, str) and 0 < len(value) <= NAME_LIMIT and value.isprintable()
    return expect(good, path, report, code, f"expected a string of 1 to {NAME_LIMIT} printable characters")


def is_key(value: Any, path: str, report: Report, code: str, longest: int = KEY_LIMIT) -> bool:
    """Text that may hold `${…}`: what it comes to is checked when the step runs."""
    good = isinstance(value, str) and 0 < len(value) <= longest
    return expect(good, path, report, code, f"expected a string of 1 to {longest} characters")


def is_word(value: Any, words: Collection[str], path: str, report: Report, code: str) -> bool:
    good = isinstance(value, str) and value in words
    return expect(good, path, report, code, f"expected one of {', '.join(words)}")


def is_whole(value: Any, low: int, high: int, path: str, report: Report, code: str) -> bool:
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    return expect(good, path, report, code, f"expected a whole number from {low} to {high}")


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
