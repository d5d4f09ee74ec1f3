"""Timestamps and durations of CEL, to the nanosecond. There is no clock here, and no time zone but fixed offsets: what
a zone's name means depends on the machine's database, which may change between a run and its replay."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_EPOCH = datetime(1970, 1, 1)
_DURATION_LIMIT = 315_576_000_000 * _SECOND
_LEAST = -62_135_596_800 * _SECOND
_MOST = 253_402_300_800 * _SECOND
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_ZONE = re.compile(r"([+-]?)([0-9]{1,2}):([0-9]{2})")


@dataclass(frozen=True, order=True)
class Duration:
    """In nanoseconds; at most about 10,000 years. Raises ValueError beyond."""

    nanos: int

    def __post_init__(self) -> None:
        if abs(self.nanos) > _DURATION_LIMIT:
            raise ValueError("a duration is out of range")

    def __str__(self) -> str:
        return f"{_decimal(self.nanos)}s"

    @staticmethod
    def read(text: str) -> Duration:
        """Go's form: `1h30m`, `-1.5s`, `300ms`. Raises ValueError."""
        rest = text[1:] if text[:1] in ("+", "-") else text
        nanos = 0
        parts = list(_PART.finditer(rest)) if len(rest) <= 100 else []
        whole = "".join(part.group() for part in parts) == rest and all(p.group(1) or p.group(2) for p in parts)
        if rest != "0" and not (parts and whole):
            raise ValueError(f"{text[:80]!r} is no duration")
        for part in parts:
            before, after, unit = part.group(1) or "0", part.group(2) or "", _UNITS[part.group(3)]
            nanos += int(before) * unit + (int(after) * unit // 10 ** len(after) if after else 0)
        return Duration(-nanos if text[0] == "-" else nanos)

    def total(self, unit: str) -> int:
        return _toward_zero(self.nanos, _UNITS[unit])


@dataclass(frozen=True, order=True)
class Timestamp:
    """In nanoseconds since 1970, in the years 1 to 9999. Raises ValueError beyond."""

    nanos: int

    def __post_init__(self) -> None:
        if not _LEAST <= self.nanos < _MOST:
            raise ValueError("a timestamp is out of range")

    def __str__(self) -> str:
        seconds, nanos = divmod(self.nanos, _SECOND)
        fraction = f".{nanos:09d}".rstrip("0") if nanos else ""
        return (_EPOCH + timedelta(seconds=seconds)).isoformat() + fraction + "Z"

    @staticmethod
    def read(text: str) -> Timestamp:
        """RFC 3339. Raises ValueError."""
        match = _TIMESTAMP.fullmatch(text)
        if match is None:
            raise ValueError(f"{text[:80]!r} is no timestamp of RFC 3339")
        *numbers, fraction, zone = match.groups()
        try:
            moment = datetime(*map(int, numbers))  # type: ignore[arg-type]
        except ValueError as error:
            raise ValueError(f"{text[:80]!r} is no timestamp: {error}") from None
        seconds = (moment - _EPOCH) // timedelta(seconds=1) - _offset("00:00" if zone in "Zz" else zone)
        return Timestamp(seconds * _SECOND + int((fraction or "").ljust(9, "0")))

    def seconds(self) -> int:
        return self.nanos // _SECOND

    def part(self, name: str, zone: str = "UTC") -> int:
        """A part of the date or time of day (a key of PARTS) in UTC or at an offset. Raises ValueError."""
        local = self.seconds() + (0 if zone in ("UTC", "Z") else _offset(zone))
        try:
            moment = _EPOCH + timedelta(seconds=local, microseconds=self.nanos % _SECOND // 1000)
        except OverflowError:
            raise ValueError("a timestamp is out of range") from None
        return PARTS[name](moment)


PARTS: dict[str, Callable[[datetime], int]] = {
    "getFullYear": lambda at: at.year,
    "getMonth": lambda at: at.month - 1,
    "getDate": lambda at: at.day,
    "getDayOfMonth": lambda at: at.day - 1,
    "getDayOfWeek": lambda at: at.isoweekday() % 7,
    "getDayOfYear": lambda at: at.timetuple().tm_yday - 1,
    "getHours": lambda at: at.hour,
    "getMinutes": lambda at: at.minute,
    "getSeconds": lambda at: at.second,
    "getMilliseconds": lambda at: at.microsecond // 1000,
}

#: In whole units, but for the milliseconds: those are what is left of a second.
DURATION_PARTS: dict[str, Callable[[Duration], int]] = {
    "getHours": lambda value: value.total("h"),
    "getMinutes": lambda value: value.total("m"),
    "getSeconds": lambda value: value.total("s"),
    "getMilliseconds": lambda value: value.total("ms") - value.total("s") * 1000,
}


def _offset(zone: str) -> int:
    """In seconds."""
    match = _ZONE.fullmatch(zone)
    if match is None or int(match.group(2)) > 23 or int(match.group(3)) > 59:
        raise ValueError(f"{zone[:40]!r} is no time zone: UTC and offsets such as +02:00 are")
    seconds = int(match.group(2)) * 3600 + int(match.group(3)) * 60
    return -seconds if match.group(1) == "-" else seconds


def _toward_zero(a: int, b: int) -> int:
    return a // b if a >= 0 else -(-a // b)


def _decimal(nanos: int) -> str:
    whole, part = divmod(abs(nanos), _SECOND)
    text = f"{whole}.{part:09d}".rstrip("0").rstrip(".")
    return f"-{text}" if nanos < 0 else text
