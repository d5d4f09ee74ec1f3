"""`cel`: the Common Expression Language, as its definition has it, without messages and without a clock.

The source is `{"expression": text}`, with `bind` (name -> JSON with `${path}`, as in the language `path`, computed when
the variable is used) or else with the run's data as variables, and with `declare`, a list of further names that may
stand in the expression. With `bind` or `declare`, any other name is a compile error; a declared one without a value is
an error only where it is used. The result is JSON: a timestamp or a duration becomes text, bytes become base64, the
keys of a map text; a type, NaN and the infinities are refused.

Deviations: an int and a double may be added (see `cel_values`); time zones are UTC and fixed offsets only.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from definitions.errors import ExpressionError
from definitions.expressions import path
from definitions.expressions.cel_time import Duration, Timestamp
from definitions.expressions.cel_values import DEPTH_LIMIT, CelError, Type, Uint, from_key
from definitions.expressions.meter import Meter, current
from definitions.expressions.source_error import SourceError

if TYPE_CHECKING:
    from lark import Token, Tree

_KEYS = {"expression", "bind", "declare"}
_Program = Callable[[Mapping[str, Any]], Any]


def compile(source: Any) -> _Program:
    """Raises SourceError (a ValueError) with line and column, and ValueError for a bad `bind`."""
    # Only those who use the language pay for the parser (50 ms).
    from definitions.expressions.cel_frame import Context, Frame
    from definitions.expressions.cel_nodes import BUILDERS
    from definitions.expressions.cel_syntax import parse

    text, bind, known = _checked(source)
    bound = {name: path.compile(value) for name, value in bind.items()} if bind is not None else None
    root = Context(BUILDERS, known).node(parse(text))

    def run(scope: Mapping[str, Any]) -> Any:
        meter = current()
        frame = Frame(_variables(bound, scope, known), meter, [None] * (DEPTH_LIMIT + 1))
        return _to_json(root(frame), meter)

    return run


def _checked(source: Any) -> tuple[str, dict[str, Any] | None, Collection[str] | None]:
    """The text, the bindings and the known names, if they are known."""
    if not isinstance(source, dict) or not isinstance(source.get("expression"), str):
        raise SourceError(
            'expected {"expression": text, "bind"?: {name: value}, "declare"?: [name]}', "", "cel-invalid"
        )
    if unknown := sorted(source.keys() - _KEYS):
        raise SourceError(f"the key {unknown[0][:80]!r} is not known", "", "cel-invalid")
    bind, declare = source.get("bind"), source.get("declare")
    if bind is not None and not isinstance(bind, dict):
        raise SourceError("expected an object", ".bind", "cel-invalid")
    if declare is not None and not (isinstance(declare, list) and all(isinstance(name, str) for name in declare)):
        raise SourceError("expected a list of names", ".declare", "cel-invalid")
    known = None if bind is None and declare is None else {*(bind or ()), *(declare or ())}
    return source["expression"], bind, known


def _variables(
    bound: Mapping[str, _Program] | None, scope: Mapping[str, Any], known: Collection[str] | None
) -> Callable[[str], Any]:
    values: dict[str, Any] = {}

    def find(name: str) -> Any:
        if bound is None:
            if name in scope:
                return scope[name]
        elif name in values:
            return values[name]
        elif name in bound:
            try:
                values[name] = bound[name](scope)
            except ExpressionError as error:
                raise CelError(f"the variable {name!r} has no value: {error.message}", error.path) from error
            return values[name]
        raise CelError(f"no such variable: {name}" if known is None else f"the variable {name!r} has no value here")

    return find


def _to_json(value: Any, meter: Meter, depth: int = 0) -> Any:
    """As CEL maps values to JSON, whole numbers kept. Raises ExpressionError for what JSON cannot hold."""
    meter.spend()
    if isinstance(value, (list, dict)):
        if depth >= DEPTH_LIMIT:
            raise ExpressionError("the result is nested too deeply")
        if isinstance(value, list):
            return [_to_json(item, meter, depth + 1) for item in value]
        return {_json_key(from_key(key)): _to_json(item, meter, depth + 1) for key, item in value.items()}
    if isinstance(value, Type) or (isinstance(value, float) and not math.isfinite(value)):
        raise ExpressionError(f"the result cannot be JSON: {value}")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (Timestamp, Duration)):
        return str(value)
    return int(value) if isinstance(value, Uint) else value


def _json_key(key: Any) -> str:
    return key if isinstance(key, str) else str(key).lower()


def certain_type(text: str) -> str | None:
    """The type that an expression has whenever it has a value, if its outermost part tells: `bool`, `string`, … .

    Raises SourceError for what cannot be read.
    """
    from definitions.expressions.cel_syntax import parse

    return _certain(parse(text))


_BY_OPERATION = {"or": "bool", "and": "bool", "negation": "bool", "list": "list", "map": "map"}
_BY_SIGN = dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in"), "bool")
_BY_LITERAL = {"TRUE": "bool", "FALSE": "bool", "NULL": "null_type", "INT": "int", "UINT": "uint", "FLOAT": "double"}
_BY_FUNCTION = {
    **dict.fromkeys(("has", "all", "exists", "exists_one", "existsOne", "bool"), "bool"),
    **dict.fromkeys(("contains", "startsWith", "endsWith", "matches"), "bool"),
    **{"map": "list", "filter": "list", "string": "string", "bytes": "bytes"},
    **{"size": "int", "int": "int", "uint": "uint", "double": "double"},
}


def _certain(tree: Tree[Token] | Token, depth: int = 0) -> str | None:
    kind, children = str(getattr(tree, "data", "")), getattr(tree, "children", [])
    if kind == "conditional" and depth < 20:
        yes, no = (_certain(child, depth + 1) for child in children[1:])
        return yes if yes == no else None
    if kind == "literal":
        prefix = children[0].value.partition('"')[0].partition("'")[0].lower()
        return _BY_LITERAL.get(children[0].type) or ("bytes" if "b" in prefix else "string")
    if kind == "binary":
        return _BY_SIGN.get(str(children[1]))
    if kind in ("function", "method"):
        return _BY_FUNCTION.get(str(children[0 if kind == "function" else 1]))
    return _BY_OPERATION.get(kind)
