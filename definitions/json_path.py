"""JSON paths such as `$.steps[1].integrationDetails["my key"]`, as errors show them."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]*")
_SHOWN = 80


def child(path: str, key: str | int) -> str:
    """The path of an item or property; a long key is cut, so that a path stays readable."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if _PLAIN.fullmatch(key):
        return f"{path}.{key[:_SHOWN]}"
    return f"{path}[{json.dumps(key[:_SHOWN], ensure_ascii=False)}]"
