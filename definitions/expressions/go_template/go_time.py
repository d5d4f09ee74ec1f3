"""Times in the way of Go: layouts such as `2006-01-02T15:04:05Z07:00`, for writing and for reading.

A time is an aware `datetime`, so to the microsecond, from year 1 to 9999. The local zone is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from definitions.errors import ExpressionError

ZERO = datetime(1, 1, 1, tzinfo=timezone.utc)
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October"]
MONTHS += ["November", "December"]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]

_CHUNK = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|01|02|03|04|05|06|15|1|2006|2|_(?=2006)|__2|_2|3|4|5|PM|pm"
    r"|-070000|-07:00:00|-0700|-07:00|-07|Z070000|Z07:00:00|Z0700|Z07:00|Z07|[.,]0+(?![0-9])|[.,]9+(?![0-9])"
)
_RFC3339 = "2006-01-02T15:04:05Z07:00"


def offset_text(time: datetime, colon: bool, zulu: bool = False) -> str:
    seconds = int((time.utcoffset() or timedelta()).total_seconds())
    if zulu and not seconds:
        return "Z"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"{'-' if seconds < 0 else '+'}{hours:02d}{':' if colon else ''}{minutes:02d}"


def zone_name(time: datetime) -> str:
    name = time.tzname() or "UTC"
    return name if not name.startswith("UTC") or name == "UTC" else offset_text(time, False)


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "January": lambda t: MONTHS[t.month - 1],
    "Jan": lambda t: MONTHS[t.month - 1][:3],
    "Monday": lambda t: DAYS[t.weekday()],
    "Mon": lambda t: DAYS[t.weekday()][:3],
    "MST": zone_name,
    "01": lambda t: f"{t.month:02d}",
    "1": lambda t: str(t.month),
    "02": lambda t: f"{t.day:02d}",
    "2": lambda t: str(t.day),
    "_2": lambda t: f"{t.day:2d}",
    "002": lambda t: f"{t.timetuple().tm_yday:03d}",
    "__2": lambda t: f"{t.timetuple().tm_yday:3d}",
    "_": lambda t: "_",
    "2006": lambda t: f"{t.year:04d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "15": lambda t: f"{t.hour:02d}",
    "03": lambda t: f"{t.hour % 12 or 12:02d}",
    "3": lambda t: str(t.hour % 12 or 12),
    "04": lambda t: f"{t.minute:02d}",
    "4": lambda t: str(t.minute),
    "05": lambda t: f"{t.second:02d}",
    "5": lambda t: str(t.second),
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
    "-0700": lambda t: offset_text(t, False),
    "-07:00": lambda t: offset_text(t, True),
    "-07": lambda t: offset_text(t, False)[:3],
    "-070000": lambda t: offset_text(t, False) + "00",
    "-07:00:00": lambda t: offset_text(t, True) + ":00",
    "Z0700": lambda t: offset_text(t, False, True),
    "Z07:00": lambda t: offset_text(t, True, True),
    "Z07": lambda t: offset_text(t, False, True)[:3],
    "Z070000": lambda t: offset_text(t, False, True) + ("00" if t.utcoffset() else ""),
    "Z07:00:00": lambda t: offset_text(t, True, True) + (":00" if t.utcoffset() else ""),
}


def _fraction(time: datetime, chunk: str) -> str:
    digits = f"{time.microsecond:06d}000"[: len(chunk) - 1].ljust(len(chunk) - 1, "0")
    if chunk[1] == "0":
        return chunk[0] + digits
    digits = digits.rstrip("0")
    return chunk[0] + digits if digits else ""


def write(time: datetime, layout: str) -> str:
    """The time in a layout."""

    def chunk(match: re.Match[str]) -> str:
        text = match.group()
        return _fraction(time, text) if text[0] in ".," else _WRITERS[text](time)

    return _CHUNK.sub(chunk, layout)


def show(time: datetime) -> str:
    """As Go prints a time."""
    return write(time, "2006-01-02 15:04:05.999999 -0700 MST")


def rfc3339(time: datetime) -> str:
    """As Go's JSON has a time."""
    return write(time, "2006-01-02T15:04:05.999999Z07:00")


def read_rfc3339(text: str) -> datetime:
    """Raises ValueError."""
    return read(text, _RFC3339)


