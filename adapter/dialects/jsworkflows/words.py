"""The vendor's words and ours: tables only."""

from __future__ import annotations

from definitions.contract import RunStatus, StepStatus

DIALECT = "jsworkflows"

#: A run that is open, has nothing at work and waits for a link is `waiting`, whatever this table says.
STATUS: dict[RunStatus, str] = {
    "scheduled": "running",
    "pending": "running",
    "running": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "failed",
}
WAITING = "waiting"
#: Word asked for -> our status, another that counts too, whether the run is to wait for an event (None: either).
STATUS_ASKED: dict[str, tuple[RunStatus, RunStatus | None, bool | None]] = {
    "running": ("running", None, False),
    "waiting": ("running", None, True),
    "completed": ("succeeded", None, None),
    "failed": ("failed", "cancelled", None),
}
STEP_STATUS: dict[StepStatus, str] = {"success": "completed", "failure": "failed", "incomplete": "waiting"}

#: Tags of a workflow: it is active; which of its trigger URLs is in force (with a number behind it).
ACTIVE, TRIGGER = "active", "trigger."
#: The label of runs that only try a workflow.
TEST = "test"

#: Every permission that a route here asks for.
WORKFLOW_WRITE, WORKFLOW_READ, SECRET_WRITE = "workflow:write", "workflow:read", "secret:write"
RUN_START, RUN_READ = "run:start", "run:read"
PERMISSIONS = (WORKFLOW_WRITE, WORKFLOW_READ, SECRET_WRITE, RUN_START, RUN_READ)
