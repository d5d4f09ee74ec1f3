"""Having code looked at before it is registered."""

from __future__ import annotations

import uuid
from datetime import timedelta

from temporalio.client import Client, WorkflowFailureError

from definitions.contract import INSPECT_WORKFLOW, InspectCode, InspectedCode
from definitions.errors import DefinitionError, Problem, Unavailable
from worker.rpc import bounded, unavailable, who_is_away

#: Seconds for all of it: the code itself gets five of them.
INSPECT_SECONDS = 12.0


async def inspect_code(client: Client, task_queue: str, shim: str, source: str) -> list[str]:
    """The names that a source registers. Raises DefinitionError, TooLarge, Overloaded, Unavailable (no worker)."""
    handle = await bounded(
        client.start_workflow(
            INSPECT_WORKFLOW,
            InspectCode(shim, source),
            id=f"inspect/{uuid.uuid4()}",
            task_queue=task_queue,
            result_type=InspectedCode,
            # It ends by itself if no worker is there to look.
            execution_timeout=timedelta(seconds=INSPECT_SECONDS),
        )
    )
    try:
        found: InspectedCode = await bounded(handle.result(), seconds=INSPECT_SECONDS + 1, part="worker")
    except WorkflowFailureError:
        raise unavailable("worker") from None
    except Unavailable as error:
        raise await who_is_away(client) from error
    if found.code is not None:
        raise DefinitionError([Problem(found.code, "$.source", found.error or found.code, found.unsupported)])
    return found.names
