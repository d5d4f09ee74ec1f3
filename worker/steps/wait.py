"""`wait`: park until events have come or the deadline passes; the wait machine decides, this file connects it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from definitions.contract import Event, timestamp
from definitions.errors import PayloadInvalid
from definitions.model import NAME_LIMIT, WaitStep
from definitions.schemas import first_error
from worker.attributes import short
from worker.steps import correlated
from worker.steps.base import Done, RunEnded, StepFailed, Visit
from worker.steps.processed import accepted, event_view, wanted
from worker.steps.sleep import seconds
from worker.waits import Accepts, Check, OpenWait

#: Work of one check of a payload: it is done while the run handles a message, for which it has two seconds at most.
CHECK_WORK = 30_000
#: The code of a deadline that has passed.
TIMEOUT = "wait-timeout"


async def run(visit: Visit, step: WaitStep) -> Done:
    wait = visit.run.waits.open(_open_wait(visit, step), *_rules(visit, step))
    visit.frame.memory["parked"] = True
    try:
        done = await _outcome(visit, step, wait)
    except (StepFailed, RunEnded, asyncio.CancelledError) as error:
        spent = isinstance(error, StepFailed) and visit.frame.memory.get("spent", False)
        visit.run.waits.close(wait.id, used=spent)
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
        lambda event: wanted(visit, step, event),
        lambda events, complete: _check(visit, step, events, complete),
    )


async def _tell(visit: Visit, wait: OpenWait) -> None:
    """Make known that it waits no more. If it is satisfied, it holds its events until its visit is sure to use them."""
    visit.run.released(wait)
    if wait.id in visit.frame.memory.get("registered", []):
        await correlated.withdraw(visit, wait, visit.frame.memory["key"])


async def _outcome(visit: Visit, step: WaitStep, wait: OpenWait) -> Done:
    while True:
        if not wait.decided:
            visit.run.parked(visit, wait)
            await _register(visit, step, wait)
            await _until_satisfied(visit, wait)
        if wait.broken is not None:
            raise StepFailed("event-invalid", wait.broken)
        if not wait.satisfied:
            return _expired(visit, step, wait)
        if await accepted(visit, step, wait):
            return Done(_output(visit, step, wait))
        _go_on(visit, wait)


def _go_on(visit: Visit, wait: OpenWait) -> None:
    """What has come was not it: wait for the next one. A mailbox has dropped a wait that it gave an event to, or that
    refused one while this one was looked at."""
    visit.frame.memory.get("registered", []).clear()
    visit.frame.memory["round"] = visit.frame.memory.get("round", 0) + 1
    visit.run.waits.reopen(wait)
    visit.run.changed()


async def _register(visit: Visit, step: WaitStep, wait: OpenWait) -> None:
    if step.correlation is not None:
        await correlated.register(visit, wait, visit.frame.memory["key"])


def _events(visit: Visit, step: WaitStep) -> list[str]:
    """The names that are waited for, computed once. Raises StepFailed for anything but text."""
    if step.events_from is None:
        return list(step.events)
    memory = visit.frame.memory
    if "events" not in memory:
        given = visit.evaluate(step.events_from)
        names = given if isinstance(given, list) else [given]
        if not names or not all(isinstance(name, str) and 1 <= len(name) <= NAME_LIMIT for name in names):
            raise StepFailed("event-name-invalid", f"an event's name is text of up to {NAME_LIMIT} characters")
        memory["events"] = list(dict.fromkeys(names))
    return list(memory["events"])


def _open_wait(visit: Visit, step: WaitStep) -> OpenWait:
    deadline, memory, events = step.deadline, visit.frame.memory, _events(visit, step)
    need = {"all": len(events), "any": 1}.get(str(step.need)) or int(step.need)
    if step.correlation is not None and "key" not in memory:
        memory["key"] = correlated.correlation_key(step.correlation.key, visit)
    return OpenWait(
        id=visit.id,
        step=visit.step,
        visit=visit.number,
        events=events,
        need=min(need, len(events)),
        since=timestamp(visit.run.now()),
        deadline=timestamp(visit.run.now() + timedelta(seconds=seconds(deadline.after, visit))) if deadline else None,
        on_deadline=_on_deadline(step),
        next=visit.next,
        on_reject=step.on_reject,
        key=None if step.correlation is None else [memory["key"]],
    )


def _on_deadline(step: WaitStep) -> str | None:
    if step.deadline is None:
        return None
    target = step.deadline.step
    if step.deadline.then == "fail":
        target = step.on_errors.get(TIMEOUT, step.on_error)
    return f"go to {target}" if target else step.deadline.then


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
        raise StepFailed(TIMEOUT, f"the deadline of the wait for {names} passed at {wait.deadline}")
    if step.deadline.then == "cancel":
        raise RunEnded("cancelled", message=f"the deadline of the wait for {names} passed at {wait.deadline}")
    late = {"timedOut": True, "events": list(wait.events)}
    make = _ONE.get(step.output)
    return Done(make(visit, wait, None) if make else late, goto=step.deadline.step)


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
    make = _ONE.get(step.output)
    return make(visit, wait, wait.received[0]) if make else _combined(step, wait.received)


def _one(visit: Visit, wait: OpenWait, event: Event | None) -> dict[str, Any]:
    """The output `event`: of the event that came, or, if none did, of the one waited for."""
    return {
        "event": event.name if event else wait.events[0],
        "correlationKey": visit.frame.memory.get("key"),
        "payload": event.payload if event else None,
        "timedOut": event is None,
    }


def _message(visit: Visit, wait: OpenWait, event: Event | None) -> dict[str, Any]:
    """The output `message`: the event as a filter sees it, and what has been made of it."""
    return {
        "event": event_view(event) if event else None,
        "processed": visit.frame.memory.get("processed"),
        "timedOut": event is None,
    }


#: Outputs that are of one event, or of none once the deadline has passed.
_ONE: dict[str, Callable[[Visit, OpenWait, Event | None], dict[str, Any]]] = {"event": _one, "message": _message}


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
