"""The activities that run foreign code, or look at it: a call of the sandbox each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from definitions.contract import INSPECT_CODE, RUN_CODE, CodeCall, CodeResult, InspectCode, InspectedCode
from definitions.errors import DefinitionError
from worker.activities.activity import HEARTBEAT_SECONDS, MAX_RESULT
from worker.http_client import HttpClient
from worker.messages import check_json
from worker.run_starter import RunStarter
from worker.sandbox.host import CallHost
from worker.sandbox.launch import SandboxUnavailable
from worker.sandbox.runner import Limits, Outcome, Sandbox

if TYPE_CHECKING:
    from worker.client import TidegateClient

_KINDS = ("step", "wait", "return", "threw")
ID_LIMIT = 1_500
MESSAGE_LIMIT = 2_100


class CodeActivities:
    """Activities over one sandbox. `memory` is in bytes, for one call."""

    def __init__(self, sandbox: Sandbox, http: HttpClient, tidegate: TidegateClient, memory: int) -> None:
        self._sandbox = sandbox
        self._http = http
        self._tidegate = tidegate
        self._memory = memory
        self._start = RunStarter(tidegate)

    def all(self) -> list[Callable[..., Any]]:
        return [self.run_code, self.inspect_code]

    @activity.defn(name=RUN_CODE)
    async def run_code(self, call: CodeCall) -> CodeResult:
        """Run a handler until it comes to something new. What the code does wrong is in the result.

        Raises ApplicationError (`unsupported`), for good, on a worker that cannot run code.
        """
        told = {
            "inspect": False,
            "source": call.source,
            "handler": call.handler,
            "payload": call.payload,
            "done": call.done,
            "failed": call.failed,
        }
        host = CallHost(call.context, self._http, self._tidegate, self._start)
        try:
            async with heartbeats():
                outcome = await self._sandbox.run(call.shim, told, host, Limits(call.timeout, self._memory))
        except SandboxUnavailable as error:
            raise ApplicationError(error.message, type=error.code, non_retryable=True) from None
        return result_of(outcome)

    @activity.defn(name=INSPECT_CODE)
    async def inspect_code(self, asked: InspectCode) -> InspectedCode:
        """What a source registers, or why it cannot be used."""
        try:
            async with heartbeats():
                return InspectedCode(await self._sandbox.inspect(asked.shim, asked.source))
        except DefinitionError as error:
            problem = error.problems[0]
            return InspectedCode([], problem.code, problem.message, problem.unsupported)


@contextlib.asynccontextmanager
async def heartbeats() -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


def result_of(outcome: Outcome) -> CodeResult:
    """What a call came to, checked: the process may have reported anything."""
    logs = [clean(line) for line in outcome.logs]
    if outcome.result is None:
        return CodeResult("threw", error=outcome.error, code=outcome.code, logs=logs)
    kind, number = outcome.result.get("kind"), outcome.result.get("id")
    error, code = outcome.result.get("error"), outcome.result.get("code")
    value, wait = outcome.result.get("value"), outcome.result.get("wait")
    nameless = kind in ("step", "wait") and not isinstance(number, str)
    if kind not in _KINDS or nameless or (kind == "wait" and not isinstance(wait, dict)):
        return CodeResult("threw", error="the code reported what is no result", code="code-invalid", logs=logs)
    problem = _problem(value) or _problem(wait) or _problem(number)
    if problem is not None:
        return CodeResult("threw", error=problem[1], code=problem[0], logs=logs)
    return CodeResult(
        kind,
        id=number[:ID_LIMIT] if isinstance(number, str) else None,
        value=value,
        error=clean(error)[:MESSAGE_LIMIT] if isinstance(error, str) else None,
        wait=wait if kind == "wait" else None,
        logs=logs,
        code=code if isinstance(code, str) else None,
    )


def _problem(value: Any) -> tuple[str, str] | None:
    try:
        check_json(value)
    except ValueError as error:
        return "value-invalid", f"a result of the code is no JSON value: {error}"
    if len(json.dumps(value)) > MAX_RESULT:
        return "result-too-large", f"a result of the code is larger than {MAX_RESULT} bytes"
    return None


def clean(text: str) -> str:
    """Without halves of surrogate pairs, which cannot be written."""
    return text.encode("utf-8", "replace").decode()
