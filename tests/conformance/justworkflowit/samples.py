"""Small definitions for the tests."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

EMPTY: Json = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
ANYTHING: Json = {"type": "object", "properties": {}, "required": [], "additionalProperties": True}
APPROVAL: Json = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "by": {"type": "string"}},
    "required": ["approved"],
    "additionalProperties": False,
}
PULL_REQUEST: Json = {
    "type": "object",
    "properties": {"prId": {"type": "string"}},
    "required": ["prId"],
    "additionalProperties": False,
}
DEFINITIONS: Json = {"empty": EMPTY, "anything": ANYTHING, "approval": APPROVAL}


def step(
    name: str, kind: str, following: Any = None, config: Json | None = None, output: str = "anything", **more: Any
) -> Json:
    details: Json = {
        "type": f"/justworkflowit/{kind}",
        "inputDefinition": {"$ref": "#/definitions/anything"},
        "outputDefinition": {"$ref": f"#/definitions/{output}"},
    }
    if config is not None:
        details["config"] = config
    return {"name": name, "integrationDetails": details | more, "transitionToStep": following}


def wait(name: str, *event_ids: str, following: Any = None, output: str = "approval") -> Json:
    return step(name, "waitForEventIds", following, {"eventIds": list(event_ids)}, output)


def call(name: str, function: str, following: Any = None, **more: Any) -> Json:
    config = {"region": "us-east-1", "accountId": "123456789012", "functionName": function}
    return step(name, "aws/lambda", following, config, **more)


def workflow(*steps: Json, input: Json | None = None, name: str = "sample") -> Json:
    definitions = DEFINITIONS | ({} if input is None else {"workflowInput": input})
    return {"workflowName": name, "steps": list(steps), "definitions": definitions}


#: One wait for one event; any payload that fits `approval` is its output.
GATE = workflow(wait("gate", "go"))
#: The same, for a job with an input.
GATE_WITH_INPUT = workflow(wait("gate", "go"), input=PULL_REQUEST)
#: Ends at once.
DONE = workflow(step("done", "noop"))
