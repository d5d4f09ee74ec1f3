"""The grammar of the Common Expression Language, and what its literals mean; what expressions do is in `cel_nodes`.

Texts are at most LENGTH_LIMIT characters long. Messages (`Type{field: value}`) are not part of it: data is JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from definitions.expressions.cel_values import INT_LIMIT, UINT_LIMIT, Uint
from definitions.expressions.source_error import SourceError

LENGTH_LIMIT = 20_000

RESERVED = frozenset(("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop"))
RESERVED |= {"namespace", "package", "return", "var", "void", "while"}

# The alternatives of every text exclude each other, so that reading takes linear time.
_GRAMMAR = r"""
?start: expr
?expr: or | or "?" or ":" expr      -> conditional
?or: and ("||" and)*
?and: relation ("&&" relation)*
?relation: sum | relation (LESS_EQUAL|MORE_EQUAL|LESS|MORE|EQUAL|UNEQUAL|IN) sum    -> binary
?sum: product | sum (PLUS|MINUS) product            -> binary
?product: unary | product (TIMES|OVER|MODULO) unary -> binary
?unary: member | "!" unary          -> negation
      | "-" unary                   -> minus
?member: primary
       | member "." SELECTOR            -> select
       | member "." SELECTOR "(" [arguments] ")" -> method
       | member "[" expr "]"        -> index
?primary: "."? SELECTOR             -> name
        | "."? SELECTOR "(" [arguments] ")"     -> function
        | "(" expr ")"
        | "[" [expr ("," expr)* [","]] "]"          -> list
        | "{" [entry ("," entry)* [","]] "}"        -> map
        | (INT|UINT|FLOAT|TEXT|TRUE|FALSE|NULL) -> literal
arguments: expr ("," expr)*
entry: expr ":" expr

LESS_EQUAL: "<="
MORE_EQUAL: ">="
LESS: "<"
MORE: ">"
EQUAL: "=="
UNEQUAL: "!="
IN: "in"
PLUS: "+"
MINUS: "-"
TIMES: "*"
OVER: "/"
MODULO: "%"
TRUE: "true"
FALSE: "false"
NULL: "null"
SELECTOR: /[_a-zA-Z][_a-zA-Z0-9]*|`[a-zA-Z0-9_.\/ -]+`/
UINT.3: /(?:0x[0-9a-fA-F]+|[0-9]+)[uU]/
FLOAT.2: /[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+/
INT: /0x[0-9a-fA-F]+|[0-9]+/
TEXT.4: /[bB]?[rR](?:\"{3}(?:[^"]|"(?!""))*\"{3}|'{3}(?:[^']|'(?!''))*'{3}|"[^"\r\n]*"|'[^'\r\n]*')|[bB]?(?:\"{3}(?:[^"\\]|\\[\s\S]|"(?!""))*\"{3}|'{3}(?:[^'\\]|\\[\s\S]|'(?!''))*'{3}|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')/
%ignore /[\t\n\f\r ]+/
%ignore /\/\/[^\n]*/
"""  # noqa: E501

_ESCAPE = re.compile(
    r"""\\(?:([abfnrtv"'\\?`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]))""",
)
_SIMPLE = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def fault(message: str, at: Tree[Token] | Token | None, code: str, *, unsupported: bool = False) -> SourceError:
    """A bad expression, with the line and the column of what is bad in it."""
    line, column = (at.line, at.column) if isinstance(at, Token) else (None, None)
    if isinstance(at, Tree):
        line, column = getattr(at.meta, "line", None), getattr(at.meta, "column", None)
    where = f" (line {line}, column {column})" if line is not None else ""
    return SourceError(message + where, ".expression", code, unsupported=unsupported)


def parse(text: str) -> Tree[Token] | Token:
    """The tree of an expression. Raises SourceError with line and column."""
    if len(text) > LENGTH_LIMIT:
        raise fault(f"an expression has more than {LENGTH_LIMIT} characters", None, "cel-too-long")
    try:
        return _parser().parse(text)
    except UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        shown = text[at : at + 1]
        message = f"unexpected {shown!r}" if shown not in "\"'" else "a text is not closed"
        raise _syntax_error(message, error) from None
    except UnexpectedToken as error:
        ended = isinstance(error, UnexpectedEOF) or error.token.type == "$END"
        raise _syntax_error("it ends too early" if ended else f"unexpected {str(error.token)[:40]!r}", error) from None
    except UnexpectedInput as error:  # whatever a later release tells apart
        raise _syntax_error("it cannot be read", error) from None


def _syntax_error(message: str, error: UnexpectedInput) -> SourceError:
    where = f" (line {error.line}, column {error.column})" if error.line > 0 else ""
    return SourceError(f"this is no CEL expression: {message}{where}", ".expression", "cel-syntax")


def plain(name: Token) -> str:
    """The name without its backticks."""
    return name.value.strip("`") if name.value.startswith("`") else str(name.value)


def literal(token: Token) -> Any:
    """The value of a literal; an integer of -INT_LIMIT is left for the sign before it. Raises SourceError."""
    return _LITERALS[token.type](token)


def _float(token: Token) -> float:
    value = float(token.value)
    if value in (float("inf"), float("-inf")):
        raise fault("a number is too large", token, "cel-number")
    return value


def _int(token: Token) -> int:
    return _whole(token, token.value, INT_LIMIT)


def _uint(token: Token) -> Uint:
    return Uint(_whole(token, token.value[:-1], UINT_LIMIT - 1))


def _whole(token: Token, digits: str, most: int) -> int:
    value = most + 1 if len(digits.lstrip("0x")) > 20 else int(digits, 16 if digits.startswith("0x") else 10)
    if value > most:
        raise fault("a number is too large", token, "cel-number")
    return value


def _text(token: Token) -> str | bytes:
    source = str(token.value)
    prefix = source[: min(source.index(quote) for quote in "\"'" if quote in source)].lower()
    body = source[len(prefix) :]
    body = body[3:-3] if body[:3] in ('"""', "'''") and len(body) >= 6 else body[1:-1]
    if "b" in prefix:
        return body.encode() if "r" in prefix else _bytes(body, token)
    return body if "r" in prefix else _ESCAPE.sub(lambda match: _unescaped(match, token), body)


def _unescaped(match: re.Match[str], token: Token) -> str:
    simple, short, four, eight, octal, wrong = match.groups()
    if simple:
        return _SIMPLE.get(simple, simple)
    code = int(octal, 8) if octal else int(short or four or eight or "110000", 16)
    if wrong or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise fault(f"the escape {match.group()!r} is not known", token, "cel-text")
    return chr(code)


def _bytes(body: str, token: Token) -> bytes:
    parts: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(body):
        _, short, four, eight, octal, _ = match.groups()
        if four or eight:
            raise fault("bytes cannot have a Unicode escape", token, "cel-text")
        byte = bytes([int(octal, 8) if octal else int(short, 16)]) if octal or short else None
        parts += [body[end : match.start()].encode(), byte or _unescaped(match, token).encode()]
        end = match.end()
    return b"".join([*parts, body[end:].encode()])


_LITERALS: dict[str, Callable[[Token], Any]] = {
    "TRUE": lambda token: True,
    "FALSE": lambda token: False,
    "NULL": lambda token: None,
    "INT": _int,
    "UINT": _uint,
    "FLOAT": _float,
    "TEXT": _text,
}
