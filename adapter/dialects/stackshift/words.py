"""The vendor's words and ours: tables only."""

from __future__ import annotations

from definitions.contract import RunStatus, StepStatus

DIALECT = "stackshift"

#: A run that is open and waits for an event is `waiting`, whatever this table says.
STATUS: dict[RunStatus, str] = {
    "scheduled": "scheduled",
    "pending": "queued",
    "running": "running",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}
WAITING = "waiting"
#: Word asked for -> our status, and whether the run is to wait for an event (None: either).
STATUS_ASKED: dict[str, tuple[RunStatus, bool | None]] = {
    "queued": ("pending", None),
    "scheduled": ("scheduled", None),
    "running": ("running", False),
    "waiting": ("running", True),
    "completed": ("succeeded", None),
    "failed": ("failed", None),
    "cancelled": ("cancelled", None),
}

#: What a record of a step, or of an event, is called in a timeline.
STEP_TYPE: dict[StepStatus, str] = {
    "success": "step.completed",
    "failure": "step.failed",
    "incomplete": "step.waiting",
}
EVENT_TYPE = "event.received"
#: What a run's end is called in its timeline.
END_TYPE: dict[RunStatus, str] = {
    "succeeded": "run.completed",
    "failed": "run.failed",
    "cancelled": "run.cancelled",
}

#: Every permission that a route here asks for.
JOB_WRITE, JOB_READ = "job:write", "job:read"
RUN_START, RUN_READ, RUN_CANCEL = "run:start", "run:read", "run:cancel"
EVENT_SEND = "event:send"
PERMISSIONS = (JOB_WRITE, JOB_READ, RUN_START, RUN_READ, RUN_CANCEL, EVENT_SEND)
