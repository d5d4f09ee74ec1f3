"""A meter of work: it bounds what an expression may cost, so that none can stall a workflow task."""

from __future__ import annotations

from definitions.errors import ExpressionError


class Meter:
    """Counts down from `limit`; one unit is about one operation, or one element or 16 characters looked at
    (measured: at most 4 microseconds, so that the limit is far below the 2 seconds that a workflow task may take)."""

    __slots__ = ("left",)

    def __init__(self, limit: int = 100_000) -> None:
        self.left = limit

    def spend(self, units: int = 1) -> None:
        """Raises ExpressionError when the limit is passed."""
        self.left -= units
        if self.left < 0:
            raise ExpressionError("the expression does more work than is allowed")
