"""Short ways to post events by name and key, and to wait for them."""

from __future__ import annotations

import uuid
from typing import Any

from temporalio.client import WorkflowHandle

from definitions import ids
from definitions.contract import PostEvent, PostOutcome
from tests.running import DIALECT, Runs
from tests.worker.test_interpreter import block, path, wait


def correlated(*events: str, key: Any = "${input.key}", **more: Any) -> dict[str, Any]:
    """A body with one wait for events by a key, which the run's input has."""
    correlation = {} if key is None else {"key": path(key)}
    return block(
        "w", w=wait(*(events or ("go",)), **{"need": "any", "correlation": correlation, "output": "first", **more})
    )


async def post(
    runs: Runs, key: str | None, payload: Any = None, *, name: str = "go", id: str | None = None, **more: Any
) -> PostOutcome:
    event = PostEvent(id or str(uuid.uuid4()), payload, has_payload=True, **more)
    return await runs.tidegate.post_event(DIALECT, runs.organisation, name, key, event)


def mailbox(runs: Runs, key: str | None, name: str = "go") -> WorkflowHandle[Any, Any]:
    workflow_id = ids.mailbox_workflow_id(DIALECT, runs.organisation, name, key)
    return runs.tidegate.temporal.get_workflow_handle(workflow_id)
