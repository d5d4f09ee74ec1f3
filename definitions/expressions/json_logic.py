"""`json-logic`: rules as JSON, with the results of json-logic-js 2.x.

A rule compiles once to nested functions; evaluation is metered and nested at most DEPTH_LIMIT deep. Deviations: `log`
prints nothing; data is never run as a rule; properties that values inherit (`toString`, …) do not exist; what JSON
cannot hold (undefined, NaN, infinities) becomes null in the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions import javascript as js
from definitions.expressions.javascript import UNDEFINED
from definitions.expressions.json_logic_operators import OPERATORS, Operator, logic_truthy, look_up
from definitions.expressions.meter import Meter, current
from definitions.expressions.source_error import SourceError
from definitions.json_path import child

DEPTH_LIMIT = 25

_Node = Callable[[Any, Meter], Any]


def compile(source: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Compile a rule. Raises SourceError (a ValueError), with the place, for an unknown operator or one too deep."""
    node = _node(source, "", 0)

    def run(scope: Mapping[str, Any]) -> Any:
        meter = current()
        return _to_json(node(scope if isinstance(scope, dict) else dict(scope), meter), meter, 0)

    return run


def is_rule(value: Any) -> bool:
    """Whether JSON is an operation rather than a literal: an object with exactly one key."""
    return isinstance(value, dict) and len(value) == 1


def _node(rule: Any, place: str, depth: int) -> _Node:
    if depth > DEPTH_LIMIT:
        raise SourceError(f"a rule is nested more than {DEPTH_LIMIT} deep", place, "rule-too-deep")
    if isinstance(rule, list):
        return _list_node([_node(item, child(place, i), depth + 1) for i, item in enumerate(rule)])
    if not is_rule(rule):
        return lambda data, meter: rule
    operator, values = next(iter(rule.items()))
    inner = child(place, operator)
    if operator not in CONTROL and operator not in OPERATORS:
        raise SourceError(f"there is no operator {operator[:80]!r}", inner, "rule-operator-unknown")
    if operator == "var" and isinstance(values, str) and values:
        return _static_var(values.split("."))
    listed = isinstance(values, list)
    places = [child(inner, i) for i in range(len(values))] if listed else [inner]
    nodes = [_node(v, p, depth + 1) for v, p in zip(values if listed else [values], places, strict=True)]
    return CONTROL[operator](nodes) if operator in CONTROL else _operator_node(OPERATORS[operator], nodes)


def _list_node(nodes: Sequence[_Node]) -> _Node:
    def run(data: Any, meter: Meter) -> list[Any]:
        meter.spend(1 + len(nodes))
        return [node(data, meter) for node in nodes]

    return run


def _static_var(keys: list[str]) -> _Node:
    def run(data: Any, meter: Meter) -> Any:
        meter.spend()
        return look_up(data, keys, None)

    return run


def _operator_node(operator: Operator, nodes: Sequence[_Node]) -> _Node:
    def run(data: Any, meter: Meter) -> Any:
        args = [node(data, meter) for node in nodes]
        meter.spend(1 + sum(len(arg) // 16 for arg in args if isinstance(arg, (str, list))))
        return operator(args, data, meter)

    return run


def _undefined(data: Any, meter: Meter) -> Any:
    return UNDEFINED


def _if(nodes: list[_Node]) -> _Node:
    pairs = list(zip(nodes[0::2], nodes[1::2], strict=False))
    otherwise = nodes[-1] if len(nodes) % 2 else None

    def run(data: Any, meter: Meter) -> Any:
        for condition, result in pairs:
            meter.spend()
            if logic_truthy(condition(data, meter)):
                return result(data, meter)
        return otherwise(data, meter) if otherwise else None

    return run


def _junction(stop_at: bool) -> Callable[[list[_Node]], _Node]:
    def build(nodes: list[_Node]) -> _Node:
        def run(data: Any, meter: Meter) -> Any:
            current: Any = UNDEFINED
            for node in nodes:
                meter.spend()
                current = node(data, meter)
                if logic_truthy(current) is stop_at:
                    return current
            return current

        return run

    return build


def _over_items(finish: Callable[[list[Any], _Node, Meter], Any]) -> Callable[[list[_Node]], _Node]:
    """An operator over the items of its first argument, with its second as the rule for each item."""

    def build(nodes: list[_Node]) -> _Node:
        source = nodes[0] if nodes else _undefined
        rule = nodes[1] if len(nodes) > 1 else _undefined

        def run(data: Any, meter: Meter) -> Any:
            items = source(data, meter)
            items = items if isinstance(items, list) else []
            meter.spend(1 + len(items))
            return finish(items, rule, meter)

        return run

    return build


def _map(items: list[Any], rule: _Node, meter: Meter) -> list[Any]:
    return [rule(item, meter) for item in items]


def _filter(items: list[Any], rule: _Node, meter: Meter) -> list[Any]:
    return [item for item in items if logic_truthy(rule(item, meter))]


def _all(items: list[Any], rule: _Node, meter: Meter) -> bool:
    return bool(items) and all(logic_truthy(rule(item, meter)) for item in items)


def _some(items: list[Any], rule: _Node, meter: Meter) -> bool:
    return any(logic_truthy(rule(item, meter)) for item in items)


def _none(items: list[Any], rule: _Node, meter: Meter) -> bool:
    return not _some(items, rule, meter)


def _reduce(nodes: list[_Node]) -> _Node:
    source, rule, first = [*nodes, *[_undefined] * 3][:3]

    def run(data: Any, meter: Meter) -> Any:
        items = source(data, meter)
        accumulator = first(data, meter) if len(nodes) > 2 else None
        for item in items if isinstance(items, list) else []:
            meter.spend()
            accumulator = rule({"current": item, "accumulator": accumulator}, meter)
        return accumulator

    return run


CONTROL: dict[str, Callable[[list[_Node]], _Node]] = {
    "if": _if,
    "?:": _if,
    "and": _junction(stop_at=False),
    "or": _junction(stop_at=True),
    "map": _over_items(_map),
    "filter": _over_items(_filter),
    "all": _over_items(_all),
    "some": _over_items(_some),
    "none": _over_items(_none),
    "reduce": _reduce,
}


def _to_json(value: Any, meter: Meter, depth: int) -> Any:
    if value is UNDEFINED or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, float):
        return js.as_json_number(value)
    if not isinstance(value, (list, dict)):
        return value
    if depth >= js.DEPTH_LIMIT:
        raise ExpressionError("the result is nested too deeply")
    meter.spend(len(value))
    if isinstance(value, list):
        return [_to_json(item, meter, depth + 1) for item in value]
    return {key: _to_json(item, meter, depth + 1) for key, item in value.items()}
