"""`code`: run a handler in the sandbox, one new step of it at a time.

Every activity runs the handler from its top: what has ended gives its saved result, and the first new thing ends the
activity. So a step's result is in the run's history before the next step begins, and a wait parks the run.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType

from definitions.contract import RUN_CODE, CodeCall, CodeResult, timestamp
from definitions.model import CodeStep, Correlation, Deadline, Expression, WaitStep
from worker.attributes import short
from worker.state import Frame
from worker.steps import wait as waiting
from worker.steps.base import Done, RunEnded, StepFailed, Visit, raise_if_stopped
from worker.steps.call import HEARTBEAT_TIMEOUT, LOST_WORKERS_LIMIT

#: What one visit of a handler may do in all: new steps and waits.
STEPS_LIMIT = 1_000
#: Seconds that a call may wait for its turn on a busy worker, beyond the time that the code has.
TURN_SECONDS = 300.0
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=10))


async def run(visit: Visit, step: CodeStep) -> Done:
    memory = visit.frame.memory
    # What has ended stays so in every attempt of the run; what has failed is tried again in the next one.
    memory.setdefault("done", {})
    memory.setdefault("failed", {})
    while True:
        await visit.run.gate()
        if "wait" in memory:
            await _wait(visit, memory["wait"])
            continue
        entered_at = timestamp(visit.run.now())
        result = await _call(visit, step)
        if result.kind == "return":
            return Done(result.value, logs=result.logs)
        if result.kind == "threw":
            raise _threw(visit, result, entered_at)
        if len(memory["done"]) + len(memory["failed"]) >= STEPS_LIMIT:
            raise StepFailed("too-many-steps", f"a handler may have {STEPS_LIMIT} steps and waits")
        if result.kind == "wait":
            memory["wait"] = {"id": result.id, **(result.wait or {})}
        else:
            _step_ended(visit, result, entered_at)


async def _call(visit: Visit, step: CodeStep) -> CodeResult:
    """One activity: the handler from its top to what is new."""
    memory = visit.frame.memory
    argument = CodeCall(
        shim=step.shim,
        handler=step.handler,
        source=step.source,
        context=visit.call_context(),
        payload=visit.input,
        done=memory["done"],
        failed=memory["failed"],
        timeout=step.timeout,
    )
    for _ in range(LOST_WORKERS_LIMIT):
        try:
            with visit.run.working():
                result: CodeResult = await workflow.execute_activity(
                    RUN_CODE,
                    argument,
                    result_type=CodeResult,
                    start_to_close_timeout=timedelta(seconds=step.timeout + TURN_SECONDS),
                    heartbeat_timeout=HEARTBEAT_TIMEOUT,
                    retry_policy=RETRY,
                    summary=short(visit.step),
                )
            return result
        except ActivityError as error:
            raise_if_stopped(error)
            cause = error.cause
            if isinstance(cause, ApplicationError):
                raise StepFailed(cause.type or "code-failed", cause.message) from error
            if not (isinstance(cause, TimeoutError) and cause.type == TimeoutType.HEARTBEAT):
                raise StepFailed("code-failed", str(cause or error)) from error
    raise StepFailed("worker-lost", f"{LOST_WORKERS_LIMIT} workers in a row were lost while they ran this code")


def _step_ended(visit: Visit, result: CodeResult, entered_at: str) -> None:
    memory, name = visit.frame.memory, str(result.id)
    inner = _inner(visit, name, entered_at)
    if result.error is not None:
        memory["failed"][name] = result.error if result.value is None else result.value
        visit.run.keep({name: memory["failed"][name]})
        visit.run.recorded(inner, None, StepFailed(result.code or "step-failed", result.error, result.logs))
        return
    memory["done"][name] = result.value
    visit.run.keep({name: result.value})
    visit.run.recorded(inner, Done(result.value, logs=result.logs))


def _threw(visit: Visit, result: CodeResult, entered_at: str) -> StepFailed:
    message, logs = result.error or "the handler threw", result.logs
    if result.id is not None:
        failed = StepFailed(result.code or "handler-threw", message, logs)
        visit.run.recorded(_inner(visit, result.id, entered_at), None, failed)
        logs = []
    visit.frame.memory["failed"] = {}
    return StepFailed(result.code or "handler-threw", message, logs)


async def _wait(visit: Visit, asked: dict[str, Any]) -> None:
    """Park until the event has come, or its deadline has passed and the handler goes on with that."""
    frame, step = visit.frame, _wait_step(asked)
    name = f"{visit.name}/{step.events[0]}"
    inner = frame.frames.setdefault(name, Frame(cursor=name, turn=frame.turn))
    if not inner.entered:
        # A new wait, or one that begins anew after a failure.
        frame.visits[name] = frame.visits.get(name, 0) + 1
        inner.entered, inner.entered_at = True, timestamp(visit.run.now())
    inside = _waiting(visit, name, inner)
    try:
        done = await waiting.run(inside, step)
    except (StepFailed, RunEnded, asyncio.CancelledError) as error:
        del frame.memory["wait"]
        frame.frames.pop(name, None)
        if isinstance(error, StepFailed):
            visit.run.recorded(inside, None, error)
        raise
    del frame.memory["wait"]
    frame.frames.pop(name, None)
    # The key as the code gave it, however the event came: a raw signal carries none.
    output = {**done.output, "correlationKey": asked.get("key")}
    frame.memory["done"][asked["id"]] = output
    visit.run.keep({asked["id"]: output})
    visit.run.recorded(inside, Done(output))


def take_up(visit: Visit) -> None:
    """Give a wait of the handler that was carried over its rules."""
    asked = visit.frame.memory.get("wait")
    for name, inner in visit.frame.frames.items():
        if asked is not None and inner.entered:
            waiting.take_up(_waiting(visit, name, inner), _wait_step(asked))


def _waiting(visit: Visit, name: str, inner: Frame) -> Visit:
    """The visit of a wait inside the handler's."""
    frame, label = visit.frame, "step.waitForEvent"
    return Visit(visit.run, name, frame.visits[name], visit.path, inner, (*visit.outer, frame), label, visit.name)


def _wait_step(asked: dict[str, Any]) -> WaitStep:
    """The wait that the code asks for, which may have asked for anything."""
    key, timeout = asked.get("key"), asked.get("timeout")
    try:
        if not (isinstance(timeout, (int, float)) or timeout is None):
            raise ValueError("the timeout is no number")
        return WaitStep(
            events=[asked["event"]],
            output="event",
            deadline=None if timeout is None else Deadline(after=timeout, then=asked["onTimeout"]),
            correlation=Correlation(key=None if key is None else Expression(language="literal", source=key)),
        )
    except (KeyError, ValueError) as error:
        raise StepFailed("value-invalid", f"the code asks for a wait that is none: {error}") from None


def _inner(visit: Visit, name: str, entered_at: str) -> Visit:
    """A step of the handler, as a visit of its own for the records."""
    frame = Frame(cursor=None, entered_at=entered_at, turn=visit.frame.turn)
    return Visit(
        visit.run, f"{visit.name}/{name}", visit.number, visit.path, frame, visit.outer, "step.run", visit.name
    )
