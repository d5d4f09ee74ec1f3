"""`transitionToStep`: which steps it can lead to, and what it is compiled to.

Results of an `if` are names of steps, null (the end), further `if`s, or and/or of these. Any other operation may stand
there too, but then every text in it must be a step's name. A false result is the end, like null.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from definitions.dialects.justworkflowit.problems import Report
from definitions.expressions import json_logic
from definitions.expressions.source_error import SourceError
from definitions.json_path import child
from definitions.model import Expression

_CHOICES = ("if", "?:")


def check_transition(value: Any, names: Collection[str], path: str, report: Report) -> None:
    """Operators must exist, and so must every step named in a result; `value` has the right outer form."""
    try:
        json_logic.compile(value)
    except SourceError as error:
        report.add_source_error(error, path)
        return
    for name, at in _results(value, path, report):
        if name not in names:
            report.add("step-unknown", at, f"there is no step {name[:80]!r}")


def targets(value: Any) -> list[str]:
    """The names of the steps that may follow, in order, each once."""
    return list(dict.fromkeys(name for name, _ in _results(value, "$", Report())))


def compile_transition(value: Any) -> str | Expression | None:
    if value is None or isinstance(value, str):
        return value or None
    # A false result is the end: the chosen value is computed again, which is cheap and cannot differ.
    rule = value if _names_only(value) else {"if": [value, value, None]}
    return Expression(language="json-logic", source=rule)


def _results(node: Any, path: str, report: Report) -> Iterator[tuple[str, str]]:
    if isinstance(node, str) and node:
        yield node, path
    elif json_logic.is_rule(node):
        yield from _rule_results(node, path, report)
    elif node:
        report.add("transition-target-invalid", path, "expected a step's name, null, or an `if` that gives one")


def _rule_results(rule: dict[str, Any], path: str, report: Report) -> Iterator[tuple[str, str]]:
    operator, values = next(iter(rule.items()))
    inner = child(path, operator)
    items = values if isinstance(values, list) else [values]
    if operator in _CHOICES:
        if len(items) < 3:
            report.add("transition-if-too-short", inner, "`if` needs a condition and two results")
        chosen = [i for i in range(len(items)) if i % 2 == 1 or (i == len(items) - 1 and len(items) % 2 == 1)]
    else:
        chosen = list(range(len(items)))
    for index in chosen:
        at = child(inner, index) if isinstance(values, list) else inner
        if operator in (*_CHOICES, "and", "or"):
            yield from _results(items[index], at, report)
        else:
            yield from _texts(items[index], at)


def _texts(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """All text in an operation of another kind."""
    if isinstance(node, str) and node:
        yield node, path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from _texts(item, child(path, key))


def _names_only(node: Any) -> bool:
    """Whether every result is a name or null, so that the rule itself can give nothing else."""
    if node is None or (isinstance(node, str) and node):
        return True
    if not json_logic.is_rule(node) or next(iter(node)) not in _CHOICES:
        return False
    items = next(iter(node.values()))
    last = [items[-1]] if len(items) % 2 else []
    return all(_names_only(item) for item in [*items[1::2], *last])
