"""Activities of the interpreter's own, as steps run them: repeated until Temporal and the entities answer."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from definitions.expressions import ABSENT
from definitions.model import Expression
from worker.attributes import short
from worker.state import size
from worker.steps.base import StepFailed, Visit, raise_if_stopped

#: One attempt; a worker that dies in it is noticed after this.
ATTEMPT = timedelta(seconds=10)
#: For ever: it fails for good only by an answer that says so.
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


async def perform(
    visit: Visit,
    name: str,
    argument: Any,
    result_type: Any,
    what: str,
    *,
    attempt: timedelta = ATTEMPT,
    heartbeat: timedelta | None = None,
) -> Any:
    """The result of an activity. Raises StepFailed with the code of its answer."""
    try:
        await visit.run.turn_to_call()
        with visit.run.working():
            await visit.run.pace.room(size(asdict(argument)))
            return await workflow.execute_activity(
                name,
                argument,
                result_type=result_type,
                start_to_close_timeout=attempt,
                heartbeat_timeout=heartbeat,
                retry_policy=RETRY,
                summary=short(f"{visit.step}: {what}"),
            )
    except ActivityError as error:
        raise_if_stopped(error)
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise StepFailed(cause.type or "call-failed", cause.message) from error
        raise StepFailed("call-failed", str(cause or error)) from error


def text(expression: Expression, visit: Visit, what: str, longest: int) -> str:
    """A text that is computed, such as a key. Raises StepFailed (`key-invalid`), ExpressionError."""
    value = visit.evaluate(expression)
    if not isinstance(value, str):
        kind = "nothing" if value is ABSENT or value is None else type(value).__name__
        raise StepFailed("key-invalid", f"{what} must be a text, not {kind}")
    if not 1 <= len(value) <= longest:
        raise StepFailed("key-invalid", f"{what} must have 1 to {longest} characters")
    return value
