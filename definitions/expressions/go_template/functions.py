"""What a function is to the evaluator: the types of its arguments, and what computes its value.

A signature has one letter for each argument: a any, s string, i integer, f number, b boolean, m map, l list, t time;
a star says that there may be any number of the last one. A whole float passes as an integer and an integer as a
float, since JSON does not tell 3 from 3.0; else types have to fit, as in Go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.values import checked_int, type_name

#: Called with the run and the converted arguments.
Compute = Callable[..., Any]


@dataclass(frozen=True)
class Function:
    fixed: str
    rest: str | None
    compute: Compute
    #: Changes a map that it is given, so that the run's data has to be copied before.
    mutates: bool = False

    def letter(self, index: int) -> str:
        return self.fixed[index] if index < len(self.fixed) else self.rest or "a"

    def count_fault(self, name: str, count: int) -> str | None:
        """What is wrong with this number of arguments."""
        if self.rest is None and count != len(self.fixed):
            return f"wrong number of args for {name}: want {len(self.fixed)} got {count}"
        if count < len(self.fixed):
            return f"wrong number of args for {name}: want at least {len(self.fixed)} got {count}"
        return None


def fn(signature: str, compute: Compute, *, mutates: bool = False) -> Function:
    if signature.endswith("*"):
        return Function(signature[:-2], signature[-2], compute, mutates)
    return Function(signature, None, compute, mutates)


def pure(signature: str, compute: Compute) -> Function:
    """A function that needs nothing of the run."""
    return fn(signature, lambda _run, *arguments: compute(*arguments))


_EXPECTED: dict[str, tuple[type, str]] = {
    "s": (str, "string"),
    "i": (int, "int"),
    "f": (float, "float64"),
    "b": (bool, "bool"),
    "m": (dict, "map[string]interface {}"),
    "l": (list, "[]interface {}"),
    "t": (datetime, "time.Time"),
}


def converted(value: Any, letter: str) -> Any:
    """The value for an argument of that type. Raises ExpressionError."""
    if letter == "a":
        return value
    wanted, name = _EXPECTED[letter]
    if letter == "i" and type(value) is int:
        return checked_int(value)
    if type(value) is wanted:
        return value
    if wanted is float and type(value) is int:
        return float(value)
    if wanted is int and type(value) is float and value.is_integer():
        return checked_int(int(value))
    if wanted is datetime and isinstance(value, datetime):
        return value
    raise ExpressionError(f"wrong type for value; expected {name}; got {type_name(value)}")
