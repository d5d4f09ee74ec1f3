"""Rows of visibility as runs: decoded, and one per run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from definitions.contract import MEMO, ParentRef, RunFacts, timestamp
from worker.attributes import WAIT_SINCE
from worker.described import status_at
from worker.run_filter import NOT_CONTINUED, OF_A_RUN
from worker.views import RunDescription
from worker.visibility import collect, newest, one_of, quoted

#: Ids in one query.
CHUNK = 200
#: A run starts this soon after its creation; an execution that starts later is a continuation or a resumption.
START_DELAY = timedelta(seconds=2)
_UNSUCCESSFUL = frozenset(
    {
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.TIMED_OUT,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TERMINATED,
    }
)
_FACTS = [field.name for field in fields(RunFacts)]
_PARENT = [field.name for field in fields(ParentRef)]
#: What lists work with, and of which type it must be.
_SHOWN: dict[str, type] = {"run_id": str, "definition_id": str, "version_number": int, "created_at": str}
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def microseconds(moment: datetime) -> int:
    """Since 1970; exact, where a float would round."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True)
class Row:
    """A run in a list."""

    run: RunDescription
    created_at: datetime

    @property
    def created_key(self) -> tuple[int, str]:
        """Its place in a list that is held as a whole."""
        return microseconds(self.created_at), self.run.workflow_id

    @property
    def start_key(self) -> tuple[int, str]:
        """Its place in a list that is read by start times: near its execution's start, and its creation if that is."""
        delay = self.run.started_at - self.created_at
        near = timedelta(0) <= delay <= START_DELAY
        return microseconds(self.created_at if near else self.run.started_at), self.run.workflow_id


def _facts(memo: Any) -> RunFacts:
    """Facts from their memo. By hand: the general converter reads the type hints anew for every row.

    Raises TypeError, AttributeError, KeyError for what is none.
    """
    known = {name: memo[name] for name in _FACTS if name in memo}
    if any(type(known[name]) is not kind for name, kind in _SHOWN.items()):
        raise TypeError("no facts of a run")
    parent = known.get("parent")
    if parent is not None:
        known["parent"] = ParentRef(**{name: parent[name] for name in _PARENT if name in parent})
    return RunFacts(**known)


async def decoded(executions: Iterable[WorkflowExecution]) -> list[Row]:
    """Those that are runs of ours; something else under such an id must not spoil a list."""
    rows: list[Row] = []
    now = datetime.now(timezone.utc)
    for execution in executions:
        try:
            facts = _facts(await execution.memo_value(MEMO))
            created_at = datetime.strptime(facts.created_at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError):
            continue
        run = RunDescription(
            workflow_id=execution.id,
            temporal_run_id=execution.run_id,
            status=status_at(execution.status, facts, now),
            facts=facts,
            started_at=execution.start_time,
            updated_at=execution.close_time or execution.start_time,
            closed_at=execution.close_time,
            waiting_since=execution.typed_search_attributes.get(WAIT_SINCE),
        )
        rows.append(Row(run, created_at))
    return rows


async def successors(
    client: Client, executions: Sequence[WorkflowExecution], *, seconds: float
) -> dict[str, WorkflowExecution]:
    """By id, the later execution of those that ended without success and were started again since."""
    ended = {one.id: one for one in executions if one.status in _UNSUCCESSFUL}
    ids = list(ended)
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]

    async def later(chunk: list[str]) -> list[WorkflowExecution]:
        since = quoted(timestamp(min(ended[one].start_time for one in chunk)))
        query = f"WorkflowId IN {one_of(chunk)} AND {OF_A_RUN} AND {NOT_CONTINUED} AND StartTime >= {since}"
        return await collect(client, query, seconds=seconds)

    found = newest(row for rows in await asyncio.gather(*map(later, chunks)) for row in rows)
    return {one: row for one, row in found.items() if row.start_time > ended[one].start_time}
