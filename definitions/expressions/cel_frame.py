"""What the functions that a CEL expression is made of share: the frame of an evaluation and the place of a part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lark import Token, Tree

from definitions.expressions import regex
from definitions.expressions.cel_syntax import fault, plain
from definitions.expressions.cel_values import DEPTH_LIMIT, CelError, no_overload
from definitions.expressions.meter import Meter


@dataclass(slots=True)
class Frame:
    """What one evaluation works on: `variables` gives a variable's value or raises CelError."""

    variables: Callable[[str], Any]
    meter: Meter
    bound: list[Any]


Node = Callable[[Frame], Any]
Branches = list[Tree[Token] | Token]
Macro = Callable[[Branches, Branches, Token, "Context"], Node]
Builder = Callable[[Tree[Token], "Context"], Node]


@dataclass(frozen=True)
class Context:
    """Where a part of an expression stands: `known` are all variables there are, if they are known."""

    builders: Mapping[str, Builder]
    known: Collection[str] | None
    bound: tuple[str, ...] = ()
    depth: int = 0
    patterns: regex.Written = field(default_factory=regex.Written)

    def node(self, tree: Tree[Token] | Token, *bound: str) -> Node:
        """The function of a part, within which also `bound` are variables. Raises SourceError, with its place."""
        if self.depth > DEPTH_LIMIT:
            raise fault(f"an expression is nested more than {DEPTH_LIMIT} deep", tree, "cel-too-deep")
        assert isinstance(tree, Tree)
        inner = Context(self.builders, self.known, self.bound + bound, self.depth + 1, self.patterns)
        return self.builders[tree.data](tree, inner)

    def nodes(self, tree: Tree[Token]) -> list[Node]:
        """Those of all parts of a part."""
        return [self.node(child) for child in tree.children if isinstance(child, Tree)]


def constant(value: Any) -> Node:
    def run(frame: Frame) -> Any:
        frame.meter.spend()
        return value

    return run


def settled(decides: bool, operands: Iterable[Node], frame: Frame) -> bool:
    """Whether one operand is what decides, even if another is an error or no bool."""
    error: CelError | None = None
    for operand in operands:
        frame.meter.spend()
        try:
            value = operand(frame)
            if type(value) is not bool:
                raise no_overload("&& or ||", value)
        except CelError as failed:
            error = error or failed
            continue
        if value is decides:
            return decides
    if error is not None:
        raise error
    return not decides


def safe(operation: Node) -> Node:
    """What is out of range is an error of CEL."""

    def run(frame: Frame) -> Any:
        frame.meter.spend()
        try:
            return operation(frame)
        except ValueError as error:
            raise CelError(str(error)) from error

    return run


def selection(tree: Tree[Token], context: Context) -> tuple[Node, str]:
    (container,) = context.nodes(tree)
    token = tree.children[1]
    assert isinstance(token, Token)
    return container, plain(token)


def a_map(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    raise no_overload("field", value)
