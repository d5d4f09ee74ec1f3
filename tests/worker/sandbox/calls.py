"""Calls of the sandbox as a run makes them: a handler from its top, again and again, with what has ended so far."""

from __future__ import annotations

from typing import Any

from definitions.contract import CallContext, CodeResult
from definitions.errors import TidegateError
from worker.action_activity import result_of as action_result_of
from worker.code_activity import result_of
from worker.sandbox.process import Host
from worker.sandbox.runner import Limits, Outcome, Sandbox

SHIM = "stackshift"
CLASSES = "jsworkflows"
SHIMS = (SHIM, CLASSES)
CONTEXT = CallContext("org", "native", "", "run-1", "def-1", "job", "handler", 1, "run-1/handler/1")


def handler(body: str) -> str:
    """The source of a job whose handler has this body."""
    return f"stackshift.job('j', async ({{ payload, step, state }}) => {{ {body} }})"


def in_step(body: str) -> str:
    """The source of a job that does all of it in one step."""
    return handler(f"return await step.run('s', async () => {{ {body} }})")


async def refuse(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
    raise TidegateError(f"{name} is refused")


class Caller:
    """One run of one source: `call` runs the handler once, `finish` until it returns, throws or waits."""

    def __init__(self, sandbox: Sandbox, source: str, payload: Any = None, host: Host = refuse) -> None:
        self._sandbox, self._source, self._payload, self.host = sandbox, source, payload, host
        self.done: dict[str, Any] = {}
        self.failed: dict[str, Any] = {}
        self.calls = 0

    async def outcome(self, limits: Limits) -> Outcome:
        self.calls += 1
        told = {
            "inspect": False,
            "source": self._source,
            "handler": "j",
            "payload": self._payload,
            "done": self.done,
            "failed": self.failed,
        }
        return await self._sandbox.run(SHIM, told, self.host, limits)

    async def call(self, seconds: float = 20.0) -> CodeResult:
        result = result_of(await self.outcome(Limits(seconds)))
        if result.kind == "step" and result.id is not None:
            if result.error is None:
                self.done[result.id] = result.value
            else:
                self.failed[result.id] = result.error if result.value is None else result.value
        return result

    async def finish(self) -> CodeResult:
        result = await self.call()
        while result.kind == "step":
            result = await self.call()
        return result


async def once(sandbox: Sandbox, source: str, seconds: float = 20.0, shim: str = SHIM, **more: Any) -> CodeResult:
    """What one call of a source comes to; with the shim of classes, as their first action."""
    if shim == CLASSES:
        return await _as_class(sandbox, source, seconds, **more)
    return await Caller(sandbox, source, **more).call(seconds)


#: Makes a source that registers a handler one of a class, whose `start` runs that.
CLASS = (
    "let held; const stackshift = { job: (_, handler) => { held = handler } };"
    "export class Workflow { async start(payload) {"
    " return await held({ payload, step: { run: async (_, work) => await work() }, state: {} }) } };"
)


async def _as_class(
    sandbox: Sandbox, source: str, seconds: float, payload: Any = None, host: Host = refuse
) -> CodeResult:
    told = action_call(CLASS + source, data=payload)
    result = action_result_of(await sandbox.run(CLASSES, told, host, Limits(seconds)))
    kind: Any = "return" if result.error is None else "threw"
    return CodeResult(kind, value=result.value, error=result.error, code=result.code, logs=result.logs)


def action_call(source: str, **changes: Any) -> dict[str, Any]:
    """What the shim of classes is told of a call."""
    told = {"inspect": False, "source": source, "env": {}, "action": "start", "data": None, "headers": {}}
    return {**told, "hook": False, "error": None, **changes}
