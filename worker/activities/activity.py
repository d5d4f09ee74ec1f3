"""Executors as Temporal activities: what all of them have in common, around what is special to each."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from jsonschema import Draft202012Validator
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, FailureError

from definitions.contract import WORKER_STOPPING, Call
from definitions.errors import NotFound, TidegateError
from worker.activities import load_executors
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed, of_error
from worker.activities.redact import Redactor

#: Well within the interpreter's heartbeat timeout of 10 s, after which a worker counts as lost.
HEARTBEAT_SECONDS = 3.0
#: Bytes of a result as JSON: Temporal takes 2 MB in one message, and a run carries its results along.
MAX_RESULT = 1_000_000


def build_activities(
    tools: Tools, executors: Mapping[str, Executor] | None = None, *, heartbeat_seconds: float = HEARTBEAT_SECONDS
) -> list[Callable[..., Any]]:
    """One activity per executor (all installed ones by default), of the same name. Raises ExecutorError."""
    found = load_executors() if executors is None else executors
    return [_activity(name, executor, tools, heartbeat_seconds) for name, executor in found.items()]


def _activity(name: str, executor: Executor, tools: Tools, heartbeat_seconds: float) -> Callable[..., Any]:
    validator = None if executor.config_schema is None else Draft202012Validator(executor.config_schema)

    @activity.defn(name=name)
    async def run(call: Call) -> Any:
        # Left out of what travels: every activity knows it.
        call.context.workflow_id = call.context.workflow_id or activity.info().workflow_id or ""
        try:
            async with _heartbeats(heartbeat_seconds):
                return await _guarded(executor, validator, call, tools)
        except asyncio.CancelledError:
            if activity.is_worker_shutdown():
                raise _stopping() from None
            raise

    return run


def _stopping() -> ApplicationError:
    """Not a failure of the call: the interpreter has it done again, by another worker."""
    return ApplicationError(
        "the worker is being stopped",
        activity.info().attempt,
        type=WORKER_STOPPING,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


@asynccontextmanager
async def _heartbeats(seconds: float) -> AsyncIterator[None]:
    """Heartbeats that carry the number of the attempt, so that one whose worker is lost is not counted."""
    attempt = activity.info().attempt
    if attempt > 1:
        activity.heartbeat(attempt)

    async def beat() -> None:
        while True:
            await asyncio.sleep(seconds)
            activity.heartbeat(attempt)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        # Not awaited: a cancellation of the call that comes in that moment would be taken for the task's own.
        task.cancel()


async def _guarded(executor: Executor, validator: Draft202012Validator | None, call: Call, tools: Tools) -> Any:
    """Run a call; whatever leaves, a result or a failure, carries no secret's value and no foreign cause."""
    redactor = Redactor(())
    try:
        _check_config(validator, call.config)
        secrets = await opened(call.context.organisation, call.secrets, tools)
        redactor = Redactor(secrets.values())
        result = redactor.value(await executor.run(call, tools.with_secrets(secrets)))
        _check_result(result)
        return result
    except Exception as error:
        failure = _failure(error, redactor)
    raise failure


def _check_config(validator: Draft202012Validator | None, config: dict[str, Any]) -> None:
    problem = None if validator is None else next(iter(validator.iter_errors(config)), None)
    if problem is not None:
        raise call_failed("config-invalid", f"config {problem.json_path}: {problem.message}")


async def opened(organisation: str, secrets: Mapping[str, str], tools: Tools) -> dict[str, str]:
    """Slot -> value of the organisation's secrets that are named. Raises ApplicationError, TidegateError."""
    values = {}
    for slot, name in secrets.items():
        try:
            sealed = await tools.secret(organisation, name)
        except NotFound:
            raise call_failed("secret-not-found", f"the organisation has no secret {name!r}") from None
        values[slot] = tools.box.open(organisation, name, sealed)
    return values


def _check_result(result: Any) -> None:
    try:
        size = len(json.dumps(result, allow_nan=False, separators=(",", ":")))
    except (TypeError, ValueError, RecursionError):
        raise call_failed("result-invalid", "the executor returned what is no JSON value") from None
    if size > MAX_RESULT:
        raise call_failed("result-too-large", f"the result has {size} bytes; at most {MAX_RESULT} are kept")


def _failure(error: Exception, redactor: Redactor) -> FailureError:
    if isinstance(error, TidegateError):
        error = of_error(error)
    if isinstance(error, ApplicationError):
        return _redacted(error, redactor)
    # A fault in an executor: the operator needs the place, the run only the reason.
    trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    activity.logger.error("the executor failed unexpectedly:\n%s", redactor.text(trace))
    return call_failed("executor-failed", redactor.text(f"{type(error).__name__}: {error}"))


def _redacted(error: ApplicationError, redactor: Redactor) -> ApplicationError:
    return ApplicationError(
        redactor.text(error.message),
        *redactor.value(list(error.details)),
        type=error.type or "executor-failed",
        non_retryable=error.non_retryable,
        next_retry_delay=error.next_retry_delay,
        category=error.category,
    )
