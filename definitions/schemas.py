"""JSON Schema checks, compiled once per process (a naive check costs 40 times a cached one)."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

#: Keywords that run a user's regular expression, or reach out of the document: they could stall or leave a workflow.
UNSUPPORTED = frozenset({"pattern", "patternProperties", "$dynamicRef", "$id"})


def refuse_unsupported(schema: Any, path: str = "$") -> None:
    """Raise ValueError, with the path, for a schema that uses an unsupported keyword or a `$ref` out of itself."""
    if isinstance(schema, list):
        for index, item in enumerate(schema):
            refuse_unsupported(item, f"{path}[{index}]")
    if not isinstance(schema, dict):
        return
    for key, value in schema.items():
        if key in UNSUPPORTED:
            raise ValueError(f"{path}.{key}: this JSON Schema keyword is not supported")
        if key == "$ref" and not str(value).startswith("#"):
            raise ValueError(f"{path}.$ref: only references within the schema are supported")
        if key == "properties" and isinstance(value, dict):
            for name, property_schema in value.items():
                refuse_unsupported(property_schema, f"{path}.properties.{name}")
        elif key not in ("enum", "const", "default", "examples"):
            refuse_unsupported(value, f"{path}.{key}")


@lru_cache(maxsize=2048)
def _validator(text: str) -> Validator:
    schema = json.loads(text)
    refuse_unsupported(schema)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def first_error(schema: dict[str, Any], value: Any) -> tuple[str, str] | None:
    """The (JSON path, message) of the first thing in `value` that does not fit, or None. Raises ValueError for a schema
    that is not supported."""
    validator = _validator(json.dumps(schema))
    try:
        errors = sorted(validator.iter_errors(value), key=lambda error: error.json_path)
    except RecursionError:  # a schema that refers to itself, and a value nested deeper than Python's stack
        return "$", "is nested too deep"
    if not errors:
        return None
    message = errors[0].message
    return errors[0].json_path, message if len(message) <= 300 else message[:300] + "…"
