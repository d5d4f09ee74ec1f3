"""Checks of the form of JSON, each one line to call; false means that the fault is in the report."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from definitions.checks import expect, has_keys
from definitions.dialects.jsworkflows.words import DURATIONS
from definitions.durations import seconds as parse
from definitions.model import NAME_LIMIT
from definitions.report import Report

__all__ = [
    "duration",
    "expect",
    "has_keys",
    "is_identifier",
    "is_name",
    "is_number",
    "is_redirect",
    "is_reference",
    "is_text",
    "to_seconds",
]

_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
#: Text that is one `${…}` and nothing else: it keeps the type of what it names.
_ONE_REFERENCE = re.compile(r"\$\{[^{}]*\}")


def is_name(value: Any) -> bool:
    """Text of 1 to NAME_LIMIT printable characters: it is shown to operators."""
    return isinstance(value, str) and 0 < len(value) <= NAME_LIMIT and value.isprintable()


def is_identifier(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= NAME_LIMIT and _IDENTIFIER.fullmatch(value) is not None


def is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_reference(value: Any) -> bool:
    """Whether a value is known only when the operation runs, whatever its type will be."""
    return isinstance(value, str) and _ONE_REFERENCE.fullmatch(value) is not None


def is_redirect(value: Any) -> bool:
    """Null, an http or https URL, or text of which that is known only when the operation runs."""
    if value is None or (isinstance(value, str) and "${" in value):
        return True
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def to_seconds(value: Any) -> float:
    """The seconds of a duration: a number of them, or text such as `24 hours`. Raises ValueError."""
    if is_number(value):
        return float(value)
    if not isinstance(value, str) or not value.isascii():
        raise ValueError(f"expected a number of seconds or text such as {DURATIONS.example!r}")
    return float(parse(value.lower(), DURATIONS))


def duration(value: Any, bounds: tuple[int, int], path: str, report: Report) -> Any:
    """The seconds of a duration; `${…}` stays, and must give a number of seconds. None: the fault is in the report."""
    if is_reference(value):
        return value
    try:
        seconds = to_seconds(value)
    except ValueError as error:
        report.add("duration-invalid", path, str(error))
        return None
    least, most = bounds
    message = f"expected at least {least} seconds and at most {most // 86_400} days"
    return seconds if expect(least <= seconds <= most, path, report, "duration-out-of-range", message) else None
