"""Lists of runs, through visibility: newest first, one row per run across continue-as-new and resume.

Up to `EXACT_ROWS` matches a list is held as a whole, ordered by creation, with an exact total. Beyond, it is read by
windows of start times, since Temporal cannot order by creation: then a run that was continued or resumed stands where
its latest execution started, is found by `created_before` only if that started before, and resumptions beyond
`MAX_CLAIMS` are not taken off the total. Every page costs a bounded number of queries; no row costs one.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.client import Client, WorkflowExecution

from definitions.contract import timestamp
from worker.page_token import PageToken, read_token, write_token
from worker.rpc import RPC_SECONDS
from worker.run_filter import NOT_CONTINUED, OF_A_RUN, claims_query, matches, matches_nothing, visibility_query
from worker.run_rows import CHUNK, START_DELAY, Row, decoded, successors
from worker.run_windows import Windows
from worker.views import RunDescription, RunPage, RunQuery
from worker.visibility import collect, count, newest, one_of, quoted

EXACT_ROWS = 1_000
MAX_CLAIMS = 1_000
MAX_PAGE_SIZE = 1_000


async def list_runs(client: Client, query: RunQuery, *, seconds: float = RPC_SECONDS) -> RunPage:
    """One page of the runs that match; `page_size` is cut to 1 to 1,000, and a page may be shorter than that.

    Raises InputInvalid (page token; version without definition), TooLarge (too many definitions), Unavailable,
    Overloaded.
    """
    token = read_token(query)
    if matches_nothing(query):
        return RunPage()
    if query.parent_workflow_id is not None:
        children = await _children(client, query.parent_workflow_id, seconds)
        return _page(query, token, [row for row in children if matches(query, row.run, row.created_at)])
    conditions = visibility_query(query)
    total = await count(client, conditions, seconds=seconds)
    if total > EXACT_ROWS and query.created_before is not None:
        conditions += f" AND StartTime <= {quoted(timestamp(query.created_before + START_DELAY))}"
        total = await count(client, conditions, seconds=seconds)
    if total <= _most(token):
        return _page(query, token, await _whole(client, query, conditions, seconds))
    return await _window(client, query, conditions, token, total, seconds)


async def list_children(client: Client, workflow_id: str, *, seconds: float = RPC_SECONDS) -> list[RunDescription]:
    """The runs that a run started, oldest first; each as its latest execution is, which may be a resumption."""
    rows = await _children(client, workflow_id, seconds)
    return [row.run for row in sorted(rows, key=lambda row: row.created_key)]


def _most(token: PageToken | None) -> int:
    """How many matches are held as a whole. A list keeps the order it began with, though it grows meanwhile."""
    if token is None:
        return EXACT_ROWS
    return 2 * EXACT_ROWS if token.mode == "exact" else 0


def _page(query: RunQuery, token: PageToken | None, rows: Sequence[Row]) -> RunPage:
    ordered = sorted(rows, key=lambda row: row.created_key, reverse=True)
    rest = [row for row in ordered if token is None or row.created_key < token.key]
    size = _size(query)
    shown = rest[:size]
    following = PageToken("exact", *shown[-1].created_key) if len(rest) > size else None
    return RunPage(
        runs=[row.run for row in shown],
        next_page_token=write_token(query, following),
        total=len(rows),
    )


def _size(query: RunQuery) -> int:
    return max(1, min(query.page_size, MAX_PAGE_SIZE))


async def _whole(client: Client, query: RunQuery, conditions: str, seconds: float) -> list[Row]:
    executions = list(newest(await collect(client, conditions, seconds=seconds)).values())
    return await _current(client, query, executions, seconds)


async def _current(
    client: Client, query: RunQuery, executions: Sequence[WorkflowExecution], seconds: float
) -> list[Row]:
    superseded = await successors(client, executions, seconds=seconds)
    rows = await decoded(one for one in executions if one.id not in superseded)
    return [row for row in rows if matches(query, row.run, row.created_at)]


async def _children(client: Client, workflow_id: str, seconds: float) -> list[Row]:
    head = workflow_id.rpartition("run/")[0] + "run/"
    conditions = (
        f"ParentWorkflowId = {quoted(workflow_id)} AND WorkflowId STARTS_WITH {quoted(head)}"
        f" AND {OF_A_RUN} AND {NOT_CONTINUED}"
    )
    started = newest(await collect(client, conditions, seconds=seconds))
    # A resumed child has no parent any more that Temporal knows of.
    started.update(await successors(client, list(started.values()), seconds=seconds))
    return await decoded(started.values())


async def _window(
    client: Client, query: RunQuery, conditions: str, token: PageToken | None, total: int, seconds: float
) -> RunPage:
    async def current(executions: Sequence[WorkflowExecution]) -> list[Row]:
        return await _current(client, query, executions, seconds)

    windows = Windows(client, conditions, current, seconds)
    rows, following = await windows.page(token, _size(query), query.created_before)
    return RunPage(
        runs=[row.run for row in rows],
        next_page_token=write_token(query, following),
        total=total - await _superseded(client, query, conditions, seconds),
    )


async def _superseded(client: Client, query: RunQuery, conditions: str, seconds: float) -> int:
    """How many of the executions that match were resumed: their claims carry their Temporal run ids."""
    claims = await collect(client, claims_query(query), limit=MAX_CLAIMS, seconds=seconds)
    closed = [claim.id.rpartition("/")[2] for claim in claims]
    chunks = [closed[start : start + CHUNK] for start in range(0, len(closed), CHUNK)]
    return sum([await count(client, f"{conditions} AND RunId IN {one_of(chunk)}", seconds=seconds) for chunk in chunks])
