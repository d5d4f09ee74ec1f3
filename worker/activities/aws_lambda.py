"""`aws_lambda`: invoke a Lambda function and wait for its answer.

Endpoint and credentials come from the standard AWS environment. The payload is the step's input (see `call_input`); the
idempotency key is in the client context, as `custom.idempotencyKey`, where no function meets it unless it looks.
Output: what the function returns; null is no output.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import anyio
from temporalio import activity

from definitions.contract import Call
from worker.activities.call_input import CONTEXT_SCHEMA, function_input
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed
from worker.activities.lambda_clients import Invocation, LambdaClients, Reply
from worker.allow import aws_fields
from worker.http_guard import TargetNotAllowed

#: Lambda's own limit.
MAX_SECONDS = 900.0

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        # These become parts of a host name and of an ARN. `\Z`, as `$` would let a line break at the end through.
        "region": {"type": "string", "pattern": r"^[a-z]{2}(-[a-z]{2,16}){1,3}-[0-9]{1,2}\Z"},
        "accountId": {"type": "string", "pattern": r"^[0-9]{12}\Z"},
        "functionName": {"type": "string", "pattern": r"^[A-Za-z0-9_-]{1,64}\Z"},
        "qualifier": {"type": "string", "pattern": r"^([A-Za-z0-9_-]{1,128}|[$]LATEST([.]PUBLISHED)?)\Z"},
        "timeoutMs": {"type": "number", "exclusiveMinimum": 0},
        "context": CONTEXT_SCHEMA,
    },
    "required": ["region", "accountId", "functionName"],
    "additionalProperties": False,
}


async def run(call: Call, tools: Tools) -> Any:
    """Invoke the function.

    Raises `target-not-allowed`, `lambda-function-error` (the function failed) and what `LambdaClients` raises.
    """
    config = call.config
    _check_allowed(call, tools)
    payload = json.dumps(function_input(call, tools), separators=(",", ":")).encode("ascii")
    seconds = _seconds(config.get("timeoutMs"))
    invocation = Invocation(
        region=config["region"],
        account=config["accountId"],
        function=config["functionName"],
        qualifier=config.get("qualifier"),
        payload=payload,
        client_context=_client_context(call),
        seconds=seconds,
    )
    try:
        with anyio.fail_after(seconds):
            reply = await tools.kept(LambdaClients).invoke(invocation)
    except TimeoutError:
        raise call_failed("lambda-timeout", f"{config['functionName']} did not answer within {seconds:g} s") from None
    return _output(reply, config["functionName"])


def _check_allowed(call: Call, tools: Tools) -> None:
    account, region, function = (call.config[name] for name in ("accountId", "region", "functionName"))
    allowed = tools.settings.aws_allow
    organisation = call.context.organisation
    if tools.settings.dev if allowed is None else allowed.allows(organisation, aws_fields(account, region, function)):
        return
    raise TargetNotAllowed(f"TIDEGATE_AWS_ALLOW does not let {organisation!r} call {account}:{region}:{function}")


def _seconds(timeout_ms: float | None) -> float:
    """`timeoutMs`, or the step's own timeout; never above Lambda's limit."""
    if timeout_ms is not None:
        return min(timeout_ms / 1000, MAX_SECONDS)
    step = activity.info().start_to_close_timeout
    return min(step.total_seconds(), MAX_SECONDS) if step else MAX_SECONDS


def _client_context(call: Call) -> str:
    custom = {"custom": {"idempotencyKey": call.context.idempotency_key}}
    return base64.b64encode(json.dumps(custom, separators=(",", ":")).encode("ascii")).decode("ascii")


def _output(reply: Reply, function: str) -> Any:
    try:
        value = json.loads(reply.payload) if reply.payload else None
    except (ValueError, RecursionError):
        if reply.function_error is None:
            raise call_failed("result-invalid", f"{function} returned what is no JSON") from None
        value = reply.payload.decode("utf-8", "replace")
    if reply.function_error is None:
        return value
    known = value if isinstance(value, dict) else {"errorMessage": value}
    kind, text = known.get("errorType") or reply.function_error, known.get("errorMessage") or "no message"
    raise call_failed("lambda-function-error", f"{function} failed: {kind}: {text}", {"errorType": str(kind)[:200]})


EXECUTOR = Executor(run, CONFIG_SCHEMA)
