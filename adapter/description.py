"""What the interface description says of a route that reads the raw request, of which nothing is found by itself."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel


def described(method: str, path: str, permission: str, asked: type[BaseModel] | None = None) -> dict[str, Any]:
    """Path parameters, the permission needed, and what is asked (a GET's query, else the body), as OpenAPI has them."""
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    extra: dict[str, Any] = {"parameters": parameters, "x-permission": permission}
    schema = {} if asked is None else in_one_piece(asked)
    if method == "GET":
        parameters += [
            {"name": name, "in": "query", "schema": part} for name, part in schema.get("properties", {}).items()
        ]
    elif schema:
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return extra


def in_one_piece(model: type[BaseModel]) -> Any:
    """A model's schema without references: one into it would be looked for at the document's root."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def whole(value: Any) -> Any:
        if isinstance(value, list):
            return [whole(item) for item in value]
        if not isinstance(value, dict):
            return value
        name = str(value.get("$ref", "")).removeprefix("#/$defs/")
        return whole(parts[name]) if name in parts else {key: whole(item) for key, item in value.items()}

    return whole(schema)
