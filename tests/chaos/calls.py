"""What jobs have called: told apart by the idempotency key that every call carries."""

from __future__ import annotations

from tests.lambda_endpoint import Invoked, LambdaEndpoint


def calls(lambdas: LambdaEndpoint, function: str, job_id: str) -> list[str]:
    """The idempotency keys of one job's calls of a function, repetitions included."""
    keys = [_key(invoked) for invoked in lambdas.invocations if invoked.name == function]
    return [key for key in keys if key.startswith(f"{job_id}/")]


def _key(invoked: Invoked) -> str:
    key: str = invoked.client_context["custom"]["idempotencyKey"]
    return key
