"""`store`: one operation on a value that all runs of the organisation share; a repeated attempt counts once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from definitions.contract import USE_STORE, UseStore, timestamp
from definitions.expressions import ABSENT
from definitions.model import StoreStep
from worker.steps.base import Done, StepFailed, Visit
from worker.steps.own_activity import perform, text
from worker.steps.sleep import seconds

KEY_LENGTH = 256


async def run(visit: Visit, step: StoreStep) -> Done:
    facts = visit.run.facts
    request = UseStore(
        organisation=facts.organisation,
        dialect=facts.dialect,
        operation=step.operation,
        key=text(step.key, visit, "the key of a value", KEY_LENGTH),
        id=visit.call_context().idempotency_key,
        value=_value(visit, step),
        expires_at=_expires_at(visit, step),
    )
    result = await perform(visit, USE_STORE, request, None, step.operation)
    return Done(result, has_output=step.operation in ("get", "increment"))


def _value(visit: Visit, step: StoreStep) -> Any:
    value = ABSENT if step.value is None else visit.evaluate(step.value)
    if value is not ABSENT:
        return value
    if step.operation == "set" or step.value is not None:
        raise StepFailed("value-invalid", f"there is no value to {step.operation}")
    return None


def _expires_at(visit: Visit, step: StoreStep) -> str | None:
    if step.expires_after is None:
        return None
    return timestamp(visit.run.now() + timedelta(seconds=seconds(step.expires_after, visit)))
