"""Keeping the values of secrets out of everything that leaves an executor."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

#: Shorter values would be found everywhere by chance.
MIN_LENGTH = 4
MASK = "[secret]"


class Redactor:
    """Masks the values of a call's secrets, also as they look within JSON, a URL or a form."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {form for value in values if len(value) >= MIN_LENGTH for form in _forms(value)}
        # The longest first: one secret may begin with another.
        ordered = sorted(found, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern else text

    def value(self, value: Any) -> Any:
        """A JSON value with every string in it masked, names of members included."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.value(key): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(item) for item in value]
        return value


def _forms(value: str) -> set[str]:
    encodable = value.encode("utf-8", "replace").decode("utf-8")
    in_json = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return {value, quote(encodable, safe=""), quote(encodable), quote_plus(encodable), *in_json}
