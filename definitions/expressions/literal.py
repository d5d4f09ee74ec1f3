"""`literal`: the source is the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda scope: source
