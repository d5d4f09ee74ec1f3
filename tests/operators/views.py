"""What Temporal shows of a run: read through its API, as the Web UI does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client, WorkflowHandle

from definitions.contract import SEARCH_ATTRIBUTES

METADATA_QUERY = "__temporal_workflow_metadata"


@dataclass
class Shown:
    """All that an operator sees of one execution. `attributes` holds ours only; `summaries` are of its history."""

    attributes: dict[str, Any]
    summary: str | None
    details: str
    summaries: list[str]
    memo: dict[str, Any]

    @property
    def everything(self) -> str:
        return repr((self.attributes, self.summary, self.details, self.summaries, self.memo))


async def shown(handle: WorkflowHandle[Any, Any], client: Client) -> Shown:
    """Read the latest execution of a workflow id."""
    described = await handle.describe()
    current = client.get_workflow_handle(handle.id, run_id=described.run_id)
    metadata: WorkflowMetadata = await current.query(METADATA_QUERY, result_type=WorkflowMetadata)
    history = await current.fetch_history()
    raw = [event.user_metadata.summary for event in history.events if event.user_metadata.HasField("summary")]
    found = described.typed_search_attributes
    return Shown(
        attributes={pair.key.name: pair.value for pair in found if pair.key.name in SEARCH_ATTRIBUTES},
        summary=await described.static_summary(),
        details=metadata.current_details,
        summaries=[(await client.data_converter.decode([payload], [str]))[0] for payload in raw],
        memo=dict(await described.memo()),
    )


async def found_by(client: Client, query: str) -> set[str]:
    """The workflow ids that a visibility query finds now."""
    return {execution.id async for execution in client.list_workflows(query)}
