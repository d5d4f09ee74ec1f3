"""`passthrough`: hands a value of the run's data on as it is, or nothing (ABSENT) if it is not there.

Two sources: `{"data": key}` gives the data at that key; `{"after": {step: key, …}}` gives the data at the key of the
step that ran last, if it is one of those named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from definitions.expressions.absent import ABSENT
from definitions.expressions.source_error import SourceError

#: Where the interpreter puts the name of the step that ran last.
LAST = "$last"


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Raises SourceError (a ValueError)."""
    if isinstance(source, dict) and len(source) == 1:
        key, after = source.get("data"), source.get("after")
        if isinstance(key, str):
            return lambda scope: scope.get(key, ABSENT)
        if isinstance(after, dict) and after and all(isinstance(value, str) for value in after.values()):
            return lambda scope: scope.get(after.get(scope.get(LAST), LAST + "?"), ABSENT)
    raise SourceError('expected {"data": key} or {"after": {step: key}}', "", "passthrough-invalid")
