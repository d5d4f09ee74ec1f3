"""The executors: what a `call` step may run. One new file and one line in this table, or an entry point.

Names and modules are looked up here; nothing is imported before `load_executors`, so that whoever only needs the names
(to check a definition, say) pays for no cloud library.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from worker.activities.executor import Executor, ExecutorError

#: Under which other distributions offer executors; the entry point's name is the executor's.
ENTRY_POINT_GROUP = "tidegate.executors"

#: Name -> `module:attribute` of the built-in ones.
EXECUTORS: dict[str, str] = {
    "http": "worker.activities.http:EXECUTOR",
    "chat": "worker.activities.chat:EXECUTOR",
    "aws_lambda": "worker.activities.aws_lambda:EXECUTOR",
    "gcp_cloudfunction": "worker.activities.gcp_cloudfunction:EXECUTOR",
    "database": "worker.activities.database:EXECUTOR",
}

__all__ = [
    "ENTRY_POINT_GROUP",
    "EXECUTORS",
    "Executor",
    "ExecutorError",
    "executor_names",
    "load_executors",
    "team_executors",
]


def executor_names() -> list[str]:
    """The names of all installed executors, sorted. Raises ExecutorError for a name that is given twice."""
    return sorted(_installed())


def load_executors() -> Mapping[str, Executor]:
    """Import all executors. Raises ExecutorError, which names the distribution of the one at fault."""
    return {name: _load(point) for name, point in sorted(_installed().items())}


@cache
def team_executors() -> Mapping[str, Executor]:
    """Import the executors of other distributions only: what definitions may name beside the built-in ones.

    Raises ExecutorError.
    """
    return {name: _load(point) for name, point in sorted(_installed().items()) if name not in EXECUTORS}


@cache
def _installed() -> Mapping[str, EntryPoint]:
    points = {name: EntryPoint(name, value, ENTRY_POINT_GROUP) for name, value in EXECUTORS.items()}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        if point.name in points:
            raise ExecutorError(
                f"{_origin(point)} offers the executor {point.name!r}, which {_origin(points[point.name])} has already"
            )
        points[point.name] = point
    return points


def _load(point: EntryPoint) -> Executor:
    try:
        return Executor.of(point.load())
    except Exception as error:  # Whatever an import of foreign code may raise has to end as one clear line.
        reason = f"{type(error).__name__}: {error}"
    raise ExecutorError(f"{_origin(point)}: the executor {point.name!r} ({point.value}) cannot be loaded: {reason}")


def _origin(point: EntryPoint) -> str:
    return f"distribution {point.dist.name} {point.dist.version}" if point.dist else "Tidegate itself"
