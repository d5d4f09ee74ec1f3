"""The functions and the macros that a CEL expression calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lark import Token, Tree

from definitions.expressions.cel_frame import Branches, Context, Frame, Macro, Node, a_map, safe, selection, settled
from definitions.expressions.cel_functions import FUNCTIONS, Function
from definitions.expressions.cel_syntax import RESERVED, fault, literal
from definitions.expressions.cel_values import from_key, no_overload


def call(tree: Tree[Token], context: Context) -> Node:
    """A function or, on a receiver, a method or macro."""
    *receiver, name = tree.children[:2] if tree.data == "method" else tree.children[:1]
    given = tree.children[len(receiver) + 1 :]
    arguments = given[0].children if given and isinstance(given[0], Tree) else []
    assert isinstance(name, Token)
    macro = MACROS.get((bool(receiver), name.value, len(arguments)))
    if macro is not None:
        return macro(receiver, arguments, name, context)
    nodes = [context.node(one) for one in (*receiver, *arguments)]
    function = _function(name, bool(receiver), len(nodes))
    _check_pattern(name, arguments, context)
    return safe(lambda frame: function([one(frame) for one in nodes], frame.meter))


def _function(name: Token, received: bool, count: int) -> Function:
    forms = FUNCTIONS.get(name.value)
    if forms is None:
        macros = {one for _, one, _ in MACROS}
        message = f"the macro {name.value!r} is not called so" if name.value in macros else ""
        raise fault(message or f"there is no function {name.value[:80]!r}", name, "cel-function-unknown")
    if (received, count) not in forms:
        shape = "on a value" if received else "by itself"
        message = f"the function {name.value!r} is not called {shape} with {count - received} arguments"
        raise fault(message, name, "cel-function-arguments")
    return forms[received, count]


def _check_pattern(name: Token, arguments: Branches, context: Context) -> None:
    last = arguments[-1] if arguments else None
    if name.value == "matches" and isinstance(last, Tree) and last.data == "literal":
        token = last.children[0]
        pattern = literal(token) if isinstance(token, Token) else None
        if isinstance(pattern, str):
            try:
                context.patterns.check(pattern)
            except ValueError as error:
                raise fault(str(error), last, "cel-pattern") from None


def _has(receiver: Branches, arguments: Branches, name: Token, context: Context) -> Node:
    field = arguments[0]
    if not isinstance(field, Tree) or field.data != "select":
        raise fault("`has` needs a field, as in has(a.b)", name, "cel-macro")
    container, key = selection(field, context)

    def run(frame: Frame) -> bool:
        frame.meter.spend()
        return key in a_map(container(frame))

    return run


def _over(finish: Callable[[list[Any], int, list[Node], Frame], Any]) -> Macro:
    """A macro over the items of a list or the keys of a map: the first argument names the variable."""

    def build(receiver: Branches, arguments: Branches, name: Token, context: Context) -> Node:
        variable = arguments[0]
        if not isinstance(variable, Tree) or variable.data != "name":
            raise fault(f"the first argument of {name.value!r} is to be the name of a variable", name, "cel-macro")
        bound = str(variable.children[0])
        if bound in RESERVED or bound.startswith("`"):
            raise fault(f"{bound!r} cannot be the name of a variable", name, "cel-syntax")
        source = context.node(receiver[0])
        place = len(context.bound)
        rules = [context.node(argument, bound) for argument in arguments[1:]]

        def run(frame: Frame) -> Any:
            frame.meter.spend()
            items = source(frame)
            if not isinstance(items, (list, dict)):
                raise no_overload(name.value, items)
            frame.meter.spend(len(items))
            return finish(list(map(from_key, items)) if isinstance(items, dict) else items, place, rules, frame)

        return run

    return build


def _for_each(items: list[Any], place: int, rule: Node, frame: Frame) -> Iterator[Node]:
    for item in items:
        frame.bound[place] = item
        yield rule


def _quantifier(decides: bool) -> Macro:
    return _over(lambda items, place, rules, frame: settled(decides, _for_each(items, place, rules[0], frame), frame))


def _chosen(items: list[Any], place: int, rule: Node, frame: Frame) -> Iterator[Any]:
    for item in items:
        frame.bound[place] = item
        value = rule(frame)
        if type(value) is not bool:
            raise no_overload("a condition", value)
        if value:
            yield item


def _mapped(items: list[Any], place: int, rules: list[Node], frame: Frame) -> list[Any]:
    if len(rules) == 2:
        return [rules[1](frame) for _ in _chosen(items, place, rules[0], frame)]
    return [rule(frame) for rule in _for_each(items, place, rules[0], frame)]


_EXISTS_ONE = _over(lambda items, place, rules, frame: len(list(_chosen(items, place, rules[0], frame))) == 1)

#: (on a receiver, name, number of arguments) -> macro.
MACROS: dict[tuple[bool, str, int], Macro] = {
    (False, "has", 1): _has,
    (True, "all", 2): _quantifier(False),
    (True, "exists", 2): _quantifier(True),
    (True, "exists_one", 2): _EXISTS_ONE,
    (True, "existsOne", 2): _EXISTS_ONE,
    (True, "map", 2): _over(_mapped),
    (True, "map", 3): _over(_mapped),
    (True, "filter", 2): _over(lambda items, place, rules, frame: list(_chosen(items, place, rules[0], frame))),
}
