"""Checks of the form of JSON, each one line to call."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from definitions import checks
from definitions.checks import expect, is_list, is_object, is_text
from definitions.json_path import child
from definitions.model import NAME_LIMIT
from definitions.report import Report

__all__ = ["check_keys", "is_list", "is_name", "is_object", "is_text", "is_whole"]


def is_name(value: Any, path: str, report: Report, code: str) -> bool:
    """Text of 1 to NAME_LIMIT printable characters: it is shown to operators."""
    return checks.is_name(value, path, report, code, NAME_LIMIT)


def is_whole(value: Any, low: int, high: int, path: str, report: Report, code: str) -> bool:
    """A whole number; 3.0 is one, as in JSON Schema."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    good = number and value == int(value) and low <= value <= high
    return expect(good, path, report, code, f"expected a whole number from {low} to {high}")


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
