"""What in a text of SQL is code, and what is quoted: as far as is needed to see where a value may be bound.

Quoted are '…' and "…" with doubled quotes in them, `…`, comments (-- and /* */), and PostgreSQL's $tag$…$tag$. Also
`{{…}}` is told apart, which is no SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

#: Characters of a query.
SQL_LIMIT = 50_000

Kind = Literal["code", "quoted", "comment", "braces"]

_TOKEN = re.compile(
    r"""(?P<braces>\{\{.*?\}\})"""
    r"""|(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<comment>--[^\n]*|/\*.*?\*/)""",
    re.DOTALL,
)
_UNCLOSED = re.compile(r"""['"`]|/\*|\$(?:[A-Za-z_]\w*)?\$""")
#: In MySQL a backslash makes a quote a part of the text, `#` begins a comment, and `$` is a letter.
_OTHERWISE_QUOTED = re.compile(r"""\\['"`]|^\$""")
_OTHERWISE_CODE = re.compile(r"[\\#]")
#: `:name`, but neither `::type` nor a part of a word.
PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)(?![:\w])")


def pieces(text: str) -> Iterator[tuple[Kind, str]]:
    """The text in order, in pieces. Raises ValueError for a quote or comment that nothing closes."""
    end = 0
    for found in _TOKEN.finditer(text):
        yield from _code(text[end : found.start()])
        kind: Kind = "braces" if found["braces"] else "comment" if found["comment"] else "quoted"
        yield kind, found[0]
        end = found.end()
    yield from _code(text[end:])


def _code(text: str) -> Iterator[tuple[Kind, str]]:
    if unclosed := _UNCLOSED.search(text):
        raise ValueError(f"nothing closes {unclosed[0]!r}")
    if text:
        yield "code", text


def refuse_several(text: str) -> None:
    """Raises ValueError unless the text is one statement; a `;` at its end makes no difference."""
    ended = seen = False
    for kind, piece in pieces(text):
        if kind == "comment":
            continue
        before, semicolon, after = piece.partition(";") if kind == "code" else (piece, "", "")
        seen = seen or bool(before.strip())
        if (ended and before.strip()) or after.replace(";", "").strip():
            raise ValueError("a query is one statement")
        ended = ended or bool(semicolon)
    if not seen:
        raise ValueError("a query is one statement, and this is none")


def refuse_mysql(text: str) -> None:
    """Raises ValueError for what MySQL and MariaDB read otherwise, so that a parameter could stand in quotes there."""
    for kind, piece in pieces(text):
        if (kind == "quoted" and _OTHERWISE_QUOTED.search(piece)) or (kind == "code" and _OTHERWISE_CODE.search(piece)):
            raise ValueError("for MySQL, write a quote in a text twice, no # and no $$")


def parameters(text: str) -> list[str]:
    """The names of the parameters, `:name`, once each, in order."""
    code = (piece for kind, piece in pieces(text) if kind == "code")
    return list(dict.fromkeys(name for piece in code for name in PARAMETER.findall(piece)))


def without_comments(text: str) -> str:
    """The text as an executor sends it: what is in comments could be taken for more than that."""
    return "".join(" " if kind == "comment" else piece for kind, piece in pieces(text))
