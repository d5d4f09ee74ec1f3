"""The vendor's words and ours: tables only."""

from __future__ import annotations

from definitions.contract import RunStatus, StepStatus

DIALECT = "fastgen"

#: Our words, since the vendor documents none.
STATUS: dict[RunStatus, str] = {
    "scheduled": "running",
    "pending": "running",
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
STATUS_ASKED: dict[str, RunStatus] = {
    "running": "running",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "cancelled",
}
#: Status of an action. One that its run has not come to is `skipped` once the run has ended, and `waiting` before.
ACTION_STATUS: dict[StepStatus, str] = {"success": "executed", "failure": "failed", "incomplete": "running"}
SKIPPED, WAITING, RUNNING, CANCELLED = "skipped", "waiting", "running", "cancelled"
#: Of an action that leaves nothing but its record, once a run has more records than it keeps.
UNKNOWN = "unknown"

#: Tags of a definition, beside that of the version that is live: the version that was saved last; that it has been
#: switched on (while it is off, it has the language's own tag); that the draft, and what is live, says `active: false`.
DRAFT, ACTIVE, DRAFT_OFF, LIVE_OFF = "draft", "active", "draft-off", "live-off"
#: The label of runs that only try a draft.
DEBUG = "debug"

#: Every permission that a route here asks for. Workflows and routes have the same.
WORKFLOW_READ, WORKFLOW_WRITE, TOKEN_WRITE = "workflow:read", "workflow:write", "token:write"
EVENT_PUBLISH, RUN_START, RUN_READ, RUN_CONTROL = "event:publish", "run:start", "run:read", "run:control"
PERMISSIONS = (WORKFLOW_READ, WORKFLOW_WRITE, TOKEN_WRITE, EVENT_PUBLISH, RUN_START, RUN_READ, RUN_CONTROL)
