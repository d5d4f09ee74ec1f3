"""From the tree of a CEL expression to nested functions, which are metered.

An error is absorbed where CEL says so: by `&&`, `||`, `all` and `exists`, if another operand decides. Variables that
macros bind are found by their place, all others in the run's data.
"""

from __future__ import annotations

from typing import Any

from lark import Token, Tree

from definitions.expressions.cel_calls import call
from definitions.expressions.cel_frame import (
    Builder,
    Context,
    Frame,
    Node,
    a_map,
    constant,
    safe,
    selection,
    settled,
)
from definitions.expressions.cel_syntax import RESERVED, fault, literal
from definitions.expressions.cel_values import (
    BINARY,
    INT_LIMIT,
    TYPE_NAMES,
    CelError,
    Type,
    from_key,
    item_at,
    key_of,
    negative,
    no_overload,
)


def _literal(tree: Tree[Token], context: Context) -> Node:
    token = tree.children[0]
    assert isinstance(token, Token)
    value = literal(token)
    if type(value) is int and value == INT_LIMIT:
        raise fault("a number is too large", tree, "cel-number")
    return constant(value)


def _name(tree: Tree[Token], context: Context) -> Node:
    token = tree.children[0]
    assert isinstance(token, Token)
    name = token.value
    if name in context.bound:
        place = len(context.bound) - 1 - context.bound[::-1].index(name)
        return _bound(place)
    if name in TYPE_NAMES and (context.known is None or name not in context.known):
        return constant(Type(name))
    if name in RESERVED or name.startswith("`"):
        raise fault(f"{name!r} cannot be the name of a variable", token, "cel-syntax")
    if context.known is not None and name not in context.known:
        message = f"there is no variable {name[:80]!r}; known are {', '.join(sorted(context.known)) or 'none'}"
        raise fault(message, token, "cel-variable-unknown")

    def run(frame: Frame) -> Any:
        frame.meter.spend()
        return frame.variables(name)

    return run


def _bound(place: int) -> Node:
    def run(frame: Frame) -> Any:
        frame.meter.spend()
        return frame.bound[place]

    return run


def _conditional(tree: Tree[Token], context: Context) -> Node:
    condition, yes, no = context.nodes(tree)

    def run(frame: Frame) -> Any:
        frame.meter.spend()
        chosen = condition(frame)
        if type(chosen) is not bool:
            raise no_overload("?:", chosen)
        return yes(frame) if chosen else no(frame)

    return run


def _junction(decides: bool) -> Builder:
    def build(tree: Tree[Token], context: Context) -> Node:
        operands = context.nodes(tree)
        return lambda frame: settled(decides, operands, frame)

    return build


def _negation(tree: Tree[Token], context: Context) -> Node:
    (operand,) = context.nodes(tree)

    def run(frame: Frame) -> bool:
        frame.meter.spend()
        value = operand(frame)
        if type(value) is not bool:
            raise no_overload("!", value)
        return not value

    return run


def _minus(tree: Tree[Token], context: Context) -> Node:
    inner = tree.children[0]
    if isinstance(inner, Tree) and inner.data == "literal":
        token = inner.children[0]
        assert isinstance(token, Token)
        value = literal(token)
        if type(value) in (int, float):
            return constant(-value)
    (operand,) = context.nodes(tree)

    def run(frame: Frame) -> Any:
        frame.meter.spend()
        return negative(operand(frame))

    return run


def _binary(tree: Tree[Token], context: Context) -> Node:
    left, right = context.nodes(tree)
    operate = BINARY[str(tree.children[1])]
    return safe(lambda frame: operate(left(frame), right(frame), frame.meter))


def _list(tree: Tree[Token], context: Context) -> Node:
    items = context.nodes(tree)

    def run(frame: Frame) -> list[Any]:
        frame.meter.spend()
        return [item(frame) for item in items]

    return run


def _map(tree: Tree[Token], context: Context) -> Node:
    entries = [context.nodes(entry) for entry in tree.children if isinstance(entry, Tree)]

    def run(frame: Frame) -> dict[Any, Any]:
        frame.meter.spend()
        made: dict[Any, Any] = {}
        for key, value in entries:
            held = _literal_key(key(frame))
            if held in made:
                raise CelError(f"a map has a key twice: {str(from_key(held))[:80]}")
            made[held] = value(frame)
        return made

    return run


def _literal_key(value: Any) -> Any:
    if isinstance(value, float):
        raise no_overload("map key", value)
    return key_of(value)


def _index(tree: Tree[Token], context: Context) -> Node:
    container, key = context.nodes(tree)
    return safe(lambda frame: item_at(container(frame), key(frame), frame.meter))


def _select(tree: Tree[Token], context: Context) -> Node:
    container, field = selection(tree, context)
    return safe(lambda frame: item_at(a_map(container(frame)), field, frame.meter))


BUILDERS: dict[str, Builder] = {
    "literal": _literal,
    "name": _name,
    "conditional": _conditional,
    "or": _junction(True),
    "and": _junction(False),
    "binary": _binary,
    "negation": _negation,
    "minus": _minus,
    "select": _select,
    "index": _index,
    "method": call,
    "function": call,
    "list": _list,
    "map": _map,
}
