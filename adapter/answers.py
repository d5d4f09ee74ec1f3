"""Answers in JSON, whatever the text in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse


class JsonAnswer(JSONResponse):
    """A JSON answer in UTF-8; one that holds a lone surrogate, which UTF-8 cannot write, is escaped to ASCII."""

    def render(self, content: Any) -> bytes:
        return encoded(content)


@dataclass(frozen=True)
class Answer:
    """A success, in plain JSON."""

    data: Any
    status: int = 200

    def response(self) -> JsonAnswer:
        return JsonAnswer(self.data, self.status)


def encoded(content: Any) -> bytes:
    """A value as the body of an answer. A function may return such text, and its job has to stay readable."""
    try:
        return _text(content, ascii_only=False).encode("utf-8")
    except UnicodeEncodeError:
        return _text(content, ascii_only=True).encode("ascii")


def _text(content: Any, *, ascii_only: bool) -> str:
    return json.dumps(content, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
