"""The tokens of a template: text, and what stands between `{{` and `}}`.

As in Go, with one addition: the name of a field may hold hyphens between letters, digits or underscores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from definitions.expressions.go_template.problems import Origin

SPACES = " \t\r\n"
KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with"),
)

_SPACE = re.compile(r"[ \t\r\n]+")
_TRIMMED_END = re.compile(r"[ \t\r\n]+-\}\}")
_COMMENT_END = re.compile(r"([ \t\r\n]-)?\}\}")
_WORD = re.compile(r"\w+")
_FIELD_NAME = re.compile(r"\w+(?:-+\w+)*")
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*|0[bB][01_]*"
    r"|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)"
)
_QUOTED = {
    '"': ("string", re.compile(r'"(?:[^"\\\n]|\\[^\n])*"'), "unterminated quoted string"),
    "'": ("char", re.compile(r"'(?:[^'\\\n]|\\[^\n])*'"), "unterminated character constant"),
    "`": ("raw", re.compile(r"`[^`]*`"), "unterminated raw quoted string"),
}
_SINGLE = {"=": "assign", "|": "pipe", "(": "(", ")": ")", ",": ","}
_TERMINATORS = frozenset(SPACES + ".,|:()")


@dataclass(frozen=True)
class Token:
    """`kind` is the keyword itself for keywords; `offset` is that of its first character."""

    __slots__ = ("kind", "offset", "text")
    kind: str
    text: str
    offset: int


def tokens(origin: Origin) -> list[Token]:
    """All tokens, an `eof` last. Raises SourceError."""
    return _Lexer(origin).run()


class _Lexer:
    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.text = origin.text
        self.at = 0
        self.out: list[Token] = []
        self.trim_next = False

    def run(self) -> list[Token]:
        while (start := self.text.find("{{", self.at)) >= 0:
            trim = self.text[start + 2 : start + 3] == "-" and self.text[start + 3 : start + 4] in tuple(SPACES)
            self._literal(start, trim)
            self.at = start + (4 if trim else 2)
            if self.text.startswith("/*", self.at):
                self._comment()
            else:
                self._add("{{", start, self.at)
                self._action()
        self._literal(len(self.text), False)
        self._add("eof", len(self.text), len(self.text))
        return self.out

    def _add(self, kind: str, start: int, end: int) -> None:
        self.out.append(Token(kind, self.text[start:end], start))
        self.at = end

    def _literal(self, end: int, trim_end: bool) -> None:
        text = self.text[self.at : end]
        if self.trim_next:
            text = text.lstrip(SPACES)
        if trim_end:
            text = text.rstrip(SPACES)
        if text:
            self.out.append(Token("text", text, self.at))
        self.trim_next = False

    def _comment(self) -> None:
        end = self.text.find("*/", self.at + 2)
        if end < 0:
            raise self.origin.refuse("unclosed comment", self.at)
        closing = _COMMENT_END.match(self.text, end + 2)
        if closing is None:
            raise self.origin.refuse("comment ends before closing delimiter", end)
        self.trim_next = closing.group(1) is not None
        self.at = closing.end()

    def _action(self) -> None:
        parens: list[int] = []
        while True:
            end = _TRIMMED_END.match(self.text, self.at)
            if end or self.text.startswith("}}", self.at):
                if parens:
                    raise self.origin.refuse("unclosed left paren", parens[-1])
                self._add("}}", self.at, end.end() if end else self.at + 2)
                self.trim_next = end is not None
                return
            if self.at >= len(self.text):
                raise self.origin.refuse("unclosed action", self.out[-1].offset)
            self._token()
            kind = self.out[-1].kind
            if kind == "(":
                parens.append(self.out[-1].offset)
            elif kind == ")":
                if not parens:
                    raise self.origin.refuse("unexpected right paren", self.out[-1].offset)
                parens.pop()

    def _token(self) -> None:
        start, text = self.at, self.text
        char = text[start]
        following = text[start + 1 : start + 2]
        if space := _SPACE.match(text, start):
            self._add("space", start, space.end())
        elif char in _QUOTED:
            self._quoted(char)
        elif char in _SINGLE:
            self._add(_SINGLE[char], start, start + 1)
        elif char == ":":
            if following != "=":
                raise self.origin.refuse("expected :=", start)
            self._add("declare", start, start + 2)
        elif char == "$":
            self._name("variable", _WORD.match(text, start + 1), start + 1)
        elif char == "." and not _is_digit(following):
            self._name("field", _FIELD_NAME.match(text, start + 1), start + 1)
        elif char in ".+-" or _is_digit(char):
            self._number()
        elif word := _WORD.match(text, start):
            self._name("identifier", word, word.end())
        else:
            raise self.origin.refuse(f"unexpected {char!r} in action", start)

    def _quoted(self, char: str) -> None:
        kind, pattern, fault = _QUOTED[char]
        match = pattern.match(self.text, self.at)
        if match is None:
            raise self.origin.refuse(fault, self.at)
        self._add(kind, self.at, match.end())

    def _number(self) -> None:
        match = _NUMBER.match(self.text, self.at)
        end = match.end() if match else self.at + 1
        if _WORD.match(self.text, end):
            raise self.origin.refuse(f"bad number syntax: {self.text[self.at : end + 1][:40]!r}", self.at)
        self._add("number", self.at, end)

    def _name(self, kind: str, match: re.Match[str] | None, least: int) -> None:
        start, end = self.at, match.end() if match else least
        if end < len(self.text) and self.text[end] not in _TERMINATORS and not self.text.startswith("}}", end):
            raise self.origin.refuse(f"bad character {self.text[end]!r}", end)
        self._add(kind, start, end)
        token = self.out[-1]
        if kind == "field" and match is None:
            self.out[-1] = Token("dot", token.text, start)
        elif kind == "identifier":
            named = token.text if token.text in KEYWORDS else "bool" if token.text in ("true", "false") else kind
            self.out[-1] = Token(named, token.text, start)


def _is_digit(char: str) -> bool:
    return "0" <= char <= "9" and len(char) == 1
