"""Checks of the form of JSON, each one line to call; false means that the fault is in the report."""

from __future__ import annotations

from typing import Any

from definitions import checks
from definitions.checks import expect, has_keys, is_object, is_whole, is_word
from definitions.model import NAME_LIMIT
from definitions.report import Report

__all__ = [
    "KEY_LIMIT",
    "STATE_KEY_LIMIT",
    "expect",
    "has_keys",
    "is_key",
    "is_name",
    "is_object",
    "is_whole",
    "is_word",
]

KEY_LIMIT = 1_000
STATE_KEY_LIMIT = 256


def is_name(value: Any, path: str, report: Report, code: str) -> bool:
    """Text of 1 to NAME_LIMIT printable characters: it is shown to operators."""
    return checks.is_name(value, path, report, code, NAME_LIMIT)


def is_key(value: Any, path: str, report: Report, code: str, longest: int = KEY_LIMIT) -> bool:
    """Text that may hold `${…}`: what it comes to is checked when the step runs."""
    good = isinstance(value, str) and 0 < len(value) <= longest
    return expect(good, path, report, code, f"expected a string of 1 to {longest} characters")
