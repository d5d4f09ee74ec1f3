"""Running blocks: visit after visit, each computed, run, saved and recorded, until the block has no next step."""

from __future__ import annotations

import reprlib
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
from worker.steps.base import Done, Run, StepFailed, Visit, scope
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
                target = step.on_errors.get(error.code, step.on_error)
                if target is None:
                    raise
                put(frame.data, ["error"], {"code": error.code, "message": error.message, "step": frame.cursor})
            if target is not None and target not in block.steps:
                raise StepFailed(
                    "transition-invalid", f"step {path}{frame.cursor}: there is no step {reprlib.repr(target)}"
                )
            frame.last, frame.cursor = frame.cursor, target
            frame.entered, frame.memory, frame.frames = False, {}, {}
        if block.result is not None:
            frame.output = self._result(block.result, frame, outer)
        return frame.output

    def _result(self, result: Expression, frame: Frame, outer: tuple[Frame, ...]) -> Any:
        try:
            data = scope(frame, outer, self.definition.merged)
            output = self.evaluate(result, {**data, "own": frame.data})
        except ExpressionError as error:
            raise StepFailed(error.code, error.message) from None
        output = None if output is ABSENT else output
        self._measured(output, "the result")
        return output

    async def gate(self) -> None:
        """Begin no step when the run is about to continue as new, is paused, or has done enough for one workflow
        task."""
        await self.pace.visit()
        while self.state.paused:
            await workflow.wait_condition(lambda: not self.state.paused)
            # All who waited go on at once: each of them needs its turn anew.
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
            return self._succeeded(visit, step, self._checked(visit, step, done))
        except (ExpressionError, StepFailed) as error:
            logs = error.logs if isinstance(error, StepFailed) else ()
            failed = self._failed(visit, step, StepFailed(error.code, error.message, logs))
            self.state.record(showing.visit_record(visit, "failure", error=failed))
            raise failed from None

    def _checked(self, visit: Visit, step: Step, done: Done) -> Done:
        """What a step has come to by its own words: a failure after all, or another output."""
        if step.check is None and step.result is None:
            return done
        seen = {"input": visit.input} if visit.has_input else {}
        if step.check is not None:
            reason = visit.evaluate(step.check, **seen, output=done.output)
            if isinstance(reason, str) and reason:
                raise StepFailed("check-failed", reason, done.logs)
        if step.result is None:
            return done
        output = visit.evaluate(step.result, **seen, output=done.output)
        return replace(done, output=None if output is ABSENT else output, has_output=output is not ABSENT)

    def _failed(self, visit: Visit, step: Step, failed: StepFailed) -> StepFailed:
        """Save what is to be known of a failure; what hinders that is told with it."""
        save = step.save
        told = {"code": failed.code, "message": failed.message}
        try:
            if save.error is not None:
                value = told if step.failure is None else visit.evaluate(step.failure, failure=told)
                self._save(visit.frame, save.error, value, self._measured(value, "what is saved of the failure"))
            if save.status is not None:
                self._save(visit.frame, save.status.path, save.status.failure, len(save.status.failure))
        except (ExpressionError, StepFailed) as error:
            return StepFailed(failed.code, f"{failed.message} ({error.message})", failed.logs)
        return failed

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
        if step.save.status is not None:
            self._save(frame, step.save.status.path, step.save.status.success, len(step.save.status.success))
        target = done.goto or step.next
        if target is not None and not isinstance(target, str):
            target = self.evaluate(target, {**visit.scope(), "$last": visit.name})
        if target is not None and not isinstance(target, str):
            raise StepFailed(
                "transition-invalid",
                f"step {visit.step}: the transition gives {reprlib.repr(target)}, not a step's name",
            )
        self.state.record(showing.visit_record(visit, "success", done, following=target))
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
            # It takes milliseconds, and many blocks may meet the bound in one workflow task.
            self.pace.worked(read=self.state.data_bytes)
            self.state.data_bytes = self.state.frame.data_size()
        if self.state.data_bytes > DATA_BYTES:
            raise StepFailed("state-too-large", f"the run's data would be more than {DATA_BYTES} bytes")

    def recorded(self, visit: Visit, done: Done | None, error: StepFailed | None = None) -> None:
        status: StepStatus = "success" if error is None else "failure"
        self.state.record(showing.visit_record(visit, status, done, error))
