"""The methods of Go's time.Time that templates call: `now.Format "2006-01-02"`, `(toDate …).Year`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import go_time
from definitions.expressions.go_template.run import Run

_PLAIN: dict[str, Callable[[datetime], Any]] = {
    "Unix": go_time.epoch,
    "UnixMilli": lambda time: go_time.epoch(time) * 1000 + time.microsecond // 1000,
    "UTC": lambda time: time.astimezone(timezone.utc),
    "Local": lambda time: time.astimezone(timezone.utc),
    "String": go_time.show,
    "Year": lambda time: time.year,
    "Day": lambda time: time.day,
    "Hour": lambda time: time.hour,
    "Minute": lambda time: time.minute,
    "Second": lambda time: time.second,
    "Nanosecond": lambda time: time.microsecond * 1000,
    "YearDay": lambda time: time.timetuple().tm_yday,
    "Month": lambda time: go_time.MONTHS[time.month - 1],
    "Weekday": lambda time: go_time.DAYS[time.weekday()],
    "IsZero": lambda time: time == go_time.ZERO,
}
_OF_TIME: dict[str, Callable[[datetime, datetime], bool]] = {
    "After": lambda time, other: time > other,
    "Before": lambda time, other: time < other,
    "Equal": lambda time, other: time == other,
}


def call(run: Run, time: datetime, name: str, arguments: list[Any]) -> Any:
    """Raises ExpressionError for a method that is not there, or not supported."""
    if name in _PLAIN and not arguments:
        return _PLAIN[name](time)
    if name == "Format" and len(arguments) == 1 and isinstance(arguments[0], str):
        run.spend_text(8 * len(arguments[0]))
        return go_time.write(time, arguments[0])
    if name in _OF_TIME and len(arguments) == 1 and isinstance(arguments[0], datetime):
        return _OF_TIME[name](time, arguments[0])
    raise ExpressionError(f"can't evaluate {name[:80]} in type time.Time with these arguments")
