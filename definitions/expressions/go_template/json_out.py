"""JSON as Go's encoding/json writes it: keys sorted, `<`, `>` and `&` escaped unless asked otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import go_time
from definitions.expressions.go_template.numbers_text import json_float
from definitions.expressions.go_template.run import Run
from definitions.expressions.go_template.values import VALUE_DEPTH, sorted_items

_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_RAW = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029"})
_LOST = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


def encode(run: Run, value: Any, *, html: bool = True, indent: str | None = None) -> str:
    """Raises ExpressionError for what is nested too deep, or has no JSON."""
    return "".join(_Encoder(run, _HTML if html else _RAW, indent).parts(value, 0))


def decode(run: Run, text: str) -> Any:
    """Raises ValueError for what is no JSON."""
    run.spend_text(2 * len(text))
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deep") from error


def _refuse(name: str) -> Any:
    raise ValueError(f"invalid character in JSON: {name}")


class _Encoder:
    def __init__(self, run: Run, escapes: dict[int, str], indent: str | None) -> None:
        self.run = run
        self.escapes = escapes
        self.indent = indent

    def text(self, value: str) -> str:
        self.run.spend_text(len(value))
        encoded = json.dumps(value, ensure_ascii=False)
        if encoded.isascii():
            return encoded.translate(self.escapes)
        return encoded.translate(self.escapes).translate(_LOST)

    def parts(self, value: Any, depth: int) -> Iterator[str]:
        self.run.spend(1)
        if depth > VALUE_DEPTH:
            raise ExpressionError(f"the value is nested more than {VALUE_DEPTH} deep")
        if isinstance(value, (dict, list)):
            yield from self.container(value, depth)
        elif isinstance(value, str):
            yield self.text(value)
        elif isinstance(value, datetime):
            yield f'"{go_time.rfc3339(value)}"'
        elif isinstance(value, float):
            yield json_float(value)
        else:
            yield json.dumps(value)

    def container(self, value: dict[str, Any] | list[Any], depth: int) -> Iterator[str]:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        if not value:
            yield opening + closing
            return
        line = "" if self.indent is None else "\n" + self.indent * (depth + 1)
        yield opening
        items = sorted_items(value) if isinstance(value, dict) else [("", item) for item in value]
        for index, (key, item) in enumerate(items):
            yield f",{line}" if index else line
            if isinstance(value, dict):
                yield self.text(key) + (": " if line else ":")
            yield from self.parts(item, depth + 1)
        yield (line[: len(line) - len(self.indent)] if self.indent is not None else "") + closing
