"""Pipelines: from tokens to the tree of what stands in one action."""

from __future__ import annotations

from collections.abc import Callable, Container

from definitions.expressions.go_template import literals
from definitions.expressions.go_template.lexer import Token, tokens
from definitions.expressions.go_template.nodes import Chain, Dot, Field, Literal, Name, Nil, Operand, Pipe, Variable
from definitions.expressions.go_template.problems import UNKNOWN_FUNCTION, UNSUPPORTED_FUNCTION, Origin
from definitions.expressions.source_error import SourceError

#: Blocks and parentheses within each other.
DEPTH_LIMIT = 60


class PipelineParser:
    """Reads tokens one after the other; knows the functions and the variables that are visible."""

    def __init__(self, origin: Origin, functions: Container[str], unsupported: Container[str]) -> None:
        self.origin = origin
        self.tokens = tokens(origin)
        self.at = 0
        self.functions = functions
        self.unsupported = unsupported
        self.called: set[str] = set()
        self.fresh()

    def fresh(self) -> None:
        self.variables: list[tuple[str, int]] = [("$", 0)]
        self.slots = 1
        self.depth = 0
        self.deepest = 0

    def peek(self) -> Token:
        return self.tokens[self.at]

    def next(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def skip_space(self) -> Token:
        while self.tokens[self.at].kind == "space":
            self.at += 1
        return self.tokens[self.at]

    def expect(self, kind: str, context: str) -> Token:
        token = self.skip_space()
        if token.kind != kind:
            raise self.unexpected(token, context)
        return self.next()

    def unexpected(self, token: Token, context: str) -> SourceError:
        shown = "the end" if token.kind == "eof" else f'"{token.text[:40]}"'
        return self.origin.refuse(f"unexpected {shown} in {context}", token.offset)

    def deeper(self) -> None:
        self.depth += 1
        self.deepest = max(self.deepest, self.depth)
        if self.depth > DEPTH_LIMIT:
            message = f"blocks and parentheses are nested more than {DEPTH_LIMIT} deep"
            raise self.origin.refuse(message, self.peek().offset)

    def text_of(self, token: Token) -> str:
        try:
            return literals.unquote(token.text)
        except ValueError as error:
            raise self.origin.refuse(str(error), token.offset) from error

    def pipe(self, context: str, end: str) -> Pipe:
        offset = self.skip_space().offset
        declares, names = self.declarations(context)
        commands: list[tuple[Operand, ...]] = []
        while self.skip_space().kind != end:
            commands.append(self.command(end, bool(commands)))
        last = self.next()
        if not commands:
            raise self.origin.refuse(f"missing value for {context}", last.offset)
        slots = tuple(self.declare(name) if declares else self.slot(name) for name in names)
        return Pipe(tuple(commands), slots, declares, offset)

    def declarations(self, context: str) -> tuple[bool, list[Token]]:
        """Variables before `:=` or `=`; without any of these, nothing is consumed."""
        start, names = self.at, []
        while self.skip_space().kind == "variable":
            names.append(self.next())
            follower = self.skip_space()
            if follower.kind in ("declare", "assign"):
                self.next()
                return follower.kind == "declare", names
            if follower.kind != ",":
                break
            self.next()
            if context != "range" or len(names) > 1:
                raise self.origin.refuse(f"too many declarations in {context}", follower.offset)
        if len(names) > 1 or (names and self.tokens[self.at - 1].kind == ","):
            raise self.origin.refuse("range can only initialize variables", self.peek().offset)
        self.at = start
        return False, []

    def declare(self, token: Token) -> int:
        self.variables.append((token.text, self.slots))
        self.slots += 1
        return self.slots - 1

    def slot(self, token: Token) -> int:
        for name, slot in reversed(self.variables):
            if name == token.text:
                return slot
        raise self.origin.refuse(f'undefined variable "{token.text[:80]}"', token.offset)

    def command(self, end: str, piped: bool) -> tuple[Operand, ...]:
        start = self.skip_space()
        operands: list[Operand] = []
        while True:
            self.skip_space()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            token = self.peek()
            if token.kind == "space":
                continue
            if token.kind == "pipe":
                self.next()  # what follows may also be the end, as in Go
            elif token.kind != end:
                raise self.unexpected(token, "operand")
            break
        if not operands:
            raise self.origin.refuse("empty command", start.offset)
        self.check_command(operands, piped)
        return tuple(operands)

    def check_command(self, operands: list[Operand], piped: bool) -> None:
        first = operands[0]
        if isinstance(first, Nil):
            raise self.origin.refuse("nil is not a command", first.offset)
        if piped and isinstance(first, (Literal, Dot)):
            raise self.origin.refuse("non executable command in pipeline", first.offset)
        bare = isinstance(first, (Literal, Dot, Pipe)) or (isinstance(first, Variable) and not first.keys)
        if bare and (piped or len(operands) > 1):
            raise self.origin.refuse("can't give argument to non-function", first.offset)

    # Operands

    def operand(self) -> Operand | None:
        offset = self.peek().offset
        base = self.term()
        keys: list[str] = []
        while base is not None and self.peek().kind == "field":
            keys.append(self.next().text[1:])
        if base is None or not keys:
            return base
        if isinstance(base, Field):
            return Field((*base.keys, *keys), offset)
        if isinstance(base, Variable):
            return Variable(base.slot, tuple(keys), offset)
        if isinstance(base, (Literal, Nil, Dot)):
            raise self.origin.refuse("unexpected . after a constant or dot", offset)
        return Chain(base, tuple(keys), offset)

    def term(self) -> Operand | None:
        token = self.peek()
        if token.kind == "(":
            self.next()
            self.deeper()
            pipe = self.pipe("parenthesized pipeline", ")")
            self.depth -= 1
            return pipe
        make = _TERMS.get(token.kind)
        if make is None:
            return None
        self.next()
        try:
            return make(self, token)
        except SourceError:
            raise
        except ValueError as error:
            raise self.origin.refuse(str(error), token.offset) from error

    def name(self, token: Token) -> Name:
        if token.text in self.unsupported:
            message = f'the function "{token.text}" is not supported'
            raise self.origin.refuse(message, token.offset, UNSUPPORTED_FUNCTION, unsupported=True)
        if token.text not in self.functions:
            raise self.origin.refuse(f'function "{token.text[:80]}" not defined', token.offset, UNKNOWN_FUNCTION)
        self.called.add(token.text)
        return Name(token.text, token.offset)


_TERMS: dict[str, Callable[[PipelineParser, Token], Operand]] = {
    "identifier": PipelineParser.name,
    "dot": lambda parser, token: Dot(token.offset),
    "nil": lambda parser, token: Nil(token.offset),
    "variable": lambda parser, token: Variable(parser.slot(token), (), token.offset),
    "field": lambda parser, token: Field((token.text[1:],), token.offset),
    "bool": lambda parser, token: Literal(token.text == "true", token.offset),
    "string": lambda parser, token: Literal(parser.text_of(token), token.offset),
    "raw": lambda parser, token: Literal(parser.text_of(token), token.offset),
    "char": lambda parser, token: Literal(literals.character(token.text), token.offset),
    "number": lambda parser, token: Literal(literals.number(token.text), token.offset),
}
