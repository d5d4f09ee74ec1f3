"""What a cloud function is sent: the step's input, and, where the config asks for it, who calls.

`config.context` = {"as": NAME, "fields": {KEY: SOURCE}} adds a member NAME to the input; SOURCE is one of `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from definitions.contract import Call
from worker.activities.executor import Tools
from worker.activities.failures import call_failed

SOURCES: dict[str, Callable[[Call, Tools], Any]] = {
    "run_id": lambda call, tools: call.context.run_id,
    "organisation": lambda call, tools: call.context.organisation,
    "definition_id": lambda call, tools: call.context.definition_id,
    "definition_name": lambda call, tools: call.context.definition_name,
    "step": lambda call, tools: call.context.step,
    "visit": lambda call, tools: call.context.visit,
    "workflow_id": lambda call, tools: call.context.workflow_id,
    "idempotency_key": lambda call, tools: call.context.idempotency_key,
    "secrets": lambda call, tools: dict(tools.secrets),
}

#: JSON Schema of `config.context`, for the executors that know it.
CONTEXT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "as": {"type": "string", "minLength": 1},
        "fields": {"type": "object", "additionalProperties": {"enum": list(SOURCES)}},
    },
    "required": ["as", "fields"],
    "additionalProperties": False,
}


def function_input(call: Call, tools: Tools) -> Any:
    """The JSON value to send: the input, or {} without one, with the context in it.

    A member of the input that has the context's name is replaced, so that no input can pass for the context. Raises
    `input-invalid` if there is a context and the input is no object to put it in.
    """
    payload = call.input if call.has_input else {}
    context = call.config.get("context")
    if context is None:
        return payload
    if not isinstance(payload, dict):
        raise call_failed("input-invalid", f"the input must be an object, as it is given the member {context['as']!r}")
    return {**payload, context["as"]: {key: SOURCES[source](call, tools) for key, source in context["fields"].items()}}
