"""Attempts of a run: whether a failed step is tried again, when, and what has to be put in order before.

What has been completed stays completed. The failed step goes on under the same visit number, so that what it calls
sees the same idempotency key; what was parked inside it begins anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow

from definitions.contract import timestamp
from definitions.model import RetryPolicy
from worker.attributes import short
from worker.state import RunState
from worker.steps.base import StepFailed

#: Failures that another attempt cannot mend: the time for the event is over, or the definition and its data are wrong.
FINAL_CODES = frozenset(
    {
        "wait-timeout",
        "expression-failed",
        "route-unknown",
        "event-name-invalid",
        "transition-invalid",
        "state-too-large",
        "duration-invalid",
        "items-invalid",
        "key-invalid",
        "correlation-key-invalid",
        "value-invalid",
        "conflict",
        "code-invalid",
        "too-many-steps",
        "unsupported",
    }
)


def pause_after(policy: RetryPolicy, attempt: int) -> float:
    """Seconds between the given attempt (1 is the first) and the next: exponential, up to the policy's maximum."""
    longest = max(policy.maximum_interval, policy.initial_interval)
    pause = policy.initial_interval
    for _ in range(attempt - 1):
        if pause >= longest:
            break
        pause *= policy.backoff_coefficient
    return min(pause, longest)


def prepare_next(state: RunState, policy: RetryPolicy, code: str, now: datetime) -> bool:
    """After a failure: make the state that of the pause before the next attempt; False if there is to be none."""
    if state.attempts >= policy.maximum_attempts or code in FINAL_CODES:
        return False
    state.retry_at = timestamp(now + timedelta(seconds=pause_after(policy, state.attempts)))
    state.frame.prepare_resume()
    return True


async def run_attempts(
    state: RunState, policy: RetryPolicy, block: Callable[[], Awaitable[object]], changed: Callable[[], None]
) -> object:
    """Run the root block until it ends, or fails for the last time. Parked, and safe to leave, while it pauses."""
    while True:
        if state.retry_at is not None:
            await sleep_until(state.retry_at, f"attempt {state.attempts + 1} of {policy.maximum_attempts}")
            state.attempts, state.retry_at = state.attempts + 1, None
        try:
            return await block()
        except StepFailed as error:
            if not prepare_next(state, policy, error.code, workflow.now()):
                raise
            changed()


async def sleep_until(moment: str, summary: str) -> None:
    """Sleep until a timestamp; not at all if it has passed."""
    remaining = datetime.fromisoformat(moment.replace("Z", "+00:00")) - workflow.now()
    if remaining > timedelta():
        await workflow.sleep(remaining, summary=short(f"{summary} at {moment}"))
