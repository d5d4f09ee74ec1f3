"""Queries of Temporal's visibility: literals that cannot break out of a query, and all rows of one."""

from __future__ import annotations

from collections.abc import Iterable

from temporalio.client import Client, WorkflowExecution

from definitions.errors import InputInvalid
from worker.rpc import RPC_SECONDS, bounded

#: Rows of one call: their memos must fit into one message.
PAGE_ROWS = 500


def quoted(text: str) -> str:
    """A string literal of the query language. Raises InputInvalid for text that no id can be."""
    if "\x00" in text or not text.isascii():
        raise InputInvalid("not an id")
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def one_of(texts: list[str]) -> str:
    """A list of string literals, for IN."""
    return "(" + ", ".join(quoted(text) for text in texts) + ")"


async def count(client: Client, query: str, *, seconds: float = RPC_SECONDS) -> int:
    """How many executions match."""
    return (await bounded(client.count_workflows(query), seconds=seconds)).count


async def collect(
    client: Client, query: str, *, limit: int | None = None, seconds: float = RPC_SECONDS
) -> list[WorkflowExecution]:
    """All executions that match, or the first `limit`; each page within `seconds`."""
    rows = client.list_workflows(query, page_size=min(PAGE_ROWS, limit or PAGE_ROWS), limit=limit)
    found: list[WorkflowExecution] = []
    while True:
        await bounded(rows.fetch_next_page(), seconds=seconds)
        found += rows.current_page or []
        if rows.next_page_token is None or (limit is not None and len(found) >= limit):
            return found[:limit]


def newest(executions: Iterable[WorkflowExecution]) -> dict[str, WorkflowExecution]:
    """The latest execution of each id."""
    latest: dict[str, WorkflowExecution] = {}
    for execution in executions:
        if execution.id not in latest or latest[execution.id].start_time < execution.start_time:
            latest[execution.id] = execution
    return latest
