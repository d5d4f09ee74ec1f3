"""Small definitions for tests, built from parts."""

from __future__ import annotations

import json
from typing import Any

from definitions.dialects import justworkflowit
from definitions.errors import DefinitionError
from definitions.model import Definition

NOOP = "/justworkflowit/noop"
WAIT = "/justworkflowit/waitForEventIds"
CHILDREN = "/justworkflowit/runChildJob"
LAMBDA = "/justworkflowit/aws/lambda"
LAMBDA_CONFIG = {"region": "us-east-1", "accountId": "123456789012", "functionName": "f"}

Json = dict[str, Any]


def ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def record(required: Json | None = None, optional: Json | None = None, **more: Any) -> Json:
    """An object schema; values are names of types or schemas."""
    properties = {**(required or {}), **(optional or {})}
    schemas = {k: {"type": v} if isinstance(v, str) else v for k, v in properties.items()}
    return {"type": "object", "properties": schemas, "required": list(required or {}), **more}


def step(
    name: str,
    to: Any = None,
    *,
    type: str = NOOP,
    takes: str | None = "nothing",
    gives: str | None = "nothing",
    fieldset: list[Json] | None = None,
    config: Json | None = None,
    **more: Any,
) -> Json:
    details: Json = {"type": type}
    if takes is not None:
        details["inputDefinition"] = ref(takes)
    if gives is not None:
        details["outputDefinition"] = ref(gives)
    if fieldset is not None:
        details["inputTransformer"] = {"fieldset": fieldset}
    if config is None and type == LAMBDA:
        config = LAMBDA_CONFIG
    if config is not None:
        details["config"] = config
    details.update({key: more.pop(key) for key in ("secretBindings",) if key in more})
    return {"name": name, "integrationDetails": details, "transitionToStep": to, **more}


def document(*steps: Json, **definitions: Any) -> Json:
    return {"workflowName": "example", "steps": list(steps), "definitions": {"nothing": record(), **definitions}}


def compiled(*steps: Json, executors: Json | None = None, analyse: bool = True, **definitions: Any) -> Definition:
    text = json.dumps(document(*steps, **definitions))
    return justworkflowit.compile_text(text, executors=executors, analyse=analyse)


def problems(*steps: Json, executors: Json | None = None, **definitions: Any) -> list[tuple[str, str]]:
    """(code, path) of all problems; empty if there is none."""
    try:
        compiled(*steps, executors=executors, **definitions)
    except DefinitionError as error:
        return [(problem.code, problem.path) for problem in error.problems]
    return []
