"""StackShift's jobs: JSON text -> Definition. A job is a list of steps, or the source of a handler."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from definitions import json_text
from definitions.dialects.stackshift import source
from definitions.dialects.stackshift.compiler import attempts, compile_document
from definitions.dialects.stackshift.problems import CODES
from definitions.dialects.stackshift.words import (
    ATTEMPTS_LIMIT,
    DIALECT,
    DURATIONS,
    HANDLER,
    HANDLER_LABEL,
    LIVE_TAG,
    SHIM,
)
from definitions.model import Definition

__all__ = [
    "ATTEMPTS_LIMIT",
    "CODES",
    "DIALECT",
    "DURATIONS",
    "HANDLER",
    "HANDLER_LABEL",
    "LIVE_TAG",
    "SHIM",
    "attempts",
    "check_input",
    "compile_text",
    "document",
    "minified_sha256",
    "recognises",
    "source",
]


class _Executors(dict[str, Any]):
    """The team's executors as a key of the cache: they do not change while a process runs."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))


def compile_text(text: str, *, executors: Mapping[str, Any] | None = None, analyse: bool = True) -> Definition:
    """Check and compile a job; the result is cached. Every check is cheap, so `analyse` changes nothing.

    The text is `{"definition": {…}}`, `{"source": "…", "name"?, "maxAttempts"?}` or the definition by itself. Raises
    DefinitionError with everything that has been found.
    """
    return _compiled(text, _Executors(executors or {}))


@lru_cache(maxsize=256)
def _compiled(text: str, executors: _Executors) -> Definition:
    return compile_document(json_text.parse(text), executors)


def document(text: str) -> dict[str, Any]:
    """A job as it is registered, whichever of the forms its text has. Raises DefinitionError."""
    value: dict[str, Any] = json_text.parse(text)
    return value if "source" in value or "definition" in value else {"definition": value}


def check_input(definition: Definition, has_input: bool, value: Any) -> None:
    """Any payload will do: a job does not say what it takes."""


def minified_sha256(text: str) -> str:
    """SHA-256, in hex, of the job without white space, keys in the order given. Raises DefinitionError."""
    return hashlib.sha256(source.text_of(json_text.parse(text)).encode()).hexdigest()


def recognises(text: str) -> bool:
    """Whether a text looks like a job: `definition` or `source` (with a job in it), or `name` and a list of steps."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("definition"), dict):
        return "steps" in value["definition"]
    if source.is_source(value):
        return ".job" in value["source"]
    return "name" in value and isinstance(value.get("steps"), list) and "definitions" not in value
