"""Headers of an answer that a workflow gives: those that can be written, and are not the connection's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

#: Headers that belong to the connection, or are made of the body: those of a workflow do not count.
OURS = frozenset({"connection", "content-length", "date", "keep-alive", "server", "trailer", "transfer-encoding",
                  "upgrade", "x-run-id"})  # fmt: skip
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Of these the server that writes the answer takes none: it would drop the connection.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def add_given(answer: Response, headers: Iterable[Any]) -> None:
    """Add headers, pairs of name and value, to an answer; what cannot be written is left out."""
    for name, value in headers:
        if name.lower() not in OURS and _is_sendable(name, value):
            answer.headers.append(name, value)


def _is_sendable(name: str, value: str) -> bool:
    """Whether a header can be written: its value in Latin-1, without control characters."""
    try:
        (name + value).encode("latin-1")
    except UnicodeEncodeError:
        return False
    return _NAME.fullmatch(name) is not None and _CONTROL.search(value) is None
