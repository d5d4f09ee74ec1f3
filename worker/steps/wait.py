"""`wait`: park until events have come or the deadline passes; the wait machine decides, this file connects it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from definitions.contract import Event, timestamp
from definitions.errors import PayloadInvalid
from definitions.model import WaitStep
from definitions.schemas import first_error
from worker.attributes import short
from worker.steps import correlated
from worker.steps.base import Done, RunEnded, StepFailed, Visit
from worker.steps.sleep import seconds
from worker.waits import Accepts, Check, OpenWait

#: Work of one check of a payload: it is done while the run handles a message, for which it has two seconds at most.
CHECK_WORK = 30_000


async def run(visit: Visit, step: WaitStep) -> Done:
    wait = visit.run.waits.open(_open_wait(visit, step), *_rules(visit, step))
    visit.frame.memory["parked"] = True
    try:
        done = await _outcome(visit, step, wait)
    except (StepFailed, RunEnded, asyncio.CancelledError):
        visit.run.waits.close(wait.id, used=False)
        await _tell(visit, wait)
        raise
    if not wait.satisfied:
        visit.run.waits.close(wait.id)
    try:
        await _tell(visit, wait)
    except asyncio.CancelledError:
        visit.run.waits.close(wait.id, used=False)
        raise
    visit.run.waits.close(wait.id)
    return done


def take_up(visit: Visit, step: WaitStep) -> None:
    """Give a wait that was carried over its rules: an event may come before its visit goes on."""
    if visit.run.waits.is_open(visit.id):
        visit.run.waits.govern(visit.id, *_rules(visit, step))


def _rules(visit: Visit, step: WaitStep) -> tuple[Accepts, Check]:
    return (
        lambda event: step.filter is None or bool(visit.evaluate(step.filter, event=_view(event))),
        lambda events, complete: _check(visit, step, events, complete),
    )


async def _tell(visit: Visit, wait: OpenWait) -> None:
    """Make known that it waits no more. If it is satisfied, it holds its events until its visit is sure to use them."""
    visit.run.released(wait)
    if wait.id in visit.frame.memory.get("registered", []):
        await correlated.withdraw(visit, wait, visit.frame.memory["key"])


async def _outcome(visit: Visit, step: WaitStep, wait: OpenWait) -> Done:
    if not wait.decided:
        visit.run.parked(visit, wait)
        await _register(visit, step, wait)
        await _until_satisfied(visit, wait)
    if wait.broken is not None:
        raise StepFailed("event-invalid", wait.broken)
    if wait.satisfied:
        return Done(_output(visit, step, wait))
    return _expired(visit, step, wait)


async def _register(visit: Visit, step: WaitStep, wait: OpenWait) -> None:
    if step.correlation is not None:
        await correlated.register(visit, wait, visit.frame.memory["key"])


def _open_wait(visit: Visit, step: WaitStep) -> OpenWait:
    need = {"all": len(step.events), "any": 1}.get(str(step.need)) or int(step.need)
    deadline, memory = step.deadline, visit.frame.memory
    if step.correlation is not None and "key" not in memory:
        memory["key"] = correlated.correlation_key(step.correlation.key, visit)
    return OpenWait(
        id=visit.id,
        step=visit.step,
        visit=visit.number,
        events=list(step.events),
        need=need,
        since=timestamp(visit.run.now()),
        deadline=timestamp(visit.run.now() + timedelta(seconds=seconds(deadline.after, visit))) if deadline else None,
        on_deadline=(f"go to {deadline.step}" if deadline.step else deadline.then) if deadline else None,
        next=visit.next,
        on_reject=step.on_reject,
        key=None if step.correlation is None else [memory["key"]],
    )


async def _until_satisfied(visit: Visit, wait: OpenWait) -> None:
    """Return when the wait is decided or its deadline has passed: one timer; the machine decides who was first."""
    remaining: timedelta | None = None
    if wait.deadline is not None:
        remaining = datetime.fromisoformat(wait.deadline.replace("Z", "+00:00")) - visit.run.now()
        if remaining <= timedelta():
            return
    summary = short(f"until {wait.deadline}: {', '.join(wait.events)}")
    try:
        await workflow.wait_condition(lambda: wait.decided, timeout=remaining, timeout_summary=summary)
    except asyncio.TimeoutError:
        return  # an event of the same turn counts: messages are applied before timers


def _expired(visit: Visit, step: WaitStep, wait: OpenWait) -> Done:
    assert step.deadline is not None
    names = ", ".join(wait.events)
    if step.deadline.then == "fail":
        raise StepFailed("wait-timeout", f"the deadline of the wait for {names} passed at {wait.deadline}")
    if step.deadline.then == "cancel":
        raise RunEnded("cancelled", message=f"the deadline of the wait for {names} passed at {wait.deadline}")
    late = {"timedOut": True, "events": list(wait.events)}
    return Done(_one(visit, wait, None) if step.output == "event" else late, goto=step.deadline.step)


def _view(event: Event) -> dict[str, Any]:
    return {"name": event.name, "payload": event.payload}


def _check(visit: Visit, step: WaitStep, events: list[Event], complete: bool) -> None:
    """Raise PayloadInvalid if the last event does not fit, or, once complete, all of them together."""
    rule, last = step.payload, events[-1]
    if last.has_payload and rule.object_only and not isinstance(last.payload, dict):
        raise PayloadInvalid("the payload must be an object")
    problem = _problem(visit, rule.schema_, last.payload) if last.has_payload else None
    if problem is None and complete and any(event.has_payload for event in events):
        problem = _problem(visit, rule.merged, _combined(step, events))
    if problem is not None:
        raise PayloadInvalid(problem[1], problem[0])


def _problem(visit: Visit, schema: dict[str, Any] | None, value: Any) -> tuple[str, str] | None:
    try:
        return None if schema is None else first_error(schema, value, CHECK_WORK, visit.run.definition.schemas)
    except ValueError as error:
        return "$", str(error)


def _output(visit: Visit, step: WaitStep, wait: OpenWait) -> Any:
    return _one(visit, wait, wait.received[0]) if step.output == "event" else _combined(step, wait.received)


def _one(visit: Visit, wait: OpenWait, event: Event | None) -> dict[str, Any]:
    """The output `event`: of the event that came, or, if none did, of the one waited for."""
    return {
        "event": event.name if event else wait.events[0],
        "correlationKey": visit.frame.memory.get("key"),
        "payload": event.payload if event else None,
        "timedOut": event is None,
    }


def _combined(step: WaitStep, received: list[Event]) -> Any:
    by_name = {event.name: event.payload for event in received}
    if step.output == "first":
        return received[0].payload
    if step.output == "events":
        return by_name
    merged: dict[str, Any] = {}
    for name in step.events:
        payload = by_name.get(name)
        merged.update(payload if isinstance(payload, dict) else {})
    return merged
