"""Made-up values that fit a definition, for the dry run: the same ones every time, and none of them false."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.dialects.justworkflowit.structure import REF_PREFIX

DEPTH_LIMIT = 40

_SIMPLE: dict[str, Any] = {"string": "text", "number": 1.5, "integer": 1, "boolean": True, "null": None}


class TooComplex(Exception):
    """The value would be too large, or nested too deeply."""


class _Endless(Exception):
    """A definition that requires itself."""


class Faker:
    """Makes values of at most `budget` parts in all; with `optional`, also the properties that are not required."""

    def __init__(self, definitions: Mapping[str, Any], optional: bool, budget: int = 25_000) -> None:
        self._definitions = definitions
        self._optional = optional
        self._budget = budget
        self._made: dict[str, Any] = {}

    def value(self, name: str) -> Any:
        """A value for a definition; None if there can be none. Raises TooComplex."""
        if name not in self._made:
            try:
                self._made[name] = self._fake(self._definitions[name], (name,), 0)
            except _Endless:
                self._made[name] = None
        return self._made[name]

    def _fake(self, schema: dict[str, Any], within: tuple[str, ...], depth: int) -> Any:
        self._budget -= 1
        if self._budget < 0 or depth > DEPTH_LIMIT:
            raise TooComplex
        if "$ref" in schema:
            name = schema["$ref"][len(REF_PREFIX) :]
            if name in within:
                raise _Endless
            return self._fake(self._definitions[name], (*within, name), depth + 1)
        if schema["type"] == "object":
            return self._object(schema, within, depth)
        if schema["type"] == "array":
            return self._array(schema, within, depth)
        return _SIMPLE[schema["type"]]

    def _object(self, schema: dict[str, Any], within: tuple[str, ...], depth: int) -> dict[str, Any]:
        made: dict[str, Any] = {}
        required = schema.get("required", [])
        for name, inner in schema.get("properties", {}).items():
            if not self._optional and name not in required:
                continue
            try:
                made[name] = self._fake(inner, within, depth + 1)
            except _Endless:
                if name in required:
                    raise
        if schema.get("additionalProperties") is not False:
            made.update({name: "text" for name in required if name not in made})
        return made

    def _array(self, schema: dict[str, Any], within: tuple[str, ...], depth: int) -> list[Any]:
        try:
            return [self._fake(schema["items"], within, depth + 1)] if "items" in schema else []
        except _Endless:
            return []
