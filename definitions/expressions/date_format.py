"""Dates read and written by Unicode patterns (`yyyy-MM-dd`), as date-fns does it in English and in UTC.

Only patterns with one meaning are taken: reading needs a year (it would otherwise be today's), two-digit years cannot
be read, and there is no local time zone. Everything else is a SourceError when the pattern is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from definitions.errors import ExpressionError
from definitions.expressions.source_error import SourceError

CODE = "date-pattern-unsupported"

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TOKEN = re.compile(r"''|'(?:''|[^'])+(?:'|$)|([A-Za-z])\1*|.", re.DOTALL)

#: Token -> (the field it gives, what its text looks like).
_READERS: dict[str, tuple[str, str]] = {
    "yyyy": ("year", r"\d{1,4}"),
    "M": ("month", r"1[0-2]|0?\d"),
    "MM": ("month", r"\d{1,2}"),
    "MMM": ("month_name", "|".join(name[:3] for name in _MONTHS)),
    "MMMM": ("month_name", "|".join(_MONTHS)),
    "d": ("day", r"3[01]|[0-2]?\d"),
    "dd": ("day", r"\d{1,2}"),
    "H": ("hour", r"2[0-3]|[01]?\d"),
    "HH": ("hour", r"\d{1,2}"),
    "h": ("hour12", r"1[0-2]|0?\d"),
    "hh": ("hour12", r"\d{1,2}"),
    "m": ("minute", r"[0-5]?\d"),
    "mm": ("minute", r"\d{1,2}"),
    "s": ("second", r"[0-5]?\d"),
    "ss": ("second", r"\d{1,2}"),
    "SSS": ("millisecond", r"\d{1,3}"),
    "a": ("half", r"[AaPp]\.?[Mm]\.?"),
    "XXX": ("offset", r"Z|[+-]\d{2}:\d{2}"),
}

_WRITERS: dict[str, Callable[[datetime], str]] = {
    "yyyy": lambda at: f"{at.year:04d}",
    "yy": lambda at: f"{at.year % 100:02d}",
    "M": lambda at: str(at.month),
    "MM": lambda at: f"{at.month:02d}",
    "MMM": lambda at: _MONTHS[at.month - 1][:3],
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "d": lambda at: str(at.day),
    "dd": lambda at: f"{at.day:02d}",
    "EEE": lambda at: _DAYS[at.weekday()][:3],
    "EEEE": lambda at: _DAYS[at.weekday()],
    "H": lambda at: str(at.hour),
    "HH": lambda at: f"{at.hour:02d}",
    "h": lambda at: str(at.hour % 12 or 12),
    "hh": lambda at: f"{at.hour % 12 or 12:02d}",
    "m": lambda at: str(at.minute),
    "mm": lambda at: f"{at.minute:02d}",
    "s": lambda at: str(at.second),
    "ss": lambda at: f"{at.second:02d}",
    "SSS": lambda at: f"{at.microsecond // 1000:03d}",
    "a": lambda at: "AM" if at.hour < 12 else "PM",
    "p": lambda at: f"{at.hour % 12 or 12}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}",
    "XXX": lambda at: "Z",
    "t": lambda at: str(int(at.replace(tzinfo=timezone.utc).timestamp())),
}


def _tokens(pattern: str, known: set[str], place: str) -> list[tuple[bool, str]]:
    """(is a token, text) pairs; quoted text is literal. Raises SourceError for a letter that is no known token."""
    tokens: list[tuple[bool, str]] = []
    for match in _TOKEN.finditer(pattern):
        text = match.group()
        if match.group(1):
            if text not in known:
                raise SourceError(f"the date token {text[:40]!r} is not supported", place, CODE, unsupported=True)
            tokens.append((True, text))
        elif text == "''":
            tokens.append((False, "'"))
        else:
            tokens.append((False, text.strip("'").replace("''", "'") if text[0] == "'" else text))
    return tokens


def reader(pattern: str, place: str = "") -> Callable[[str], datetime]:
    """A function that reads a date; it raises ExpressionError for a text that does not fit."""
    tokens = _tokens(pattern, set(_READERS), place)
    fields = [_READERS[text][0] for is_token, text in tokens if is_token]
    if len(set(fields)) < len(fields):
        raise SourceError("a date pattern names a field twice", place, CODE, unsupported=True)
    if "year" not in fields:
        raise SourceError("a date can only be read by a pattern with a year (yyyy)", place, CODE, unsupported=True)
    expression = "".join(f"({_READERS[text][1]})" if is_token else re.escape(text) for is_token, text in tokens)
    compiled = re.compile(expression, re.ASCII)

    def read(text: str) -> datetime:
        match = compiled.fullmatch(text.rstrip())
        try:
            return _moment(dict(zip(fields, match.groups(), strict=True)) if match else {})
        except (KeyError, ValueError, OverflowError) as error:
            raise ExpressionError(f"a date does not fit the pattern {pattern!r}") from error

    return read


def _moment(found: dict[str, str]) -> datetime:
    month = found.get("month", "1")
    if "month_name" in found:
        month = str(1 + [name[:3] for name in _MONTHS].index(found["month_name"][:3]))
    hour = int(found.get("hour", "0"))
    if "hour12" in found:
        hour = int(found["hour12"]) % 12
        if not 1 <= int(found["hour12"]) <= 12:
            raise ValueError("no such hour")
        hour += 12 if found.get("half", "a").lower().startswith("p") else 0
    moment = datetime(
        int(found["year"]), int(month), int(found.get("day", "1")),
        hour, int(found.get("minute", "0")), int(found.get("second", "0")), int(found.get("millisecond", "0")) * 1000,
    )  # fmt: skip
    offset = found.get("offset", "Z")
    if offset == "Z":
        return moment
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return moment - timedelta(minutes=minutes if offset[0] == "+" else -minutes)


def writer(pattern: str, place: str = "") -> Callable[[datetime], str]:
    """A function that writes a date."""
    tokens = _tokens(pattern, set(_WRITERS), place)
    parts = [_WRITERS[text] if is_token else _literal(text) for is_token, text in tokens]
    return lambda moment: "".join(part(moment) for part in parts)


def _literal(text: str) -> Callable[[datetime], str]:
    return lambda moment: text
