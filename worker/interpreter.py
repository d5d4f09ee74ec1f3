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
from functools import lru_cache, partial
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from definitions import contract, ksuids
from definitions.contract import BranchOutcome, DeliveryOutcome, Event, RunFacts, RunInput, RunSnapshot
from definitions.errors import ExpressionError, RunClosed, TidegateError
from definitions.model import Definition
from worker import attempts, attributes, messages, showing
from worker.blocks import Blocks
from worker.failures import failure
from worker.pace import Pace
from worker.run_store import RunStore
from worker.state import CARRIED_BYTES, Frame, RunState, size
from worker.steps.base import RunEnded, StepFailed, Visit, clipped, scope, stop
from worker.steps.carried import govern_waits
from worker.values import measured, put
from worker.waits import OpenWait, Waits

#: Deliveries that one run takes before it continues as new: half of what Temporal allows in updates.
DELIVERIES_PER_RUN = 1_000
#: Calls of one run at a time: Temporal takes 2,000, and a workflow task that asks for more never succeeds.
CALLS_AT_ONCE = 1_000
#: Seconds between the decision to continue as new and the act.
CONTINUE_AFTER = 0.001
#: Bytes of a snapshot above which it is packed: Temporal gives 2 MB as an answer.
SHOWN_BYTES = 1_500_000


@lru_cache(maxsize=512)
def _compiled(text: str) -> Definition:
    return Definition.model_validate_json(text)


def _shown_id(definition: Definition, facts: RunFacts) -> str:
    """The run's id as its own data has it."""
    return ksuids.of_run(facts.run_id, facts.created_at) if definition.run_id_form == "ksuid" else facts.run_id


