"""A run as Temporal describes it, in our words."""

from __future__ import annotations

from datetime import datetime, timezone

from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.converter import value_to_type

from definitions import contract
from definitions.contract import RunFacts, RunStatus
from definitions.errors import NotFound
from worker import attributes
from worker.views import RunDescription

#: Temporal's status of an execution -> ours. Continued-as-new is never the latest execution of an id.
STATUS: dict[WorkflowExecutionStatus, RunStatus] = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.CONTINUED_AS_NEW: "running",
    WorkflowExecutionStatus.COMPLETED: "succeeded",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.TIMED_OUT: "failed",
    WorkflowExecutionStatus.CANCELED: "cancelled",
    WorkflowExecutionStatus.TERMINATED: "cancelled",
}


async def described(found: WorkflowExecutionDescription) -> RunDescription:
    """A description of ours from one of Temporal's. Raises NotFound for an execution that is no run of ours."""
    memo = (await found.memo()).get(contract.MEMO)
    if found.workflow_type != contract.RUN_WORKFLOW or not isinstance(memo, dict):
        raise NotFound("no such run")
    facts: RunFacts = value_to_type(RunFacts, memo)
    status = status_at(found.status, facts, _moment(found))
    if status == "running" and _untouched(found):
        status = "pending"
    return RunDescription(
        workflow_id=found.id,
        temporal_run_id=found.run_id,
        status=status,
        facts=facts,
        started_at=found.start_time,
        updated_at=_updated_at(found),
        closed_at=found.close_time,
        waiting_since=found.typed_search_attributes.get(attributes.WAIT_SINCE),
    )


def status_at(status: WorkflowExecutionStatus | None, facts: RunFacts, now: datetime) -> RunStatus:
    """A run's status, `scheduled` included; not `pending`, which only a description tells from `running`."""
    known = STATUS[status or WorkflowExecutionStatus.RUNNING]
    return "scheduled" if known == "running" and (facts.start_at or "") > contract.timestamp(now) else known


def _moment(found: WorkflowExecutionDescription) -> datetime:
    """Now, by the run's own clock: Temporal can be told to skip a run's time."""
    extended = found.raw_description.workflow_extended_info
    if "time_skipping_info" in extended.DESCRIPTOR.fields_by_name and extended.HasField("time_skipping_info"):
        return extended.time_skipping_info.current_time.ToDatetime(tzinfo=timezone.utc)
    return datetime.now(timezone.utc)


def _untouched(found: WorkflowExecutionDescription) -> bool:
    """No worker has done a task of it yet, whatever messages have come; and it continues no other."""
    info = found.raw_description.workflow_execution_info
    done = bool(info.auto_reset_points.points) or info.HasField("most_recent_worker_version_stamp")
    return not done and info.first_run_id in ("", found.run_id)


def _updated_at(found: WorkflowExecutionDescription) -> datetime:
    moments = [found.start_time, found.close_time, found.typed_search_attributes.get(attributes.WAIT_SINCE)]
    for activity in found.raw_description.pending_activities:
        if activity.HasField("last_started_time"):
            moments.append(activity.last_started_time.ToDatetime(tzinfo=timezone.utc))
    return max(moment for moment in moments if moment is not None)
