"""Sprig's functions on dates.

The clock is what the workflow supplies as `$now` (RFC 3339) in its scope, the local zone is UTC. Where sprig takes
the present time for a date that it cannot use, there is an error; a text in RFC 3339 is taken as a date.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from definitions.errors import ExpressionError
from definitions.expressions.go_template import durations, go_time
from definitions.expressions.go_template.functions import Function, fn, pure
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.sprig_numbers import to_int
from definitions.expressions.go_template.values import type_name


def now(run: Run) -> datetime:
    """Raises ExpressionError where the scope has no clock."""
    if not isinstance(run.now, str):
        raise ExpressionError("there is no clock here")
    return go_time.read_rfc3339(run.now)


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return go_time.read_rfc3339(value)
    if type(value) is int or (isinstance(value, float) and value.is_integer()):
        return go_time.unix(to_int(value))
    raise ExpressionError(f"expected a time, seconds since 1970 or a text in RFC 3339; got {type_name(value)}")


@lru_cache(maxsize=128)
def _zone(name: str) -> tzinfo:
    if name in ("", "UTC", "Local"):
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ExpressionError(f"unknown time zone {name[:80]!r}") from error


def _format(run: Run, layout: str, value: Any, zone: str = "UTC") -> str:
    run.spend_text(8 * len(layout))
    return go_time.write(_time(value).astimezone(_zone(zone)), layout)


def _modified(duration: str, value: Any, *, strict: bool) -> datetime:
    time = _time(value)
    try:
        nanoseconds = durations.parse(duration)
    except ValueError:
        if strict:
            raise
        return time
    return time + timedelta(microseconds=nanoseconds // 1000)


def _modify(duration: str, value: Any) -> datetime:
    """A duration that cannot be read leaves the date as it is."""
    return _modified(duration, value, strict=False)


def _must_modify(duration: str, value: Any) -> datetime:
    return _modified(duration, value, strict=True)


def _to_date(layout: str, text: str) -> datetime:
    """The zero time for a text that does not fit."""
    try:
        return go_time.read(text, layout)
    except ValueError:
        return go_time.ZERO


def _duration(value: Any) -> str:
    return durations.show(to_int(value) * 10**9)


def _rounded(run: Run, value: Any) -> str:
    if isinstance(value, datetime):
        return durations.rounded(_nanoseconds(now(run) - value))
    if isinstance(value, str):
        try:
            return durations.rounded(durations.parse(value))
        except ValueError:
            return "0s"
    return durations.rounded(to_int(value))


def _nanoseconds(delta: timedelta) -> int:
    return delta // timedelta(microseconds=1) * 1000


def _ago(run: Run, value: Any) -> str:
    nanoseconds = _nanoseconds(now(run) - _time(value))
    seconds = (abs(nanoseconds) + 5 * 10**8) // 10**9
    return durations.show((seconds if nanoseconds >= 0 else -seconds) * 10**9)


DATES: dict[str, Function] = {
    "now": fn("", now),
    "ago": fn("a", _ago),
    "date": fn("sa", _format),
    "dateInZone": fn("sas", _format),
    "date_in_zone": fn("sas", _format),
    "htmlDate": fn("a", lambda run, value: _format(run, "2006-01-02", value)),
    "htmlDateInZone": fn("as", lambda run, value, zone: _format(run, "2006-01-02", value, zone)),
    "dateModify": pure("sa", _modify),
    "date_modify": pure("sa", _modify),
    "mustDateModify": pure("sa", _must_modify),
    "must_date_modify": pure("sa", _must_modify),
    "toDate": pure("ss", _to_date),
    "mustToDate": pure("ss", lambda layout, text: go_time.read(text, layout)),
    "unixEpoch": pure("a", lambda value: str(go_time.epoch(_time(value)))),
    "duration": pure("a", _duration),
    "durationRound": fn("a", _rounded),
}
