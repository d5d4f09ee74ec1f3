"""Values as text, in the way of Go's fmt: `%v` for what an action prints, and print, println."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import go_time
from definitions.expressions.go_template.numbers_text import plain
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import VALUE_DEPTH, sorted_items


def show(run: Run, value: Any) -> str:
    """As `%v`."""
    if type(value) is str:
        return value
    parts: list[str] = []
    _append(run, value, parts, 0)
    return "".join(parts)


def written(run: Run, value: Any) -> str:
    """What an action prints: as `%v`, but nil has no text (Go writes `<no value>`). Raises ExpressionError."""
    if value is None:
        raise ExpressionError("the value is null, which has no text (`default` can give it one)")
    return show(run, value)


def scalar(value: Any) -> str:
    """A value that holds no others."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return plain(value)
    return go_time.show(value) if isinstance(value, datetime) else str(value)


def _append(run: Run, value: Any, parts: list[str], depth: int) -> None:
    run.meter.spend()
    if depth > VALUE_DEPTH:
        raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
    if isinstance(value, dict):
        parts.append("map[")
        for index, (key, item) in enumerate(sorted_items(value)):
            parts.append(f" {key}:" if index else f"{key}:")
            run.spend_text(len(key))
            _append(run, item, parts, depth + 1)
        parts.append("]")
    elif isinstance(value, list):
        parts.append("[")
        for index, item in enumerate(value):
            if index:
                parts.append(" ")
            _append(run, item, parts, depth + 1)
        parts.append("]")
    else:
        parts.append(value if isinstance(value, str) else scalar(value))
        run.spend_text(len(parts[-1]))


def sprint(run: Run, values: Sequence[Any]) -> str:
    """A space stands between two operands when neither is a string."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(show(run, value))
    return "".join(parts)


def sprintln(run: Run, values: Sequence[Any]) -> str:
    return " ".join(show(run, value) for value in values) + "\n"