@workflow.defn(name=contract.RUN_WORKFLOW)
class TidegateRun(Blocks):
    """One run of one definition."""

    @workflow.init
    def __init__(self, run: RunInput) -> None:
        self._input = run
        self.facts = run.facts
        self.search_attributes = run.search_attributes
        self.definition = _compiled(json.dumps(run.definition))
        self.state = self._initial_state(run)
        self.waits = Waits(self.state.waits)
        self.store = RunStore(self.state.store)
        self._stored = 0
        self._delivered_before = self.state.waits.delivered
        self.pace = Pace()
        self._busy = 0
        self._continue_asked = False
        self._flush_due = False
        self._closing = False
        if run.state is not None:
            govern_waits(self, self.definition.body, self.state.frame)

    def _initial_state(self, run: RunInput) -> RunState:
        if run.state is None:
            frame = Frame(cursor=self.definition.body.start, data=dict(self.definition.data))
            if self.definition.save_run_id is not None:
                put(frame.data, self.definition.save_run_id, _shown_id(self.definition, run.facts))
            if run.input is not None:
                put(frame.data, self.definition.save_input, run.input)
            return RunState(frame, data_bytes=frame.data_size())
        state = RunState.load(run.state)
        if run.resumed:
            state.prepare_resume()
        return state

    @workflow.run
    async def run(self, run: RunInput) -> Any:
        root = asyncio.ensure_future(self._attempts())
        try:
            while not await self._settled(root):
                pass
        except asyncio.CancelledError:
            self._closing = True
            await stop([root])
            self._end("cancelled", None)
            raise
        if not root.done():
            self._continue_as_new()
        self._closing = True
        return await self._finish(root)

    async def _attempts(self) -> Any:
        """The root block, as often as the definition's attempts allow; not before the run's time has come."""
        if self.facts.start_at is not None:
            # Temporal holds the run back as well, but an update, a cancellation or a resume wakes it before.
            await attempts.sleep_until(self.facts.start_at, "scheduled")
        self.facts.started_at = self.facts.started_at or contract.timestamp(workflow.now())
        block = partial(self.run_block, self.definition.body, self.state.frame, (), "")
        return await attempts.run_attempts(self.state, self.definition.attempts, block, self.changed)

    async def _settled(self, root: asyncio.Task[Any]) -> bool:
        """Wait until the root block has ended or the run may continue as new; False if it may not after all."""
        await workflow.wait_condition(lambda: root.done() or (self._due() and not self._busy))
        if root.done():
            return True
        # A message is handled before a cancel request of the same workflow task is known, and the execution that
        # follows would not know of it at all. In a task of its own the request comes first.
        await workflow.sleep(CONTINUE_AFTER, summary="continue as new")
        if workflow.cancellation_reason() is not None:
            await workflow.wait_condition(lambda: False)
        return root.done() or not self._busy

    async def _finish(self, root: asyncio.Task[Any]) -> Any:
        try:
            output = root.result()
            if self.definition.result is not None:
                output = self.evaluate(self.definition.result, scope(self.state.frame, ()))
                measured(output, "the result")
        except StepFailed as error:
            self._fail(error.code, error.message)
        except ExpressionError as error:
            self._fail("result-failed", error.message)
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
                summary=attributes.short(ended.message or "the definition cancelled this run"),
                cancellation_type=workflow.ActivityCancellationType.ABANDON,
            )
            await workflow.wait_condition(lambda: False)
        self._end("succeeded", None, ended.output)
        return ended.output

    def _fail(self, code: str, message: str) -> NoReturn:
        message = clipped(message)
        self.state.error_code = code
        self._end("failed", message)
        raise ApplicationError(message, type=code, non_retryable=True) from None

    def _end(self, status: str, error: str | None, output: Any = None) -> None:
        self.state.status, self.state.error, self.state.output = status, error, output
        showing.show(self.facts, self.state, [], search_attributes=False)

    # --- what steps ask of the run ---

    def now(self) -> datetime:
        return workflow.now()

    async def turn_to_call(self) -> None:
        while self._busy >= CALLS_AT_ONCE:
            await workflow.wait_condition(lambda: self._busy < CALLS_AT_ONCE)
            await self.gate()

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        self.pace.rested()
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1

    def parked(self, visit: Visit, wait: OpenWait) -> None:
        self.pace.rested()
        if visit.frame.memory.get("shown") is None:
            visit.frame.memory["shown"] = True
            self.state.record(showing.visit_record(visit, "incomplete"))
        self.changed()

    def released(self, wait: OpenWait) -> None:
        self.changed()

    def action_ended(self, branch: str) -> None:
        self.waits.expect_no_more(branch)
        self.store.forget(branch)

    def changed(self) -> None:
        """Show operators where the run is, once in a turn however much has changed."""
        if not self._flush_due and not self._closing:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        if self._closing:
            return
        showing.show(self.facts, self.state, showing.open_waits(self.state), self.search_attributes)

    # --- continue-as-new ---

    def may_go_on(self) -> bool:
        return not self._due()

    def _due(self) -> bool:
        delivered = self.state.waits.delivered - self._delivered_before + self._stored
        return self._continue_asked or delivered >= DELIVERIES_PER_RUN or workflow.info().is_continue_as_new_suggested()

    def _continue_as_new(self) -> NoReturn:
        following = self._carried()
        if size(following.state) > CARRIED_BYTES:
            self._fail("state-too-large", "the run's state is too large for Temporal to carry on")
        workflow.continue_as_new(following, memo={contract.MEMO: asdict(self.facts)})

    def _carried(self, resumed: bool = False) -> RunInput:
        return RunInput(
            definition=self._input.definition,
            facts=self.facts,
            state=self.state.dump(),
            search_attributes=self.search_attributes,
            resumed=resumed,
        )

    # --- messages ---

    @workflow.update(name=contract.DELIVER)
    def deliver(self, message: Any) -> DeliveryOutcome:
        """Take an event sent by `worker.client`; its answer is final and immediate."""
        return self._deliver(messages.delivery(message), checked=True)

    @deliver.validator
    def _check_delivery(self, message: Any) -> None:
        event = messages.delivery(message)
        try:
            if self._closing:
                raise RunClosed("the run has ended", self.state.status)
            with self.pace.uncounted():
                self.waits.check(event)
        except TidegateError as error:
            raise failure(error) from error

    def _deliver(self, event: Event, checked: bool = False) -> DeliveryOutcome:
        event.received_at = contract.timestamp(workflow.now())
        outcome = self.waits.deliver(event, checked)
        if not outcome.duplicate:
            step = outcome.step or self.state.frame.cursor or ""
            known = self.definition.body.steps.get(step)
            self.state.record(showing.event_record(event, outcome, step, known.label if known else None))
            self.changed()
        return outcome

    @workflow.update(name=contract.RUN_STORE)
    def use_store(self, message: Any) -> Any:
        """Read or change a value of the run's store."""
        self._stored += 1
        return self.store.apply(messages.store_change(message))

    @use_store.validator
    def _check_store(self, message: Any) -> None:
        change = messages.store_change(message)
        try:
            if self._closing:
                raise RunClosed("the run has ended", self.state.status)
            self.store.check(change)
        except TidegateError as error:
            raise failure(error) from error

    @workflow.update(name=contract.PAUSE)
    def pause(self, paused: Any) -> None:
        """Begin no further step, or go on. Calls at work end, waits take their events, and deadlines pass meanwhile."""
        self.state.paused = paused is True
        self.changed()

    @pause.validator
    def _check_pause(self, paused: Any) -> None:
        if self._closing:
            raise failure(RunClosed("the run has ended", self.state.status))

    @workflow.signal(dynamic=True)
    def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Every signal: our own by their names, any other as an event of its name. It never raises."""
        if name == contract.CONTINUE_AS_NEW:
            self._continue_asked = True
            return
        try:
            self._deliver(messages.signalled(name, args))
        except Exception as error:
            # A signal cannot be refused, and an error here would stop the run for good: keep note instead.
            reason = getattr(error, "message", None) or str(error) or type(error).__name__
            self.waits.quarantine(name, reason, contract.timestamp(workflow.now()))
            self.changed()

    # --- queries ---

    @workflow.query(name=contract.SNAPSHOT)
    def snapshot(self) -> RunSnapshot | bytes:
        """What is known of the run. While it is parked, its last record is that of the incomplete wait."""
        shown = showing.snapshot(self.state)
        return shown if self.state.shown_bytes() <= SHOWN_BYTES else showing.packed(shown)

    @workflow.query(name=contract.STATE)
    def carried(self) -> RunInput:
        """All that a resume needs: the argument of a run that goes on from here; without state if that is too large."""
        carried = self._carried(resumed=True)
        return carried if size(carried.state) <= CARRIED_BYTES else replace(carried, state=None)

    @workflow.query(name=contract.OUTCOME)
    def outcome(self, branch: str) -> BranchOutcome:
        """What became of a branch's action."""
        return showing.outcome(self.state, branch)

    @workflow.query(name=contract.TOOK)
    def took(self, delivery_id: str) -> bool:
        """Whether a delivery was taken, which whoever made it may not have heard before the run ended."""
        return delivery_id in self.state.waits.ring
