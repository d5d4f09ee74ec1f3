"""A meter of work: it bounds what an expression may cost, so that none can stall a workflow task."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from definitions.errors import ExpressionError

LIMIT = 100_000


class Meter:
    """Counts down from `LIMIT`; one unit is about one operation, or one element or 16 characters looked at
    (measured: at most 4 microseconds, so that the limit is far below the 2 seconds that a workflow task may take)."""

    __slots__ = ("left",)

    def __init__(self, limit: int = LIMIT) -> None:
        self.left = limit

    @property
    def spent(self) -> int:
        """Units spent of `LIMIT`; the last ones may not have been granted."""
        return LIMIT - self.left

    def spend(self, units: int = 1) -> None:
        """Raises ExpressionError when the limit is passed."""
        self.left -= units
        if self.left < 0:
            raise ExpressionError("the expression does more work than is allowed")


_CURRENT: ContextVar[Meter] = ContextVar("meter")


@contextlib.contextmanager
def counted_by(meter: Meter) -> Iterator[None]:
    """Have programs that are run meanwhile use this meter."""
    token = _CURRENT.set(meter)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Meter:
    """The meter that a program uses: the one in force, else a new one."""
    return _CURRENT.get(None) or Meter()
