"""Starting executions: who a new run is, what it is started with, and which request it belongs to."""

from __future__ import annotations

from typing import Any

from adapter.calls import Call
from adapter.dialects.compozy import wire
from adapter.dialects.compozy.state import Workflows
from adapter.dialects.compozy.words import DIALECT
from adapter.failures import RequestInvalid
from adapter.new_runs import new_run
from definitions import ids
from definitions.dialects import compozy as language
from definitions.errors import Conflict, NotFound
from definitions.model import Definition
from worker.client import RunDescription


async def started(call: Call, body: wire.Execute) -> RunDescription:
    """A new run of the workflow of the path, or that of the same idempotency key.

    Raises NotFound, InputInvalid, RequestInvalid (task), Conflict (the same key with another input).
    """
    workflow = await Workflows(call.client, call.organisation).read(call.path("workflow_id"))
    definition = _beginning_at(workflow.definition, body.task_id)
    language.check_input(definition, body.input is not None, body.input)
    facts = new_run(workflow.state.facts, workflow.version, call.caller.name)
    key = wire.idempotency_key(call.request)
    if key is None:
        return (await call.client.start_run(definition, facts, body.input))[0]
    content = ids.content_hash([body.input, body.task_id])
    scope = f"execution/{facts.definition_id}"
    claim = await call.client.claim(DIALECT, call.organisation, scope, key, wire.KEY_SECONDS, content, facts.run_id)
    if claim.content_hash != content:
        raise Conflict("the idempotency key was used with another input")
    return (await call.client.start_claimed(claim, definition, facts, body.input))[0]


def _beginning_at(definition: Definition, task: str | None) -> Definition:
    """The definition with another first task."""
    if not task:
        return definition
    try:
        return language.starting_at(definition, task)
    except NotFound as error:
        raise RequestInvalid(error.message, {"$.task_id": "is not a task of the workflow"}) from None


def correlation(call: Call) -> dict[str, str]:
    """The caller's own name for what this request belongs to: given back, and never taken for a repetition."""
    given: Any = call.request.headers.get("x-correlation-id")
    return {"x-correlation-id": given} if given else {}
