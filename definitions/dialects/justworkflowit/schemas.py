"""Definitions as JSON Schemas that stand by themselves.

Other definitions that a schema refers to are carried in its own `definitions`, under neutral names, so that no name can
be taken for a keyword or needs escaping in a pointer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from definitions.dialects.justworkflowit.structure import REF_PREFIX

Schema = dict[str, Any]


def references(schema: Schema, path: str = "") -> Iterator[tuple[str, str]]:
    """(place, name) of every reference in a definition."""
    if "$ref" in schema:
        yield f"{path}.$ref", schema["$ref"][len(REF_PREFIX) :]
    for name, inner in schema.get("properties", {}).items():
        yield from references(inner, f"{path}.properties.{name}")
    if "items" in schema:
        yield from references(schema["items"], f"{path}.items")


def standalone(definitions: Mapping[str, Schema], name: str) -> Schema:
    return _carrying(definitions, definitions[name])


def partial(definitions: Mapping[str, Schema], name: str) -> Schema:
    """As `standalone`, but no property of the outermost object is required: what one of several parts must fit."""
    return _carrying(definitions, _relaxed(definitions, definitions[name]))


def _relaxed(definitions: Mapping[str, Schema], schema: Schema) -> Schema:
    rest = {key: value for key, value in schema.items() if key not in ("required", "$ref")}
    if "$ref" not in schema:
        return rest
    target = _relaxed(definitions, definitions[schema["$ref"][len(REF_PREFIX) :]])
    return {**rest, "allOf": [target]} if rest else target


def properties(definitions: Mapping[str, Schema], name: str) -> set[str]:
    """The names of the properties that a definition declares, its own and those of what it refers to."""
    schema = definitions[name]
    own = set(schema.get("properties", {}))
    return own | properties(definitions, schema["$ref"][len(REF_PREFIX) :]) if "$ref" in schema else own


def _carrying(definitions: Mapping[str, Schema], schema: Schema) -> Schema:
    names: dict[str, str] = {}
    waiting = [schema]
    while waiting:
        for name in _names(waiting.pop()):
            if name not in names:
                names[name] = f"d{len(names)}"
                waiting.append(definitions[name])
    carried = {new: _renamed(definitions[old], names) for old, new in names.items()}
    return {**_renamed(schema, names), **({"definitions": carried} if carried else {})}


def _names(schema: Schema) -> Iterator[str]:
    for part in (schema, *schema.get("allOf", [])):
        for _, name in references(part):
            yield name


def _renamed(schema: Schema, names: Mapping[str, str]) -> Schema:
    made = dict(schema)
    if "$ref" in made:
        made["$ref"] = REF_PREFIX + names[made["$ref"][len(REF_PREFIX) :]]
    if "properties" in made:
        made["properties"] = {key: _renamed(value, names) for key, value in made["properties"].items()}
    if "items" in made:
        made["items"] = _renamed(made["items"], names)
    if "allOf" in made:
        made["allOf"] = [_renamed(part, names) for part in made["allOf"]]
    return made
