"""The data that a template refers to, as far as its text tells."""

from __future__ import annotations

from definitions.expressions.go_template.nodes import (
    Action,
    Branch,
    Chain,
    Dot,
    Field,
    Include,
    Literal,
    Name,
    Node,
    Operand,
    Pipe,
    Templates,
    Text,
    Variable,
)

Path = tuple[str, ...]
#: Templates looked into, each once for each place that it is called with.
_VISITS = 200


def referenced(templates: Templates) -> list[Path]:
    """Chains from the root of the data, each once, first found first; () is all of it."""
    walk = _Walk(templates)
    walk.nodes(templates.main.nodes, (), ())
    return list(walk.found)


def whole(templates: Templates) -> bool:
    """Whether the template is but one reference into the data, which keeps its type."""
    nodes = [node for node in templates.main.nodes if not (isinstance(node, Text) and not node.text.strip())]
    if len(nodes) != 1 or not isinstance(nodes[0], Action) or nodes[0].pipe.slots or templates.called:
        return False
    return path(nodes[0].pipe, (), ()) is not None


def path(node: Operand, dot: Path | None, root: Path | None) -> Path | None:
    """Where an operand leads from the root of the data, given where dot and `$` are; None if that is not known."""
    if isinstance(node, Dot):
        return dot
    if isinstance(node, Field):
        return None if dot is None else (*dot, *node.keys)
    if isinstance(node, Variable):
        return None if root is None or node.slot else (*root, *node.keys)
    if isinstance(node, Chain):
        base = path(node.base, dot, root)
        return None if base is None else (*base, *node.keys)
    if isinstance(node, Pipe) and len(node.commands) == 1:
        return _command(node.commands[0], dot, root)
    return None


def _command(operands: tuple[Operand, ...], dot: Path | None, root: Path | None) -> Path | None:
    if len(operands) == 1:
        return path(operands[0], dot, root)
    if not (isinstance(operands[0], Name) and operands[0].name == "index"):
        return None
    base = path(operands[1], dot, root)
    keys: list[str] = []
    for operand in operands[2:]:
        if not isinstance(operand, Literal) or not isinstance(operand.value, str):
            break
        keys.append(operand.value)
    return None if base is None else (*base, *keys)


class _Walk:
    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self.found: dict[Path, None] = {}
        self.visited: set[tuple[str, Path | None]] = set()

    def nodes(self, nodes: tuple[Node, ...], dot: Path | None, root: Path | None) -> None:
        for node in nodes:
            if isinstance(node, Action):
                self.pipe(node.pipe, dot, root)
            elif isinstance(node, Branch):
                self.pipe(node.pipe, dot, root)
                inner = {"if": dot, "with": path(node.pipe, dot, root)}.get(node.kind)
                self.nodes(node.body, inner, root)
                self.nodes(node.otherwise, dot, root)
            elif isinstance(node, Include):
                self.include(node, dot, root)

    def include(self, node: Include, dot: Path | None, root: Path | None) -> None:
        inner = None
        if node.pipe is not None:
            self.pipe(node.pipe, dot, root)
            inner = path(node.pipe, dot, root)
        if (node.name, inner) not in self.visited and len(self.visited) < _VISITS:
            self.visited.add((node.name, inner))
            self.nodes(self.templates.defined[node.name].nodes, inner, inner)

    def pipe(self, pipe: Pipe, dot: Path | None, root: Path | None) -> None:
        for operands in pipe.commands:
            at = _command(operands, dot, root)
            if at is not None:
                self.found[at] = None
            # The base of a path is part of it; what an index takes as keys is not.
            for operand in operands if at is None else operands[2:]:
                self.operand(operand, dot, root)

    def operand(self, node: Operand, dot: Path | None, root: Path | None) -> None:
        at = path(node, dot, root)
        if isinstance(node, Pipe):
            self.pipe(node, dot, root)
        elif at is not None:
            self.found[at] = None
        elif isinstance(node, Chain):
            self.operand(node.base, dot, root)
