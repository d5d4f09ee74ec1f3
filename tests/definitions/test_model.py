"""The model refuses what Temporal would not take: a run could never begin such a step, and never get past it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from definitions.model import Definition

CALL = {"kind": "call", "executor": "http"}
CODE = {"kind": "code", "shim": "s", "handler": "h", "source": ""}


def definition(step: dict[str, Any], **top: Any) -> dict[str, Any]:
    return {"dialect": "native", "name": "n", "body": {"start": "a", "steps": {"a": step}}, **top}


@pytest.mark.parametrize("seconds", [0, -1, 1e-9, 1e300, float("inf"), float("nan")])
@pytest.mark.parametrize("field", ["timeout", "initial_interval", "maximum_interval"])
def test_a_duration_that_no_timer_can_have(field: str, seconds: float) -> None:
    extra = {field: seconds} if field == "timeout" else {"retry": {field: seconds}}
    with pytest.raises(ValidationError):
        Definition.model_validate(definition({**CALL, **extra}))


@pytest.mark.parametrize("seconds", [0, -1, 1e-9, 1e300, float("inf"), float("nan")])
def test_a_time_for_code_that_no_timer_can_have(seconds: float) -> None:
    with pytest.raises(ValidationError):
        Definition.model_validate(definition({**CODE, "timeout": seconds}))


@pytest.mark.parametrize(
    "retry",
    [{"backoff_coefficient": 1e308}, {"backoff_coefficient": 0.5}, {"maximum_attempts": 0}, {"maximum_attempts": 1001}],
)
def test_a_retry_policy_that_temporal_refuses(retry: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Definition.model_validate(definition({**CALL, "retry": retry}))


def test_an_input_needs_a_place() -> None:
    with pytest.raises(ValidationError):
        Definition.model_validate(definition(CALL, save_input=[]))


@pytest.mark.parametrize("seconds", [0.001, 1, 86_400 * 365 * 50])
def test_ordinary_durations_are_taken(seconds: float) -> None:
    Definition.model_validate(definition({**CALL, "timeout": seconds, "retry": {"initial_interval": seconds}}))
    Definition.model_validate(definition({**CODE, "timeout": seconds}))
