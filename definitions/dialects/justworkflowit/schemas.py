"""Definitions as JSON Schemas: one that stands by itself, or a table of those that many steps use.

Other definitions that a schema refers to are carried along, under neutral names, so that no name can be taken for a
keyword or needs escaping in a pointer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    names: dict[str, str] = {}
    _gather(definitions, _names(definitions[name]), names)
    carried = {new: _renamed(definitions[old], names) for old, new in names.items()}
    return {**_renamed(definitions[name], names), **({"definitions": carried} if carried else {})}


@dataclass(frozen=True)
class Table:
    """Definitions that several schemas share. `whole` and `partial` map the name of a definition to a reference to it:
    in the partial one no property of the outermost object is required, as one of several parts must fit it."""

    schemas: dict[str, Schema]
    whole: dict[str, Schema]
    partial: dict[str, Schema]


def table(definitions: Mapping[str, Schema], used: Sequence[str]) -> Table:
    """The definitions named, and all that they refer to."""
    names: dict[str, str] = {}
    _gather(definitions, used, names)
    made = Table({new: _renamed(definitions[old], names) for old, new in names.items()}, {}, {})
    for name in used:
        made.whole[name] = made.partial[name] = {"$ref": REF_PREFIX + names[name]}
        relaxed = _relaxed(definitions, definitions[name])
        if relaxed != definitions[name]:
            made.schemas[f"{names[name]}p"] = _renamed(relaxed, names)
            made.partial[name] = {"$ref": f"{REF_PREFIX}{names[name]}p"}
    return made


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


def _gather(definitions: Mapping[str, Schema], used: Iterable[str], names: dict[str, str]) -> None:
    """Give neutral names to the definitions named, and to all that they refer to."""
    waiting = list(used)[::-1]
    while waiting:
        name = waiting.pop()
        if name not in names:
            names[name] = f"d{len(names)}"
            waiting += _names(definitions[name])


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
