"""Text, actions and blocks, as closures that write to a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template.evaluate import Pipelines
from definitions.expressions.go_template.nodes import Action, Branch, Include, Jump, Node, Text, Tree
from definitions.expressions.go_template.printing import show, written
from definitions.expressions.go_template.run import LEVEL_LIMIT, Body, Evaluator, Frame, Run
from definitions.expressions.go_template.values import sorted_items, truth

#: How a node ended.
_DONE, _BREAK, _CONTINUE = 0, 1, 2


def tree_body(pipelines: Pipelines, tree: Tree) -> Body:
    """What runs a template, in a frame of its own."""
    body = _Blocks(pipelines).body(tree.nodes)
    slots, levels = tree.slots, tree.depth + 1

    def run_template(run: Run, frame: Frame, dot: Any) -> int:
        run.level += levels
        if run.level > LEVEL_LIMIT:
            raise ExpressionError("exceeded maximum template depth")
        body(run, [dot] + [None] * (slots - 1), dot)
        run.level -= levels
        return _DONE

    return run_template


class _Blocks:
    def __init__(self, pipelines: Pipelines) -> None:
        self.pipelines = pipelines

    def body(self, nodes: tuple[Node, ...]) -> Body:
        steps = [self.node(node) for node in nodes]

        def run_all(run: Run, frame: Frame, dot: Any) -> int:
            for step in steps:
                ended = step(run, frame, dot)
                if ended:
                    return ended
            return _DONE

        return steps[0] if len(steps) == 1 else run_all

    def node(self, node: Node) -> Body:
        if isinstance(node, Text):
            return _text(node.text)
        if isinstance(node, Action):
            return self.action(node)
        if isinstance(node, Branch):
            return self.loop(node) if node.kind == "range" else self.branch(node)
        if isinstance(node, Include):
            return self.include(node)
        ended = _BREAK if isinstance(node, Jump) and node.kind == "break" else _CONTINUE
        return lambda run, frame, dot: ended

    def action(self, node: Action) -> Body:
        value = self.pipelines.pipe(node.pipe)
        fault, offset = self.pipelines.fault, node.pipe.offset

        def write(run: Run, frame: Frame, dot: Any) -> int:
            result = value(run, frame, dot)
            if type(result) is not str:
                try:
                    result = written(run, result)
                except ExpressionError as error:
                    raise fault(error.message, offset) from error
            run.write(result)
            return _DONE

        def assign(run: Run, frame: Frame, dot: Any) -> int:
            run.meter.spend()
            value(run, frame, dot)
            return _DONE

        return assign if node.pipe.slots else write

    def branch(self, node: Branch) -> Body:
        condition = self.pipelines.pipe(node.pipe)
        body, otherwise = self.body(node.body), self.body(node.otherwise)
        rebinds = node.kind == "with"

        def choose(run: Run, frame: Frame, dot: Any) -> int:
            run.meter.spend()
            value = condition(run, frame, dot)
            if truth(value):
                return body(run, frame, value if rebinds else dot)
            return otherwise(run, frame, dot)

        return choose

    def loop(self, node: Branch) -> Body:
        over = self.pipelines.pipe(node.pipe)
        body, otherwise = self.body(node.body), self.body(node.otherwise)
        slots, fault, offset = node.pipe.slots, self.pipelines.fault, node.pipe.offset

        def iterate(run: Run, frame: Frame, dot: Any) -> int:
            value = over(run, frame, dot)
            run.meter.spend()
            try:
                pairs = _pairs(run, value, len(slots))
            except ExpressionError as error:
                raise fault(error.message, offset) from error
            empty = True
            for index, item in pairs:
                empty = False
                run.meter.spend()
                _bind(frame, slots, index, item)
                if body(run, frame, item) == _BREAK:
                    break
            return otherwise(run, frame, dot) if empty else _DONE

        return iterate

    def include(self, node: Include) -> Body:
        argument: Evaluator = self.pipelines.pipe(node.pipe) if node.pipe else lambda run, frame, dot: None
        name, fault, offset = node.name, self.pipelines.fault, node.offset

        def run_it(run: Run, frame: Frame, dot: Any) -> int:
            run.meter.spend()
            value = argument(run, frame, dot)
            body, levels = run.templates[name]
            if run.level + levels > LEVEL_LIMIT:
                raise fault("exceeded maximum template depth", offset)
            return body(run, frame, value)

        return run_it


def _text(text: str) -> Body:
    def write(run: Run, frame: Frame, dot: Any) -> int:
        run.write(text)
        return _DONE

    return write


def _bind(frame: Frame, slots: tuple[int, ...], index: Any, item: Any) -> None:
    if len(slots) == 1:
        frame[slots[0]] = item
    elif slots:
        frame[slots[0]], frame[slots[1]] = index, item


def _pairs(run: Run, value: Any, variables: int) -> Iterable[tuple[Any, Any]]:
    """Index or key, and element. Raises ExpressionError for what cannot be iterated over."""
    if value is None:
        return ()
    if isinstance(value, list):
        return enumerate(value)
    if isinstance(value, dict):
        run.spend(len(value))
        return sorted_items(value)
    if type(value) is int and variables < 2:
        return ((number, number) for number in range(value))
    if type(value) is int:
        raise ExpressionError(f"can't use {value} to iterate over more than one variable")
    raise ExpressionError(f"range can't iterate over {show(run, value)[:80]}")
