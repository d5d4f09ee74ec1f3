"""The activity that runs one action, in the sandbox or as a list of operations.

What the action does wrong is in the result, with what it had planned and logged until then: a user's failure is final.
Only what the worker itself cannot do now (Temporal away, the worker lost) has the action repeated.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from definitions.contract import RUN_ACTION, ActionCall, ActionResult
from definitions.errors import Overloaded, TidegateError, Unavailable
from worker import operations
from worker.action_host import ActionHost, Clock, Means
from worker.activities.activity import MAX_RESULT, opened
from worker.activities.executor import Tools
from worker.activities.redact import Redactor
from worker.code_activity import MESSAGE_LIMIT, clean, heartbeats
from worker.messages import check_json
from worker.sandbox.frames import Logs, OutputTooLarge
from worker.sandbox.launch import SandboxUnavailable
from worker.sandbox.runner import Limits, Outcome, Sandbox

HEADERS_LIMIT = 200
#: Names and values that a header can carry.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]{0,8192}")


class ActionActivities:
    """The activity over one sandbox. `memory` is in bytes, for one action in it."""

    def __init__(self, sandbox: Sandbox, tools: Tools, means: Means, memory: int) -> None:
        self._sandbox = sandbox
        self._tools = tools
        self._means = means
        self._memory = memory

    def all(self) -> list[Callable[..., Any]]:
        return [self.run_action]

    @activity.defn(name=RUN_ACTION)
    async def run_action(self, call: ActionCall) -> ActionResult:
        """Run an action to its end. Raises ApplicationError when it is to be tried again, or this worker cannot at all
        (`unsupported`)."""
        call = replace(call, context=replace(call.context, workflow_id=_workflow_id(call)))
        async with heartbeats():
            try:
                secrets = await opened(call.context.organisation, call.secrets, self._tools)
            except (Unavailable, Overloaded) as error:
                raise ApplicationError(error.message, type=error.code) from None
            except TidegateError as error:
                return ActionResult(error=error.message, code=error.code)
            except ApplicationError as error:
                return ActionResult(error=error.message, code=error.type)
            host = ActionHost(call, self._means, _clock(), secrets)
            run = self._operations if call.source is None else self._code
            result = await run(call, host, secrets)
        result.plans = host.plans
        return _redacted(result, host.redactor)

    async def _code(self, call: ActionCall, host: ActionHost, secrets: Mapping[str, str]) -> ActionResult:
        told = {
            "inspect": False,
            "source": call.source,
            "env": secrets,
            "action": call.action,
            "data": call.data,
            "headers": call.headers,
            "hook": call.hook,
            "error": call.error,
        }
        try:
            outcome = await self._sandbox.run(call.shim or "", told, host, Limits(call.timeout, self._memory))
        except SandboxUnavailable as error:
            raise ApplicationError(error.message, type=error.code, non_retryable=True) from None
        return result_of(outcome)

    async def _operations(self, call: ActionCall, host: ActionHost, secrets: Mapping[str, str]) -> ActionResult:
        logs = Logs()
        try:
            ended = await asyncio.wait_for(operations.run(call, secrets, host, logs), call.timeout)
        except asyncio.TimeoutError:
            failed = ActionResult(error=f"the action did not end within {call.timeout:g} s", code="code-timeout")
        except OutputTooLarge as error:
            failed = ActionResult(error=str(error), code="code-output")
        except TidegateError as error:
            failed = ActionResult(error=error.message, code=error.code)
        else:
            return checked(ActionResult(value=ended.value, response=ended.response, logs=logs.lines))
        return replace(failed, logs=logs.lines)


def _workflow_id(call: ActionCall) -> str:
    """Left out of what travels: every activity knows it."""
    return call.context.workflow_id or activity.info().workflow_id or ""


def _clock() -> Clock:
    """The time of Temporal's server: this machine's own may differ, and tests skip time."""
    info, begun = activity.info(), time.monotonic()
    return Clock(info.scheduled_time, lambda: _after(info.started_time, begun))


def _after(started: datetime, begun: float) -> datetime:
    return started + timedelta(seconds=time.monotonic() - begun)


def result_of(outcome: Outcome) -> ActionResult:
    """What a call of the sandbox came to, checked: the process may have reported anything."""
    if outcome.result is None:
        return ActionResult(error=outcome.error, code=outcome.code, logs=outcome.logs)
    kind, error, code = (outcome.result.get(name) for name in ("kind", "error", "code"))
    if kind == "threw":
        message = error if isinstance(error, str) else "the action threw"
        return ActionResult(error=message, code=code if isinstance(code, str) else None, logs=outcome.logs)
    if kind != "return":
        return ActionResult(error="the code reported what is no result", code="code-invalid", logs=outcome.logs)
    value, response = outcome.result.get("value"), outcome.result.get("response")
    return checked(ActionResult(value=value, response=response, logs=outcome.logs))


def checked(result: ActionResult) -> ActionResult:
    """The result, or, if it cannot be kept or sent, the failure that this is."""
    try:
        check_json(result.value)
        _check_response(result.response)
    except ValueError as error:
        return ActionResult(
            error=f"what the action gave cannot be used: {error}", code="value-invalid", logs=result.logs
        )
    if len(json.dumps([result.value, result.response])) > MAX_RESULT:
        message = f"what the action gave is larger than {MAX_RESULT} bytes"
        return ActionResult(error=message, code="result-too-large", logs=result.logs)
    return result


def _check_response(response: Any) -> None:
    if response is None:
        return
    if not isinstance(response, dict):
        raise ValueError("the response is none")
    status, headers = response.get("status"), response.get("headers")
    if type(status) is not int or not 200 <= status <= 599:
        raise ValueError("a response's status is a number from 200 to 599")
    if not isinstance(headers, list) or len(headers) > HEADERS_LIMIT or not all(map(_is_header, headers)):
        raise ValueError("a response has a header that cannot be sent")
    try:
        base64.b64decode(response.get("body"), validate=True)  # type: ignore[arg-type]
    except (TypeError, ValueError, binascii.Error):
        raise ValueError("the response's body cannot be read") from None


def _is_header(pair: Any) -> bool:
    if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(one, str) for one in pair)):
        return False
    return bool(_HEADER_NAME.fullmatch(pair[0]) and _HEADER_VALUE.fullmatch(pair[1]))


def _redacted(result: ActionResult, redactor: Redactor) -> ActionResult:
    """Without the value of any secret, since all of it is kept in the run's history."""
    response = result.response and redactor.value({**result.response, "body": _body(result.response["body"], redactor)})
    return ActionResult(
        value=redactor.value(result.value),
        response=response,
        error=None if result.error is None else redactor.text(clean(result.error))[:MESSAGE_LIMIT],
        code=result.code,
        plans=[replace(plan, payload=redactor.value(plan.payload)) for plan in result.plans],
        logs=[redactor.text(clean(line)) for line in result.logs],
    )


def _body(encoded: str, redactor: Redactor) -> str:
    try:
        text = base64.b64decode(encoded).decode()
    except UnicodeDecodeError:
        return encoded  # not text
    return base64.b64encode(redactor.text(text).encode()).decode("ascii")
