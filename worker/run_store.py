"""The store of one run: values that all its branches share, and that end with it. Pure.

Every change is applied in one turn of the run, so those of many branches at once do not lose each other. A change that
comes again, since its answer was not heard, is answered as the first time; this is remembered while the branch that
made it is at work.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from definitions.contract import StoreChange
from definitions.errors import InputInvalid, NotANumber, TooLarge
from worker.state import StoredValues, size

#: Bytes of all values as JSON, and characters of a key.
STORE_BYTES = 256_000
KEY_LENGTH = 256
#: The largest number that JavaScript knows: what is larger cannot be told to an action.
LARGEST = sys.float_info.max

_OPERATIONS = ("get", "set", "push", "increment", "delete")


class RunStore:
    """Over a `StoredValues`. The id of a change is `<branch>/<anything>`."""

    def __init__(self, state: StoredValues) -> None:
        self._state = state

    def check(self, change: StoreChange) -> None:
        """Raise what `apply` would raise, changing nothing: InputInvalid, NotANumber, TooLarge."""
        if change.operation not in _OPERATIONS:
            raise InputInvalid(f"an operation is one of {', '.join(_OPERATIONS)}", "$.operation")
        if not 1 <= len(change.key) <= KEY_LENGTH:
            raise InputInvalid(f"a key is a text of 1 to {KEY_LENGTH} characters", "$.key")
        if change.id not in self._state.answers:
            self._result(change)

    def apply(self, change: StoreChange) -> Any:
        """The answer to a change. Raises as `check` does, and has changed nothing then."""
        self.check(change)
        if change.operation == "get":
            return self._state.values.get(change.key)
        answers = self._state.answers
        if change.id not in answers:
            self._state.values = self._result(change)
            answers[change.id] = self._state.values[change.key] if change.operation == "increment" else None
        return answers[change.id]

    def forget(self, branch: str) -> None:
        """The branch's action has ended: it makes no change twice any more."""
        head = f"{branch}/"
        self._state.answers = {id: one for id, one in self._state.answers.items() if not id.startswith(head)}

    def _result(self, change: StoreChange) -> dict[str, Any]:
        """All values as they are after the change."""
        values = dict(self._state.values)
        before = values.get(change.key)
        if change.operation == "delete":
            values.pop(change.key, None)
        elif change.operation == "set":
            values[change.key] = change.value
        elif change.operation == "push":
            if before is not None and not isinstance(before, list):
                raise InputInvalid("a value is pushed to a list", "$.key")
            values[change.key] = [*(before or []), change.value]
        elif change.operation == "increment":
            values[change.key] = _sum(before, change.value)
        if change.operation in ("set", "push") and size(values) > STORE_BYTES:
            raise TooLarge(f"the store of a run has at most {STORE_BYTES} bytes")
        return values


def _sum(before: Any, by: Any) -> float:
    numbers = [0 if before is None else before, 1 if by is None else by]
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) for one in numbers):
        raise NotANumber("only a number is incremented, and by a number")
    try:
        total: float = numbers[0] + numbers[1]
    except OverflowError:  # a whole number that is too large to be added to another
        total = math.inf
    if not math.isfinite(total) or abs(total) > LARGEST:
        raise NotANumber("the sum would be too large a number")
    return total
