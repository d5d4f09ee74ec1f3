"""The vendor's words and ours: tables only."""

from __future__ import annotations

from definitions.contract import RunStatus, StepStatus

DIALECT = "justworkflowit"

STATUS: dict[RunStatus, str] = {
    "pending": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "cancelled": "CANCELLED",
}
STATUS_ASKED: dict[str, RunStatus] = {word: status for status, word in STATUS.items()}
#: jobHierarchy -> whether a child is asked for; None: both.
HIERARCHY: dict[str, bool | None] = {"ALL": None, "TOP_LEVEL_ONLY": False, "CHILD_JOBS_ONLY": True}
STEP_STATUS: dict[StepStatus, str] = {
    "success": "success",
    "failure": "failure",
    "incomplete": "successful_but_incomplete",
}
SOURCE = {"engine": "engine", "event": "external"}

#: Where a job's data holds its input.
INPUT = "workflowInput"
#: The executor type that events are recorded under.
WAIT_TYPE = "/justworkflowit/waitForEventIds"
#: What a tag may look like; `$LIVE` is one of them.
TAG = r"^\$[A-Z_]+$"

#: Every permission that an operation here asks for; a token may be granted these.
PERMISSIONS = (
    "workflow:create",
    "workflow:read",
    "workflow:version:create",
    "workflow:version:read",
    "job:submit",
    "job:read",
    "job:list",
    "job:cancel",
    "job:event:send",
    "apitoken:create",
)
