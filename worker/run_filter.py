"""A `RunQuery` as a query of Temporal's visibility, and as a test of one row.

The visibility query is the coarse half: it needs no custom search attribute, only ids, statuses and start times. Every
row is tested again, since ids carry hashes only, and an execution's start is not its run's creation: a run that was
continued or resumed has a later start.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from definitions.contract import RUN_WORKFLOW, RunStatus, timestamp
from definitions.errors import InputInvalid, TooLarge
from definitions.ids import is_child, prefix, run_id_prefix
from worker.attributes import WAIT_SINCE
from worker.views import RunDescription, RunQuery
from worker.visibility import quoted

#: Seconds by which the clock that stamped a creation and Temporal's may differ.
CLOCK_SKEW = timedelta(seconds=60)
#: Temporal refuses deeper conditions; each definition takes two.
MAX_DEFINITIONS = 200

OF_A_RUN = f"WorkflowType = {quoted(RUN_WORKFLOW)}"
#: One row per run: not those that a continue-as-new has left behind.
NOT_CONTINUED = "ExecutionStatus != 'ContinuedAsNew'"
_STATUS: dict[RunStatus, str] = {
    # By what it is not, since Temporal may learn more ways of being open.
    "running": "ExecutionStatus NOT IN ('Completed', 'Failed', 'Canceled', 'Terminated', 'ContinuedAsNew', 'TimedOut')",
    "succeeded": "ExecutionStatus = 'Completed'",
    "failed": "ExecutionStatus IN ('Failed', 'TimedOut')",
    "cancelled": "ExecutionStatus IN ('Canceled', 'Terminated')",
}


def matches_nothing(query: RunQuery) -> bool:
    """A run that no worker has taken up yet is listed as running; `pending` is seen only by describing it."""
    return query.status == "pending" or (query.definition_ids is not None and not query.definition_ids)


def visibility_query(query: RunQuery) -> str:
    """The conditions of a list. Raises TooLarge (too many definitions), InputInvalid (a version of no definition)."""
    conditions = [_ids(query, "run/"), OF_A_RUN, NOT_CONTINUED if query.status is None else _statuses(query)]
    if query.created_after is not None:
        conditions.append(f"StartTime >= {quoted(timestamp(query.created_after - CLOCK_SKEW))}")
    if query.waiting is not None:
        conditions.append(f"{WAIT_SINCE.name} IS {'NOT NULL' if query.waiting else 'NULL'}")
    return " AND ".join(conditions)


def _statuses(query: RunQuery) -> str:
    asked = [_status(status) for status in (query.status, query.or_status) if status is not None]
    return asked[0] if len(asked) == 1 else "(" + " OR ".join(f"({one})" for one in asked) + ")"


def _status(status: RunStatus) -> str:
    if status != "scheduled":
        return _STATUS[status]
    return f"{_STATUS['running']} AND ExecutionTime > {quoted(timestamp(datetime.now(timezone.utc)))}"


def claims_query(query: RunQuery) -> str:
    """The resumptions of runs that a list may show."""
    return f"{_ids(query, 'resume/')} AND WorkflowType = 'TidegateResume' AND ExecutionStatus = 'Completed'"


def _ids(query: RunQuery, kind: str) -> str:
    start = prefix(query.dialect, query.organisation) + kind
    if query.definition_ids is not None:
        return _any_prefix([start + head for head in _heads(query, query.definition_ids)])
    if query.version_number is not None:
        raise InputInvalid("a version number needs a definition")
    condition = f"WorkflowId STARTS_WITH {quoted(start)}"
    if query.child is None:
        return condition
    # The first bit of a run's id.
    return f"{condition} AND WorkflowId {'>=' if query.child else '<'} {quoted(start + '8')}"


def _heads(query: RunQuery, definition_ids: Sequence[str]) -> list[str]:
    if len(definition_ids) > MAX_DEFINITIONS:
        raise TooLarge(f"at most {MAX_DEFINITIONS} definitions in one list")
    children = [False, True] if query.child is None else [query.child]
    return [run_id_prefix(one, child, query.version_number) for one in definition_ids for child in children]


def _any_prefix(starts: list[str]) -> str:
    return "(" + " OR ".join(f"WorkflowId STARTS_WITH {quoted(start)}" for start in starts) + ")"


def matches(query: RunQuery, run: RunDescription, created_at: datetime) -> bool:
    """Whether a row is asked for: all conditions but those on its id's beginning."""
    return (
        (query.status is None or run.status in (query.status, query.or_status))
        and query.waiting in (None, run.waiting_since is not None)
        and (query.definition_ids is None or run.facts.definition_id in query.definition_ids)
        and query.version_number in (None, run.facts.version_number)
        and query.child in (None, is_child(run.facts.run_id))
        and (query.created_after is None or created_at >= query.created_after)
        and (query.created_before is None or created_at <= query.created_before)
    )
