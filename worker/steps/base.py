"""What a step's kind sees of the run it is in, and what it may answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from temporalio.exceptions import ActivityError, CancelledError

from definitions.contract import CallContext, RunFacts
from definitions.model import Block, Definition, Expression
from worker.pace import Pace
from worker.state import Frame
from worker.waits import OpenWait, Waits

#: Characters of a message, which may quote what definitions compute and others answer.
MESSAGE_LIMIT = 2_000


def clipped(message: str) -> str:
    """A message as Temporal takes it: not too long, and with no half of a surrogate pair."""
    message = message if len(message) <= MESSAGE_LIMIT else f"{message[: MESSAGE_LIMIT - 1]}…"
    return message.encode(errors="replace").decode()


class StepFailed(Exception):
    """A step has failed; the run goes to the step's `on_error`, or fails. `code` is stable."""

    def __init__(self, code: str, message: str, logs: Sequence[str] = ()) -> None:
        self.code = code
        self.logs = logs
        self.message = clipped(message)
        super().__init__(self.message)


class RunEnded(Exception):
    """The run is to end now: `outcome` is succeeded, failed or cancelled."""

    def __init__(self, outcome: str, output: Any = None, message: str | None = None) -> None:
        super().__init__(message or outcome)
        self.outcome = outcome
        self.output = output
        self.message = message


@dataclass(frozen=True)
class Done:
    """A step's success. `goto` overrides the step's own `next`; `logs` is what its code has logged."""

    output: Any = None
    has_output: bool = True
    goto: str | None = None
    logs: Sequence[str] = ()


class Run(Protocol):
    """The interpreter, as the steps see it."""

    facts: RunFacts
    definition: Definition
    waits: Waits
    pace: Pace
    search_attributes: bool

    def now(self) -> datetime: ...

    def evaluate(self, expression: Expression, data: Mapping[str, Any]) -> Any:
        """The value of an expression; what it costs is counted. Raises ExpressionError."""
        ...

    async def turn_to_call(self) -> None:
        """Wait until the run has fewer calls at work than it may; then enter `working` at once."""
        ...

    def working(self) -> AbstractContextManager[None]:
        """While it is entered, the run is not parked: it does not continue as new."""
        ...

    async def gate(self) -> None:
        """Between two calls of one step: let the run continue as new if that is due."""
        ...

    def keep(self, value: Any) -> None:
        """Count what a step keeps in its memory under `done` as the run's data. Raises StepFailed if it is too much."""
        ...

    def recorded(self, visit: Visit, done: Done | None, error: StepFailed | None = None) -> None:
        """Keep a record of what has ended inside a step: a success, or a failure if there is an error."""
        ...

    def parked(self, visit: Visit, wait: OpenWait) -> None:
        """Show that a wait is open: in the records, to operators."""
        ...

    def changed(self) -> None:
        """What operators are shown is another."""
        ...

    def action_ended(self, branch: str) -> None:
        """An action has ended, and all waits that it has asked for are open."""
        ...

    def released(self, wait: OpenWait) -> None: ...

    async def run_block(self, block: Block, frame: Frame, outer: tuple[Frame, ...], path: str) -> Any: ...


@dataclass(frozen=True)
class Visit:
    """One visit of one step. `path` is empty in the definition's own block, else `outer-step/branch/`."""

    run: Run
    name: str
    number: int
    path: str
    frame: Frame
    outer: tuple[Frame, ...]
    label: str | None
    next: str | None
    has_input: bool = False
    input: Any = None

    @property
    def step(self) -> str:
        return f"{self.path}{self.name}"

    @property
    def id(self) -> str:
        return f"{self.step}#{self.number}{self.frame.turn}"

    def scope(self) -> Mapping[str, Any]:
        return scope(self.frame, self.outer, self.run.definition.merged)

    def evaluate(self, expression: Expression, **more: Any) -> Any:
        """The value of an expression over the data in scope, and `more`. Raises ExpressionError."""
        return self.run.evaluate(expression, {**self.scope(), **more})

    def call_context(self) -> CallContext:
        facts = self.run.facts
        return CallContext(
            organisation=facts.organisation,
            dialect=facts.dialect,
            workflow_id="",
            run_id=facts.run_id,
            definition_id=facts.definition_id,
            definition_name=facts.definition_name,
            step=self.step,
            visit=self.number,
            idempotency_key=f"{facts.run_id}/{self.step}/{self.number}{self.frame.turn}",
        )

    def inner(self, key: str, block: Block, data: dict[str, Any]) -> Frame:
        """The frame of a block inside this step, as it was left or new."""
        if key not in self.frame.frames:
            self.frame.frames[key] = Frame(cursor=block.start, data=data, turn=self._turn())
        return self.frame.frames[key]

    def _turn(self) -> str:
        """What tells the blocks inside this visit from those of the step's first one."""
        return self.frame.turn if self.number == 1 else f"{self.frame.turn}@{len(self.outer) + 1}.{self.number}"

    async def run_inner(self, key: str, block: Block, data: dict[str, Any]) -> Any:
        """Run a block inside this step; the same failure again if it had failed before the state was taken up."""
        frame = self.inner(key, block, data)
        if frame.error is not None:
            raise StepFailed(*frame.error)
        if frame.ended:
            return frame.output
        try:
            output = await self.run.run_block(block, frame, (*self.outer, self.frame), f"{self.step}/{key}/")
        except StepFailed as error:
            frame.error = [error.code, error.message]
            raise
        frame.end()
        return output


def scope(frame: Frame, outer: tuple[Frame, ...], roots: Sequence[str] = ()) -> Mapping[str, Any]:
    """The run's data as seen from a block: its own over those around it; `$last` names the step that ran last.

    Of the given roots, which are objects, a block sees its own entries beside those of the blocks around it.
    """
    merged: dict[str, Any] = {}
    for one in (*outer, frame):
        together = {root: {**merged[root], **one.data[root]} for root in roots if root in merged and root in one.data}
        merged.update(one.data)
        merged.update(together)
    merged["$last"] = frame.last
    return merged


def raise_if_stopped(error: ActivityError) -> None:
    """Raise CancelledError for an activity that ended so because its step is stopped: that is no failure of the step,
    so nothing may follow it."""
    if isinstance(error.cause, CancelledError):
        raise asyncio.CancelledError from error


async def stop(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def stopping(tasks: list[asyncio.Task[Any]]) -> AsyncIterator[None]:
    """Stop those of the tasks that are left when the block is left; a run only dropped from memory is let be."""
    try:
        yield
    except GeneratorExit:
        raise
    except BaseException:
        await stop([task for task in tasks if not task.done()])
        raise
    await stop([task for task in tasks if not task.done()])
