"""The tree of a parsed template. `offset` is that of the first character in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union


@dataclass(frozen=True)
class Literal:
    value: Any
    offset: int


@dataclass(frozen=True)
class Nil:
    offset: int


@dataclass(frozen=True)
class Dot:
    offset: int


@dataclass(frozen=True)
class Field:
    """`.a.b`, on dot."""

    keys: tuple[str, ...]
    offset: int


@dataclass(frozen=True)
class Variable:
    """`$x.a.b`; slot 0 is `$`."""

    slot: int
    keys: tuple[str, ...]
    offset: int


@dataclass(frozen=True)
class Name:
    """The name of a function."""

    name: str
    offset: int


@dataclass(frozen=True)
class Chain:
    """Fields of something in parentheses, or of a function's value."""

    base: Operand
    keys: tuple[str, ...]
    offset: int


@dataclass(frozen=True)
class Pipe:
    """`slots` are of the variables that take the value; `declares` tells `:=` from `=`."""

    commands: tuple[tuple[Operand, ...], ...]
    slots: tuple[int, ...]
    declares: bool
    offset: int


Operand = Union[Literal, Nil, Dot, Field, Variable, Name, Chain, Pipe]  # noqa: UP007


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Action:
    pipe: Pipe


@dataclass(frozen=True)
class Branch:
    """`if`, `with` and `range`."""

    kind: str
    pipe: Pipe
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True)
class Include:
    """`template`; no pipe means nil."""

    name: str
    pipe: Pipe | None
    offset: int


@dataclass(frozen=True)
class Jump:
    """`break` and `continue`."""

    kind: str


Node = Union[Text, Action, Branch, Include, Jump]  # noqa: UP007


@dataclass
class Tree:
    """One template: its nodes, the size of its frame of variables, and how deep its nodes are nested."""

    nodes: tuple[Node, ...]
    slots: int
    depth: int


@dataclass
class Templates:
    """The main template, those that it defines, and the functions that are called anywhere."""

    main: Tree
    defined: dict[str, Tree]
    called: set[str]
