"""Checks of the form of JSON, each one line to call."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from definitions.dialects.justworkflowit.problems import Report
from definitions.json_path import child

NAME_LIMIT = 200


def is_object(value: Any, path: str, report: Report, code: str) -> bool:
    return _expect(isinstance(value, dict), path, report, code, "expected an object")


def is_list(value: Any, path: str, report: Report, code: str) -> bool:
    return _expect(isinstance(value, list), path, report, code, "expected a list")


def is_string(value: Any, path: str, report: Report, code: str) -> bool:
    return _expect(isinstance(value, str), path, report, code, "expected a string")


def is_name(value: Any, path: str, report: Report, code: str) -> bool:
    """Text of 1 to NAME_LIMIT printable characters: it is shown to operators."""
    good = isinstance(value, str) and 0 < len(value) <= NAME_LIMIT and value.isprintable()
    return _expect(good, path, report, code, f"expected a string of 1 to {NAME_LIMIT} printable characters")


def is_whole(value: Any, low: int, high: int, path: str, report: Report, code: str) -> bool:
    """A whole number; 3.0 is one, as in JSON Schema."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    good = number and value == int(value) and low <= value <= high
    return _expect(good, path, report, code, f"expected a whole number from {low} to {high}")


def check_keys(
    value: dict[str, Any],
    known: Collection[str],
    required: Collection[str],
    path: str,
    report: Report,
    codes: tuple[str, str],
) -> bool:
    """No unknown key, no required one missing; `codes` are those of the two faults."""
    unknown_code, missing_code = codes
    unknown = [key for key in value if key not in known]
    missing = [key for key in required if key not in value]
    for key in unknown:
        report.add(unknown_code, child(path, key), f"the key {key[:80]!r} is not known here")
    for key in missing:
        report.add(missing_code, child(path, key), f"the key {key!r} is missing")
    return not unknown and not missing


def _expect(good: bool, path: str, report: Report, code: str, message: str) -> bool:
    if not good:
        report.add(code, path, message)
    return good
