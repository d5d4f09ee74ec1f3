"""The vendor's words and ours: tables only."""

from __future__ import annotations

from definitions.contract import RunStatus, StepStatus

DIALECT = "compozy"

#: An execution that is open is `PAUSED` while it waits for a signal, or was paused, whatever this table says.
STATUS: dict[RunStatus, str] = {
    "scheduled": "PENDING",
    "pending": "PENDING",
    "running": "RUNNING",
    "succeeded": "SUCCESS",
    "failed": "FAILED",
    "cancelled": "CANCELED",
}
PAUSED, WAITING, RUNNING, CANCELED = "PAUSED", "WAITING", "RUNNING", "CANCELED"
TASK_STATUS: dict[StepStatus, str] = {"success": "SUCCESS", "failure": "FAILED", "incomplete": "RUNNING"}
#: Type of a task -> how it is executed, where the two words differ.
EXECUTION_TYPE = {"signal": "basic", "aggregate": "basic", "memory": "basic"}

#: HTTP status -> code of an error of the first shape; everything else is INTERNAL_ERROR.
ERROR_CODE = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    408: "REQUEST_TIMEOUT",
    409: "CONFLICT",
}
INTERNAL_ERROR = "INTERNAL_ERROR"
#: HTTP status -> word of a webhook's error.
HOOK_ERROR = {
    400: "bad_request",
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    405: "bad_request",
    408: "bad_request",
    409: "duplicate",
    413: "bad_request",
    422: "unprocessable_entity",
}
HOOK_INTERNAL = "internal"

#: Every permission that a route here asks for.
WORKFLOW_READ, WORKFLOW_WRITE = "workflow:read", "workflow:write"
EXECUTION_START, EXECUTION_READ, EXECUTION_CONTROL = "execution:start", "execution:read", "execution:control"
SIGNAL_SEND, EVENT_SEND = "signal:send", "event:send"
PERMISSIONS = (
    WORKFLOW_READ,
    WORKFLOW_WRITE,
    EXECUTION_START,
    EXECUTION_READ,
    EXECUTION_CONTROL,
    SIGNAL_SEND,
    EVENT_SEND,
)
