"""snakecase and kebabcase: where one word ends and the next begins."""

from __future__ import annotations

import re
import unicodedata

_CONNECTOR, _PUNCTUATION, _NUMBER, _LETTERS, _CAPITAL = "c", "p", "n", "L", "U"
#: Over the classes of characters: of several capitals before a small letter, the last one begins the next word.
_WORD = re.compile(r"c+|p+|n+|L+|o+|U(?:L+|U*(?=UL)|U*)")
_IDEOGRAPH = re.compile("[\u3400-\u4d85\u4e00-\u9fcc\U00020000-\U0002b81d]")
_BREAKING = frozenset(("", _PUNCTUATION, _CONNECTOR))


def _class(char: str) -> str:
    if char in "-_" or char.isspace():
        return _CONNECTOR
    if _IDEOGRAPH.match(char):
        return "o"
    category = unicodedata.category(char)
    if category == "Lu":
        return _CAPITAL
    return {"L": _LETTERS, "N": _NUMBER, "P": _PUNCTUATION}.get(category[0], "o")


class _Words:
    def __init__(self, text: str, connector: str) -> None:
        classes = "".join(map(_class, text))
        spans = [match.span() for match in _WORD.finditer(classes)]
        self.kinds = [classes[start] for start, _ in spans] + [""]
        self.texts = [text[start:end] for start, end in spans] + [""]
        self.connector = connector
        self.out: list[str] = []
        self.at = 0

    def kind(self) -> str:
        return self.kinds[self.at]

    def emit(self, index: int) -> None:
        text, kind = self.texts[index], self.kinds[index]
        self.out.append(self.connector * len(text) if kind == _CONNECTOR else text.lower() if kind == "U" else text)

    def connect(self) -> None:
        if self.kind() not in _BREAKING:
            self.out.append(self.connector)

    def emit_letters_and_numbers(self) -> None:
        while self.kind() in (_LETTERS, _NUMBER):
            self.emit(self.at)
            self.at += 1
        self.connect()

    def after_word(self) -> None:
        """A number belongs to the word before it, unless small letters follow: `bld4_floor`, but `http_2xx`."""
        if self.kind() != _NUMBER:
            self.connect()
        elif self.kinds[self.at + 1]:
            self.at += 1
            if self.kind() == _LETTERS:
                self.out.append(self.connector)
                self.emit(self.at - 1)
                self.emit_letters_and_numbers()
            else:
                self.emit(self.at - 1)
                self.connect()


def separated(text: str, connector: str) -> str:
    """Words in lower case with a connector between them: `HTTPServer2Go` gives `http_server2_go`."""
    words = _Words(text, connector)
    while words.kind() and words.kinds[words.at + 1]:
        kind = words.kind()
        words.emit(words.at)
        words.at += 1
        if kind == _NUMBER:
            words.emit_letters_and_numbers()
        elif kind not in (_CONNECTOR, _PUNCTUATION):
            words.after_word()
    words.emit(words.at)
    return "".join(words.out)
