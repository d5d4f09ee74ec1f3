"""Letter cases, words and lines, as sprig's functions see them."""

from __future__ import annotations

import re

_WORD_START = re.compile(r"(?<!\w)\w")
_FIRST_LETTERS = re.compile(r"(?:^|(?<=\s))\S")
_SPACE_OR_CONNECTOR = re.compile(r"[-_\s]")


def upper(text: str) -> str:
    """Each character for itself, as in Go: `ß` stays."""
    return text.upper() if text.isascii() else "".join(_one(char, char.upper()) for char in text)


def lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(_one(char, char.lower()) for char in text)


def _one(char: str, changed: str) -> str:
    return changed if len(changed) == 1 else char


def title(text: str) -> str:
    """The first letter of each word in upper case; the others stay."""
    return _WORD_START.sub(lambda match: _one(match.group(), match.group().title()), text)


def untitle(text: str) -> str:
    """The first letter of each word in lower case."""
    return _FIRST_LETTERS.sub(lambda match: lower(match.group()), text)


def initials(text: str) -> str:
    return "".join(_FIRST_LETTERS.findall(text))


def swap_case(text: str) -> str:
    return "".join(lower(char) if char.isupper() else upper(char) for char in text)


def camel_case(text: str) -> str:
    """`some_words` is `SomeWords`; connectors at either end stay."""
    lead = len(text) - len(re.sub(r"^[-_\s]+", "", text))
    if lead == len(text):
        return text
    out = [text[:lead]]
    previous = upper(text[lead])
    for char in text[lead + 1 :]:
        after_connector = _SPACE_OR_CONNECTOR.match(previous) is not None
        if after_connector and _SPACE_OR_CONNECTOR.match(char):
            out.append(previous)
            previous = char
            continue
        if not after_connector:
            out.append(previous)
        previous = upper(char) if after_connector else lower(char)
    return "".join([*out, previous])


def wrap(text: str, width: int, newline: str, cut: bool) -> str:
    """Break lines at spaces so that they have at most `width` characters; longer words are cut, or stick out."""
    out: list[str] = []
    at = 0
    while len(text) - at > width:
        if text[at] == " ":
            at += 1
            continue
        space = text.rfind(" ", at, at + width + 1)
        if space < at and not cut:
            space = text.find(" ", at + width)
            if space < 0:
                break
        end = space if space >= at else at + width
        out += [text[at:end], newline]
        at = end + (space >= at)
    return "".join([*out, text[at:]])
