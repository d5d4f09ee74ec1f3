"""Waits for events that are sent by name and key: registered with a mailbox each, withdrawn if they end otherwise."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import CancelledError, FailureError

from definitions.contract import REGISTER_WAIT, WITHDRAW_WAIT, MailboxAddress, RegisterWait, Waiter
from definitions.ids import run_workflow_id
from definitions.model import Expression
from worker.steps.base import StepFailed, Visit
from worker.waits import OpenWait

#: Characters of a correlation key.
KEY_LIMIT = 1_000
ATTEMPT = timedelta(seconds=5)
#: A withdrawal only spares a vain question later: it is not worth more than this.
WITHDRAWAL = timedelta(seconds=2)


def correlation_key(key: Expression | None, visit: Visit) -> str | None:
    """A wait's or event's key, computed. Raises StepFailed for anything but text; no expression is no key."""
    if key is None:
        return None
    value = visit.evaluate(key, **{"$input": visit.input})
    if not isinstance(value, str) or len(value) > KEY_LIMIT:
        what = f"text of {len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise StepFailed("correlation-key-invalid", f"a correlation key is text of up to {KEY_LIMIT}, not {what}")
    return value


async def register(visit: Visit, wait: OpenWait, key: str | None) -> None:
    """Register an open wait for each of its events, once; returns when that is durable. Waits for no other worker."""
    registered = visit.frame.memory.setdefault("registered", [])
    if wait.id in registered:
        return
    registered.append(wait.id)
    with visit.run.working():
        await asyncio.gather(*(_register(visit, wait, name, key) for name in wait.events))


async def _register(visit: Visit, wait: OpenWait, name: str, key: str | None) -> None:
    await workflow.execute_local_activity(
        REGISTER_WAIT,
        _registration(visit, wait, name, key),
        start_to_close_timeout=ATTEMPT,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)),
        summary="register the wait",
    )


async def withdraw(visit: Visit, wait: OpenWait, key: str | None) -> None:
    """Tell the mailboxes that the wait has ended, except the one whose event ended it. Never fails."""
    handed = {event.name for event in wait.received if event.wait == wait.id}
    names = [name for name in wait.events if name not in handed]
    # The wait is closed and its visit has not ended: continued from here, the run would wait for it once more.
    with visit.run.working():
        await asyncio.gather(*(_withdraw(visit, wait, name, key) for name in names))


async def _withdraw(visit: Visit, wait: OpenWait, name: str, key: str | None) -> None:
    try:
        await workflow.execute_local_activity(
            WITHDRAW_WAIT,
            _registration(visit, wait, name, key),
            schedule_to_close_timeout=WITHDRAWAL,
            retry_policy=RetryPolicy(maximum_attempts=1),
            summary="withdraw the wait",
        )
    except CancelledError:
        raise
    except FailureError:  # a local activity fails with its own error
        return


def _registration(visit: Visit, wait: OpenWait, name: str, key: str | None) -> RegisterWait:
    facts = visit.run.facts
    workflow_id = run_workflow_id(facts.dialect, facts.organisation, facts.run_id)
    return RegisterWait(
        MailboxAddress(facts.organisation, facts.dialect, name, key),
        Waiter(workflow_id, wait.id, wait.since, wait.deadline, visit.frame.memory.get("round", 0)),
    )
