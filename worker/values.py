"""Values of a run: what steps take and give, and where it is put in the run's data."""

from __future__ import annotations

import math
from typing import Any

from worker.state import size
from worker.steps.base import StepFailed

#: Bytes of one value as JSON, the same as of the result of a call: Temporal takes 2 MB, with what goes along.
VALUE_BYTES = 1_000_000
#: Levels of one value: what is nested much deeper can be read, but neither be carried on nor shown.
DEPTH_LIMIT = 150


def measured(value: Any, what: str) -> int:
    """Bytes of a value as JSON, about. Raises StepFailed for one that Temporal or the run's state cannot hold."""
    _look_through(value, what)
    # Only now: to write a value that names a large part of itself many times over could take all memory.
    taken = size(value)
    if taken > VALUE_BYTES:
        raise _too_large(what)
    return taken


def _look_through(value: Any, what: str) -> None:
    level, seen = [value], 0
    for _ in range(DEPTH_LIMIT + 1):
        inside: list[Any] = []
        for item in level:
            seen += 1
            if isinstance(item, str):
                seen += len(item)
            elif isinstance(item, dict):
                inside += item.values()
                seen += sum(map(len, item))
            elif isinstance(item, list):
                inside += item
            elif isinstance(item, float) and not math.isfinite(item):
                raise StepFailed("value-invalid", f"{what} has a number that is not finite")
            if seen + len(inside) > VALUE_BYTES:
                raise _too_large(what)
        if not inside:
            return
        level = inside
    raise StepFailed("value-too-deep", f"{what} is nested more than {DEPTH_LIMIT} levels deep")


def _too_large(what: str) -> StepFailed:
    return StepFailed("value-too-large", f"{what} has more than {VALUE_BYTES} bytes")


def put(data: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value into the data at a path of keys. Raises StepFailed if something else than an object is in the way.

    The objects on the way are replaced by copies: they may be a part of the definition, or of another value.
    """
    target = data
    for key in path[:-1]:
        inner = target.get(key, {})
        if not isinstance(inner, dict):
            raise StepFailed("save-invalid", f"{'.'.join(path)}: {key!r} holds a value that cannot have members")
        target[key] = dict(inner)
        target = target[key]
    target[path[-1]] = value


def look_up(data: dict[str, Any], path: list[str]) -> Any:
    """What was put into the data at a path."""
    value: Any = data
    for key in path:
        value = value[key]
    return value
