"""The languages that definitions may compute values with: one file each, one table here.

A language compiles a source once per process into a program: a function of the run's data, pure and bounded (no clock,
no randomness, no I/O, no backtracking), that raises `ExpressionError` when it cannot give a value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import (
    cel,
    compose,
    conditions,
    double_brace,
    go_template,
    json_logic,
    json_xform,
    literal,
    misfit,
    passthrough,
    path,
)
from definitions.expressions import meter as metering
from definitions.expressions.absent import ABSENT
from definitions.expressions.meter import Meter
from definitions.model import Expression

__all__ = ["ABSENT", "LANGUAGES", "Meter", "Program", "Scope", "evaluate", "program"]

Scope = Mapping[str, Any]
Program = Callable[[Scope], Any]

#: Language -> its compiler. A compiler raises ValueError, with the place and the reason, for a bad source.
LANGUAGES: dict[str, Callable[[Any], Program]] = {
    "literal": literal.compile,
    "path": path.compile,
    "json-logic": json_logic.compile,
    "json-xform": json_xform.compile,
    "passthrough": passthrough.compile,
    "cel": cel.compile,
    "double-brace": double_brace.compile,
    "conditions": conditions.compile,
    "compose": compose.compile,
    "misfit": misfit.compile,
    "go-template": go_template.compile,
}


@lru_cache(maxsize=4096)
def _compiled(language: str, source: str) -> Program:
    return LANGUAGES[language](json.loads(source))


def program(expression: Expression) -> Program:
    """The compiled form of an expression, cached for the life of the process.

    Raises ValueError for an unknown language or a bad source.
    """
    if expression.language not in LANGUAGES:
        raise ValueError(f"unknown expression language {expression.language!r}")
    return _compiled(expression.language, json.dumps(expression.source))


def evaluate(expression: Expression, scope: Scope, meter: Meter | None = None) -> Any:
    """The value of an expression; its work is counted by the meter, if one is given. Raises ExpressionError."""
    try:
        with metering.counted_by(meter or Meter()):
            return program(expression)(scope)
    except ExpressionError:
        raise
    except Exception as error:
        # Data can be stranger than any language expects: to the run it is a value that cannot be had, never a crash.
        known = isinstance(error, ValueError)
        raise ExpressionError(str(error) if known else f"{type(error).__name__}: {error}") from error