_NAMES = {"January": MONTHS, "Jan": [m[:3] for m in MONTHS], "Monday": DAYS, "Mon": [d[:3] for d in DAYS]}
_PATTERNS = {
    "2006": r"(?P<year>\d{4})", "06": r"(?P<short>\d\d)", "01": r"(?P<month>\d\d)", "1": r"(?P<month>\d\d?)",
    "02": r"(?P<day>\d\d)", "2": r"(?P<day>\d\d?)", "_2": r" ?(?P<day>\d\d?)", "002": r"(?P<yearday>\d{3})",
    "__2": r" {0,2}(?P<yearday>\d{1,3})", "_": "_", "15": r"(?P<hour>\d\d?)", "03": r"(?P<half>\d\d)",
    "3": r"(?P<half>\d\d?)", "04": r"(?P<minute>\d\d)", "4": r"(?P<minute>\d\d?)",
    "05": r"(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?", "5": r"(?P<second>\d\d?)(?:[.,](?P<fraction>\d{1,9}))?",
    "PM": r"(?P<pm>AM|PM)", "pm": r"(?P<pm>am|pm)", "MST": r"(?P<zone>[A-Z]{3,5}|[+-]\d\d)",
}  # fmt: skip
_OFFSET = r"(?P<offset>%s[+-]\d\d(?::?\d\d(?::?\d\d)?)?)"


@lru_cache(maxsize=256)
def _reader(layout: str) -> re.Pattern[str]:
    parts: list[str] = []
    end = 0
    for match in _CHUNK.finditer(layout):
        chunk = match.group()
        parts.append(re.escape(layout[end : match.start()]))
        end = match.end()
        if chunk[0] in ".,":
            continue  # the seconds read their fraction themselves
        if chunk in _NAMES:
            group = "name" if chunk in ("January", "Jan") else "weekday"
            parts.append(f"(?P<{group}>(?i:{'|'.join(_NAMES[chunk])}))")
        elif chunk[0] in "-Z":
            parts.append(_OFFSET % ("Z|" if chunk[0] == "Z" else ""))
        else:
            parts.append(_PATTERNS[chunk])
    try:
        return re.compile("".join(parts) + re.escape(layout[end:]), re.ASCII)
    except re.error as error:
        raise ValueError("the layout names a part of the time twice") from error


def read(text: str, layout: str) -> datetime:
    """The time that a text gives in a layout; without a zone it is UTC. Raises ValueError."""
    if len(layout) > 200 or len(text) > 400:
        raise ValueError("the time or its layout is too long")
    match = _reader(layout).fullmatch(text)
    if match is None:
        raise ValueError(f"parsing time {text[:80]!r} as {layout[:80]!r}: cannot parse")
    found = {key: value for key, value in match.groupdict().items() if value is not None}
    year = int(found["year"]) if "year" in found else _century(found["short"]) if "short" in found else 1
    time = datetime(year or 1, _month(found), int(found.get("day", 1)), _hour(found), tzinfo=_zone(found))
    fraction = int(found.get("fraction", "0").ljust(6, "0")[:6])
    minute, second = int(found.get("minute", 0)), int(found.get("second", 0))
    time = time.replace(minute=minute, second=second, microsecond=fraction)
    return time + timedelta(days=int(found["yearday"]) - 1) if "yearday" in found else time


def _century(digits: str) -> int:
    return int(digits) + (1900 if int(digits) >= 69 else 2000)


def _month(found: dict[str, str]) -> int:
    if "name" not in found:
        return int(found.get("month", 1))
    return [month[:3].lower() for month in MONTHS].index(found["name"][:3].lower()) + 1


def _hour(found: dict[str, str]) -> int:
    hour = int(found.get("hour", found.get("half", 0)))
    if "half" in found and not 0 <= hour <= 12:
        raise ValueError("hour out of range")
    half = found.get("pm", "").lower()
    return hour + 12 if half == "pm" and hour < 12 else 0 if half == "am" and hour == 12 else hour


def _zone(found: dict[str, str]) -> timezone:
    offset = found.get("offset", "Z")
    if offset == "Z":
        name = found.get("zone", "UTC")
        return timezone.utc if name == "UTC" else timezone(timedelta(), name)
    digits = offset[1:].replace(":", "").ljust(4, "0")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]))
    delta = -delta if offset[0] == "-" else delta
    return timezone(delta, found["zone"]) if "zone" in found else timezone(delta) if delta else timezone.utc


def unix(seconds: int) -> datetime:
    """Raises ExpressionError outside the years 1 to 9999."""
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise ExpressionError("the time is outside the years 1 to 9999") from error


def epoch(time: datetime) -> int:
    """Whole seconds since 1970, rounded down."""
    return (time - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1)
