"""Running blocks: visit after visit, each computed, run, saved and recorded, until the block has no next step."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio import workflow

from definitions import contract
from definitions.contract import StepStatus
from definitions.errors import ExpressionError
from definitions.expressions import ABSENT, Meter, Scope, evaluate
from definitions.model import Block, Expression, Step
from worker import showing
from worker.pace import Pace
from worker.state import DATA_BYTES, Frame, RunState, size
from worker.steps import STEPS
from worker.steps.base import Done, Run, StepFailed, Visit
from worker.values import look_up, measured, put


class Blocks(Run):
    """The part of a run that runs blocks."""

    state: RunState
    pace: Pace

    def may_go_on(self) -> bool:
        """Whether a step may begin now, rather than in the execution that follows."""
        raise NotImplementedError

    def changed(self) -> None:
        """The state is another: show it."""
        raise NotImplementedError

    def evaluate(self, expression: Expression, data: Scope) -> Any:
        meter = Meter()
        try:
            return evaluate(expression, data, meter)
        finally:
            self.pace.worked(meter.spent)

    async def run_block(self, block: Block, frame: Frame, outer: tuple[Frame, ...], path: str) -> Any:
        """Run a block from where its frame stands to its end; its output is that of the step that ran last."""
        while frame.cursor is not None:
            await self.gate()
            step = block.steps[frame.cursor]
            try:
                target = await self._visit(step, frame, outer, path)
            except StepFailed as error:
                if step.on_error is None:
                    raise
                put(frame.data, ["error"], {"code": error.code, "message": error.message, "step": frame.cursor})
                target = step.on_error
            if target is not None and target not in block.steps:
                raise StepFailed(
                    "transition-invalid", f"step {path}{frame.cursor}: there is no step {reprlib.repr(target)}"
                )
            frame.last, frame.cursor = frame.cursor, target
            frame.entered, frame.memory, frame.frames = False, {}, {}
        return frame.output

    async def gate(self) -> None:
        """Begin no step when the run is about to continue as new, or has done enough for one workflow task."""
        await self.pace.visit()
        if not self.may_go_on():
            await workflow.wait_condition(lambda: False)

    async def _visit(self, step: Step, frame: Frame, outer: tuple[Frame, ...], path: str) -> str | None:
        name = frame.cursor
        assert name is not None
        if not frame.entered:
            frame.entered, frame.entered_at = True, contract.timestamp(workflow.now())
            frame.visits[name] = frame.visits.get(name, 0) + 1
        self.changed()
        following = step.next if isinstance(step.next, str) or step.next is None else "computed"
        visit = Visit(self, name, frame.visits[name], path, frame, outer, step.label, following)
        try:
            visit = self._with_input(visit, step)
            done = await STEPS[step.kind](visit, step)
            return self._succeeded(visit, step, done)
        except (ExpressionError, StepFailed) as error:
            logs = error.logs if isinstance(error, StepFailed) else ()
            failed = StepFailed(error.code, error.message)
            self.state.record(showing.visit_record(visit, "failure", error=failed.message, logs=logs))
            raise failed from None

    def _with_input(self, visit: Visit, step: Step) -> Visit:
        memory, saved = visit.frame.memory, step.save.input
        if saved and memory.get("has_input"):
            # Taken up again. To compute it once more would be wrong: it may have changed what it is computed from.
            return replace(visit, has_input=True, input=look_up(visit.frame.data, saved))
        value = ABSENT if step.input is None else self.evaluate(step.input, visit.scope())
        memory["has_input"] = value is not ABSENT
        if value is ABSENT:
            return visit
        taken = self._measured(value, "the input")
        if saved:
            self._save(visit.frame, saved, value, taken)
        return replace(visit, has_input=True, input=value)

    def _succeeded(self, visit: Visit, step: Step, done: Done) -> str | None:
        frame = visit.frame
        if done.has_output:
            taken = self._measured(done.output, "the output")
            frame.output = done.output
            if step.save.output:
                self._save(frame, step.save.output, done.output, taken)
        target = done.goto or step.next
        if target is not None and not isinstance(target, str):
            target = self.evaluate(target, {**visit.scope(), "$last": visit.name})
        if target is not None and not isinstance(target, str):
            raise StepFailed(
                "transition-invalid",
                f"step {visit.step}: the transition gives {reprlib.repr(target)}, not a step's name",
            )
        self.state.record(showing.visit_record(visit, "success", done, following=target, logs=done.logs))
        return target

    def _measured(self, value: Any, what: str) -> int:
        taken = measured(value, what)
        self.pace.worked(read=taken)
        return taken

    def _save(self, frame: Frame, path: list[str], value: Any, taken: int) -> None:
        """Put a value into the data, within the bound; what was overwritten is found out when the bound is met."""
        put(frame.data, path, value)
        self._grown(taken)

    # --- what steps ask of it ---

    def keep(self, value: Any) -> None:
        self._grown(size(value))

    def _grown(self, taken: int) -> None:
        self.state.data_bytes += taken
        if self.state.data_bytes > DATA_BYTES:
            self.state.data_bytes = self.state.frame.data_size()
        if self.state.data_bytes > DATA_BYTES:
            raise StepFailed("state-too-large", f"the run's data would be more than {DATA_BYTES} bytes")

    def recorded(self, visit: Visit, done: Done | None, error: str | None = None, logs: Sequence[str] = ()) -> None:
        status: StepStatus = "success" if error is None else "failure"
        self.state.record(showing.visit_record(visit, status, done, error, logs=logs))
