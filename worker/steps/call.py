"""`call`: run an executor as a Temporal activity, with the step's retry policy and timeout."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from definitions.contract import WORKER_STOPPING, Call
from definitions.model import CallStep
from worker.attributes import short
from worker.state import size
from worker.steps.base import Done, StepFailed, Visit, raise_if_stopped

#: A worker that dies in mid-call is noticed after this; executors heartbeat well within it.
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
#: A lost worker is not the step's failure, so it uses up no attempt; but a call that kills every worker has to end.
LOST_WORKERS_LIMIT = 10


async def run(visit: Visit, step: CallStep) -> Done:
    has_input = visit.has_input and step.config_from != "input"
    argument = Call(
        config=_config(visit, step),
        context=visit.call_context(),
        has_input=has_input,
        input=visit.input if has_input else None,
        secrets=step.secrets,
    )
    attempts = step.retry.maximum_attempts
    for _ in range(LOST_WORKERS_LIMIT):
        try:
            await visit.run.turn_to_call()
            with visit.run.working():
                await visit.run.pace.room(size(argument.input) + size(argument.config))
                output = await _activity(visit, step, argument, attempts)
            return Done(output, has_output=output is not None)
        except ActivityError as error:
            raise_if_stopped(error)
            used = _used_when_lost(error.cause)
            if used is None:
                raise _failed(error) from error
            attempts = max(1, attempts - used)
    raise StepFailed("worker-lost", f"{LOST_WORKERS_LIMIT} workers in a row were lost during this call")


def _config(visit: Visit, step: CallStep) -> dict[str, Any]:
    """The executor's config, computed if need be. What it is computed from does not change while the visit lasts."""
    if step.config_from is None:
        return step.config
    config = visit.input if step.config_from == "input" else visit.evaluate(step.config_from)
    if not isinstance(config, dict):
        raise StepFailed("config-invalid", "the config that is computed must be an object")
    return config


def _used_when_lost(cause: BaseException | None) -> int | None:
    """How many attempts had failed before the one whose worker was lost or stopped; None if that was not the end."""
    if isinstance(cause, TimeoutError) and cause.type == TimeoutType.HEARTBEAT:
        details = cause.last_heartbeat_details
    elif isinstance(cause, ApplicationError) and cause.type == WORKER_STOPPING:
        details = cause.details
    else:
        return None
    return details[0] - 1 if details and isinstance(details[0], int) else 0


async def _activity(visit: Visit, step: CallStep, argument: Call, attempts: int) -> object:
    retry = step.retry
    return await workflow.execute_activity(
        step.executor,
        argument,
        start_to_close_timeout=timedelta(seconds=step.timeout),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=RetryPolicy(
            maximum_attempts=attempts,
            initial_interval=timedelta(seconds=retry.initial_interval),
            backoff_coefficient=retry.backoff_coefficient,
            maximum_interval=timedelta(seconds=max(retry.maximum_interval, retry.initial_interval)),
            # Repeated here, as it uses up none of the attempts.
            non_retryable_error_types=["TemporalTimeout:Heartbeat"],
        ),
        summary=short(visit.step),
    )


def _failed(error: ActivityError) -> StepFailed:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return StepFailed(cause.type or "call-failed", cause.message)
    if isinstance(cause, TimeoutError):
        return StepFailed("call-timeout", "the call did not end within its timeout")
    return StepFailed("call-failed", str(cause or error))
