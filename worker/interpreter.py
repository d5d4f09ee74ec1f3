"""The generic workflow that runs every definition.

`run` drives the root block in a task of its own and watches for its end, for cancellation, and for the moment to
continue as new. Message handlers only change the wait machine's state; all awaiting happens in the block's tasks.
Everything that continue-as-new carries is in `RunState`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError

from definitions import contract
from definitions.contract import DeliveryOutcome, Event, RunInput, RunSnapshot, StepRecord, WaitView
from definitions.errors import ExpressionError, Overloaded, PayloadInvalid, RunClosed
from definitions.expressions import ABSENT, evaluate
from definitions.model import Block, Definition, Step
from worker import attributes
from worker.failures import failure
from worker.state import Frame, RunState
from worker.steps import STEPS
from worker.steps.base import Done, RunEnded, StepFailed, Visit, scope, stop
from worker.waits import OpenWait, Waits

#: Deliveries that one run takes before it continues as new: half of what Temporal allows in updates.
DELIVERIES_PER_RUN = 1_000
#: Visits in a row without a pause before the run yields to Temporal: a definition that only loops stays harmless.
VISITS_PER_TURN = 200


@lru_cache(maxsize=512)
def _compiled(text: str) -> Definition:
    return Definition.model_validate_json(text)


@workflow.defn(name=contract.RUN_WORKFLOW)
class TidegateRun:
    """One run of one definition."""

    @workflow.init
    def __init__(self, run: RunInput) -> None:
        self._input = run
        self.facts = run.facts
        self.search_attributes = run.search_attributes
        self.definition = _compiled(json.dumps(run.definition))
        self.state = self._initial_state(run)
        self.waits = Waits(self.state.waits)
        self._delivered_before = self.state.waits.delivered
        self._busy = 0
        self._turn = 0
        self._continue_asked = False
        self._flush_due = False
        self._closing = False
        if self.facts.started_at is None:
            self.facts.started_at = contract.timestamp(workflow.now())

    def _initial_state(self, run: RunInput) -> RunState:
        if run.state is None:
            frame = Frame(cursor=self.definition.body.start)
            if run.input is not None:
                _put(frame.data, self.definition.save_input, run.input)
            return RunState(frame)
        state = RunState.load(run.state)
        if run.resumed:
            state.prepare_resume()
        return state

    @workflow.run
    async def run(self, run: RunInput) -> Any:
        root = asyncio.ensure_future(self.run_block(self.definition.body, self.state.frame, (), ""))
        try:
            await workflow.wait_condition(lambda: root.done() or (self._due() and not self._busy))
        except asyncio.CancelledError:
            self._closing = True
            await stop([root])
            self._end("cancelled", None)
            raise
        if not root.done():
            self._continue_as_new()
        self._closing = True
        return await self._finish(root)

    async def _finish(self, root: asyncio.Task[Any]) -> Any:
        try:
            output = root.result()
            if self.definition.result is not None:
                output = evaluate(self.definition.result, scope(self.state.frame, ()))
        except StepFailed as error:
            self._fail(error.code, error.message)
        except ExpressionError as error:
            self._fail(error.code, error.message)
        except RunEnded as ended:
            return await self._ended(ended)
        self._end("succeeded", None, output)
        return output

    async def _ended(self, ended: RunEnded) -> Any:
        self.state.frame.cursor = None if ended.outcome == "succeeded" else self.state.frame.cursor
        if ended.outcome == "failed":
            self._fail("ended", ended.message or "the definition ended this run as failed")
        if ended.outcome == "cancelled":
            self._end("cancelled", ended.message)
            # Only a cancel request makes Temporal show the run as canceled, so the run has one sent to itself.
            await workflow.execute_activity(
                contract.CANCEL_RUN,
                workflow.info().workflow_id,
                start_to_close_timeout=timedelta(seconds=30),
                summary=(ended.message or "the definition cancelled this run")[:200],
                cancellation_type=workflow.ActivityCancellationType.ABANDON,
            )
            await workflow.wait_condition(lambda: False)
        self._end("succeeded", None, ended.output)
        return ended.output

    def _fail(self, code: str, message: str) -> NoReturn:
        self._end("failed", message)
        raise ApplicationError(message, type=code, non_retryable=True) from None

    def _end(self, status: str, error: str | None, output: Any = None) -> None:
        self.state.status, self.state.error, self.state.output = status, error, output
        workflow.set_current_details(attributes.details(self.facts, [], self.state.waits))

    # --- blocks and steps ---

    async def run_block(self, block: Block, frame: Frame, outer: tuple[Frame, ...], path: str) -> Any:
        """Run a block from where its frame stands to its end; its output is that of the step that ran last."""
        while frame.cursor is not None:
            await self._gate()
            step = block.steps[frame.cursor]
            try:
                target = await self._visit(step, frame, outer, path)
            except StepFailed as error:
                if step.on_error is None:
                    raise
                _put(frame.data, ["error"], {"code": error.code, "message": error.message, "step": frame.cursor})
                target = step.on_error
            if target is not None and target not in block.steps:
                raise StepFailed("transition-invalid", f"step {path}{frame.cursor}: there is no step {target!r}")
            frame.last, frame.cursor = frame.cursor, target
            frame.entered, frame.memory, frame.frames = False, {}, {}
        return frame.output

    async def _gate(self) -> None:
        """Begin no step when the run is about to continue as new; and let Temporal take its turn in a busy loop."""
        if self._due():
            await workflow.wait_condition(lambda: False)
        self._turn += 1
        if self._turn % VISITS_PER_TURN == 0:
            await workflow.sleep(1, summary="pause of a loop that never parks")

    async def _visit(self, step: Step, frame: Frame, outer: tuple[Frame, ...], path: str) -> str | None:
        name = frame.cursor
        assert name is not None
        if not frame.entered:
            frame.entered, frame.entered_at = True, contract.timestamp(workflow.now())
            frame.visits[name] = frame.visits.get(name, 0) + 1
        following = step.next if isinstance(step.next, str) or step.next is None else "computed"
        visit = Visit(self, name, frame.visits[name], path, frame, outer, step.label, following)
        try:
            visit = self._with_input(visit, step)
            done = await STEPS[step.kind](visit, step)
            return self._succeeded(visit, step, done)
        except (ExpressionError, StepFailed) as error:
            self._record(visit, "failure", errors=[error.message])
            raise StepFailed(error.code, error.message) from None

    def _with_input(self, visit: Visit, step: Step) -> Visit:
        value = ABSENT if step.input is None else evaluate(step.input, visit.scope())
        if value is ABSENT:
            return visit
        if step.save.input:
            _put(visit.frame.data, step.save.input, value)
        return replace(visit, has_input=True, input=value)

    def _succeeded(self, visit: Visit, step: Step, done: Done) -> str | None:
        frame = visit.frame
        if done.has_output:
            frame.output = done.output
            if step.save.output:
                _put(frame.data, step.save.output, done.output)
        target = done.goto or step.next
        if target is not None and not isinstance(target, str):
            target = evaluate(target, {**visit.scope(), "$last": visit.name})
        if target is not None and not isinstance(target, str):
            raise StepFailed(
                "transition-invalid", f"step {visit.step}: the transition gives {target!r}, not a step's name"
            )
        self._record(visit, "success", done, following=target)
        return target

    def _record(
        self,
        visit: Visit,
        status: contract.StepStatus,
        done: Done | None = None,
        errors: list[str] | None = None,
        following: str | None = None,
    ) -> None:
        self.state.record(
            StepRecord(
                id=visit.id,
                step=visit.step,
                visit=visit.number,
                status=status,
                label=visit.label,
                has_input=visit.has_input,
                input=visit.input,
                has_output=done is not None and done.has_output,
                output=done.output if done else None,
                started_at=visit.frame.entered_at,
                ended_at=contract.timestamp(workflow.now()),
                errors=errors or [],
                next=following,
            )
        )

    # --- what steps ask of the run ---

    def now(self) -> datetime:
        return workflow.now()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def parked(self, visit: Visit, wait: OpenWait) -> None:
        self._turn = 0
        if visit.frame.memory.get("shown") is None:
            visit.frame.memory["shown"] = True
            self._record(visit, "incomplete")
        self._changed()

    def released(self, wait: OpenWait) -> None:
        self._changed()

    def _changed(self) -> None:
        """Show the open waits to operators, once in a turn however many have changed."""
        if not self._flush_due and not self._closing:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._closing:
            return
        open_waits = self._open_waits()
        workflow.set_current_details(attributes.details(self.facts, open_waits, self.state.waits))
        if not self.search_attributes:
            return
        before, self.state.attributes = self.state.attributes or [None, None, None], attributes.wait_values(open_waits)
        if updates := attributes.wait_updates(before, self.state.attributes):
            workflow.upsert_search_attributes(updates)

    def _open_waits(self) -> list[OpenWait]:
        return [wait for wait in self.state.waits.open if not wait.satisfied]

    # --- continue-as-new ---

    def _due(self) -> bool:
        delivered = self.state.waits.delivered - self._delivered_before
        return self._continue_asked or delivered >= DELIVERIES_PER_RUN or workflow.info().is_continue_as_new_suggested()

    def _continue_as_new(self) -> NoReturn:
        following = RunInput(
            definition=self._input.definition,
            facts=self.facts,
            state=self.state.dump(),
            search_attributes=self.search_attributes,
        )
        workflow.continue_as_new(following, memo={contract.MEMO: asdict(self.facts)})

    # --- messages ---

    @workflow.update(name=contract.DELIVER)
    def deliver(self, message: Any) -> DeliveryOutcome:
        """Take an event sent by `worker.client`; its answer is final and immediate."""
        return self._deliver(_event(message))

    @deliver.validator
    def _check_delivery(self, message: Any) -> None:
        event = _event(message)
        if self._closing:
            raise failure(RunClosed("the run has ended", self.state.status))
        try:
            self.waits.check(event)
        except (PayloadInvalid, ExpressionError, Overloaded) as error:
            raise failure(error) from error

    def _deliver(self, event: Event) -> DeliveryOutcome:
        event.received_at = contract.timestamp(workflow.now())
        outcome = self.waits.deliver(event)
        if not outcome.duplicate:
            self._record_event(event, outcome)
            self._changed()
        return outcome

    def _record_event(self, event: Event, outcome: DeliveryOutcome) -> None:
        self.state.record(
            StepRecord(
                id=event.id,
                step=outcome.step or self.state.frame.cursor or "",
                visit=0,
                status="success",
                label=self._label(outcome.step or self.state.frame.cursor),
                source="event",
                has_output=event.has_payload,
                output=event.payload,
                started_at=event.received_at,
                ended_at=event.received_at,
                event=event.name,
            )
        )

    def _label(self, step: str | None) -> str | None:
        found = self.definition.body.steps.get(step or "")
        return found.label if found else None

    @workflow.signal(dynamic=True)
    def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Every signal: our own by their names, any other as an event of its name. It never raises."""
        if name == contract.CONTINUE_AS_NEW:
            self._continue_asked = True
            return
        try:
            values = [_decode(arg) for arg in args]
            if name == contract.DELIVER:
                self._deliver(_event(values[0] if values else None))
            elif name.startswith(contract.MESSAGE_PREFIX):
                raise ValueError("the prefix is reserved and this message is not known")
            else:
                self._deliver_raw(name, values)
        except Exception as error:
            # A signal cannot be refused, and an error here would stop the run for good: keep note instead.
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            self.waits.quarantine(name, reason, contract.timestamp(workflow.now()))
            self._changed()

    def _deliver_raw(self, name: str, values: list[Any]) -> None:
        self._deliver(
            Event(
                id=f"signal:{workflow.uuid4()}",
                name=name,
                payload=values[0] if values else None,
                has_payload=bool(values),
                source="signal",
            )
        )

    # --- queries ---

    @workflow.query(name=contract.SNAPSHOT)
    def snapshot(self) -> RunSnapshot:
        """What is known of the run. While it is parked, its last record is that of the incomplete wait."""
        frame, records = self.state.frame, list(self.state.records)
        open_waits = self._open_waits() if self.state.status == "running" else []
        if open_waits and (not records or records[-1].status != "incomplete"):
            shown = [record for record in records if record.id == open_waits[-1].id and record.status == "incomplete"]
            records += shown[-1:]
        return RunSnapshot(
            status=self.state.status,  # type: ignore[arg-type]
            next_step=frame.cursor if self.state.status == "running" else None,
            data=frame.data,
            records=records,
            waits=[_wait_view(wait) for wait in open_waits],
            output=self.state.output,
            error=self.state.error,
            quarantined=self.state.waits.quarantine,
        )

    @workflow.query(name=contract.STATE)
    def carried(self) -> RunInput:
        """All that a resume needs: the argument of a run that goes on from here."""
        return RunInput(
            definition=self._input.definition,
            facts=self.facts,
            state=self.state.dump(),
            search_attributes=self.search_attributes,
            resumed=True,
        )


def _put(data: dict[str, Any], path: list[str], value: Any) -> None:
    for key in path[:-1]:
        data = data.setdefault(key, {})
    data[path[-1]] = value


def _event(message: Any) -> Event:
    """A delivery message as an event. Raises ApplicationError: a message of ours that is none is its sender's fault."""
    if not isinstance(message, dict) or not all(isinstance(message.get(k), str) and message[k] for k in ("id", "name")):
        raise ApplicationError("not a delivery: an object with `id` and `name` is expected", type="message-invalid")
    event: Event = value_to_type(Event, {k: v for k, v in message.items() if k in Event.__dataclass_fields__})
    return event


def _decode(arg: RawValue) -> Any:
    return workflow.payload_converter().from_payload(arg.payload)


def _wait_view(wait: OpenWait) -> WaitView:
    return WaitView(
        step=wait.step,
        visit=wait.visit,
        events=wait.events,
        received=[event.name for event in wait.received],
        since=wait.since,
        deadline=wait.deadline,
        on_deadline=wait.on_deadline,
        next=wait.next,
    )
