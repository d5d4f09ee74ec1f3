"""The mailbox of one event name and correlation key: the one place where events and waits meet.

Messages only change the pairing; offers are handed over by activities, which are repeated until the runs have answered.
A mailbox that holds nothing ends.

An execution begins with a wait's registration and is not run until something else comes, or with an event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from definitions.contract import (
    HAND_OVER,
    MAILBOX_WORKFLOW,
    MEMO,
    POST,
    REGISTER,
    WITHDRAW,
    PostEvent,
    PostOutcome,
    Waiter,
)
from definitions.errors import TidegateError
from definitions.ids import digest
from worker.acceptance import check_waiter, size_of
from worker.attributes import short
from worker.failures import continuing, failure
from worker.hand_over import ATTEMPT_SECONDS
from worker.mailbox_messages import UNANSWERED, Handed, HandOver, Mailbox
from worker.mailbox_state import NEVER, MailboxState, Receipt
from worker.pairing import Offer, Pairing

#: Messages of one execution before it continues as new. Temporal takes 2,000 updates and 10,000 signals.
POSTS_PER_EXECUTION = 1_000
POSTS_LIMIT = 1_900
SIGNALS_PER_EXECUTION = 4_000
#: And bytes, which its history holds twice. Temporal ends an execution, with all that it keeps, at 50 MB.
POSTED_BYTES = 10_000_000
#: Temporal holds back an execution that follows a younger one than a second; so an empty mailbox lingers as long.
YOUNG = timedelta(seconds=2)
#: Seconds between two tidyings.
REST = 60.0
#: Hand-overs under way at a time, and those of one activity.
OPEN_OFFERS = 200
BATCH = 50
#: Seconds that a sender waits who asks for the outcome.
OUTCOME_SECONDS = 3.0
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=500), maximum_interval=timedelta(seconds=5))


@workflow.defn(name=MAILBOX_WORKFLOW)
class TidegateMailbox:
    """Pairs the events of one name and key with the waits for them."""

    @workflow.init
    def __init__(self, mailbox: Mailbox, packed: bytes | None) -> None:
        self._mailbox = mailbox
        self._pairing = Pairing(MailboxState.load(packed) if packed else None)
        self._posts = self._posted_bytes = self._signals = self._refused = 0
        self._flying = 0
        self._tasks: set[asyncio.Future[None]] = set()
        self._pump_due = False
        self._ending = False
        self._fly(self._pairing.open_offers(), again=True)
        self._changed()

    # --- its life ---

    @workflow.run
    async def run(self, mailbox: Mailbox, packed: bytes | None) -> None:
        while True:
            await self._rest()
            if self._may_end():
                return
            if self._long():
                await self._continue()
            self._pairing.expire(_now())
            self._changed()

    def _may_end(self) -> bool:
        idle = self._pairing.empty and not self._pump_due and not self._flying
        return idle and workflow.all_handlers_finished() and self._is_old()

    @staticmethod
    def _is_old() -> bool:
        return workflow.now() - workflow.info().start_time > YOUNG

    def _long(self) -> bool:
        many = self._posts >= POSTS_PER_EXECUTION or self._signals >= SIGNALS_PER_EXECUTION
        return (many or workflow.info().is_continue_as_new_suggested()) and self._is_old()

    def _is_full(self) -> bool:
        return self._posts >= POSTS_LIMIT or self._posted_bytes >= POSTED_BYTES

    async def _rest(self) -> None:
        """Return when there is something to do for the main loop: to end, to continue, or to tidy up."""
        armed, was_full = self._due(), self._is_full()
        timeout = None if armed == NEVER else timedelta(seconds=max(0.0, armed - _now()))
        try:
            await workflow.wait_condition(
                lambda: self._may_end() or self._long() or self._is_full() > was_full or self._due() < armed - REST,
                timeout=timeout,
                timeout_summary="tidy up",
            )
        except asyncio.TimeoutError:
            return
        except asyncio.CancelledError:
            workflow.logger.warning("a cancellation was ignored: it would lose what is kept here; terminate to delete")

    def _due(self) -> float:
        """When to tidy up; a while late, so that it is done for many at a time."""
        grown_up = (workflow.info().start_time + YOUNG).timestamp()
        if self._is_full():  # whom it refuses does not wake it
            return grown_up + 0.1
        if self._flying:
            return NEVER
        if self._pairing.empty:
            return grown_up + 1
        return max(self._pairing.soonest, _now()) + REST

    async def _continue(self) -> None:
        self._ending = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = self._pairing.state
        counts = {"waits": len(state.waiters), "events": len(state.events), "generation": self._mailbox.generation + 1}
        mailbox = Mailbox(self._mailbox.name, self._mailbox.generation + 1)
        workflow.continue_as_new(args=[mailbox, state.dump()], memo={MEMO: counts})

    # --- messages ---

    @workflow.update(name=POST)
    async def post(self, event: PostEvent) -> PostOutcome:
        """Take an event; answers at once, or with what became of it if that is asked for."""
        self._posts += 1
        self._posted_bytes += size_of(event)
        posted = self._pairing.post(event, _now())
        self._changed()
        if event.wait and not posted.duplicate:
            await self._decided(posted.receipt)
        return posted.outcome(event.wait)

    @post.validator
    def _check_post(self, event: PostEvent) -> None:
        if self._ending or self._is_full():
            raise continuing()
        try:
            self._pairing.check(event, _now())
        except TidegateError as error:
            raise failure(error) from error

    async def _decided(self, receipt: Receipt) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._ending or receipt.state != "offered", timeout=timedelta(seconds=OUTCOME_SECONDS)
            )

    @workflow.signal(dynamic=True)
    def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """A run waits, or waits no more. It never raises: that would stop the mailbox for good."""
        self._signals += 1
        try:
            waiter = workflow.payload_converter().from_payload(args[0].payload, Waiter)
            deadline = check_waiter(waiter)
            if name == REGISTER:
                self._pairing.register(waiter.workflow_id, waiter.wait_id, deadline, waiter.round)
            elif name == WITHDRAW:
                self._pairing.withdraw(waiter.workflow_id, waiter.wait_id)
        except Exception:
            self._refused += 1
        self._changed()

    # --- handing over ---

    def _changed(self) -> None:
        """Look for new pairs, once in a turn however many messages have come."""
        if not self._pump_due:
            self._pump_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        self._pump_due = False
        if not self._ending:
            self._fly(self._pairing.offers(OPEN_OFFERS - self._flying, _now()), again=False)
        self._show()

    def _fly(self, offers: list[Offer], again: bool) -> None:
        self._flying += len(offers)
        for at in range(0, len(offers), BATCH):
            task = asyncio.ensure_future(self._hand_over(offers[at : at + BATCH], again))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hand_over(self, offers: list[Offer], again: bool) -> None:
        while offers:
            verdicts = await self._verdicts(offers, again)
            for offer, verdict in zip(offers, verdicts, strict=True):
                if verdict != UNANSWERED:
                    self._flying -= 1
                    self._pairing.answered(offer, verdict)  # type: ignore[arg-type]
            offers = [offer for offer, verdict in zip(offers, verdicts, strict=True) if verdict == UNANSWERED]
            again = True
            self._changed()

    async def _verdicts(self, offers: list[Offer], again: bool) -> list[str]:
        """What the runs say; it takes as long as it takes until one does.

        Not a local activity: that would hand events over before Temporal has them. If the task were lost then, a sender
        who tries again could have the same event handed to another run.
        """
        verdicts: list[str] = await workflow.execute_activity(
            HAND_OVER,
            self._request(offers, again),
            result_type=list[str],
            start_to_close_timeout=timedelta(seconds=ATTEMPT_SECONDS + 5),
            retry_policy=RETRY,
        )
        return verdicts

    def _request(self, offers: list[Offer], again: bool) -> HandOver:
        request = HandOver(self._mailbox.name, again)
        mailbox_id = workflow.info().workflow_id
        for offer in offers:
            event, waiter = self._pairing.state.events[offer.event], self._pairing.state.waiters[offer.waiter]
            request.payloads[str(event.number)] = [event.payload] if event.has_payload else []
            # The same for the same event and wait, whatever was lost on the way: so the run knows it again.
            delivery_id = digest(mailbox_id, event.identity, waiter.wait_id).hex()[:32]
            request.to.append(Handed(event.number, waiter.workflow_id, waiter.wait_id, delivery_id))
        return request

    def _show(self) -> None:
        state = self._pairing.state
        more = f", {state.turned_away} waits beyond the limit" * bool(state.turned_away)
        more += f", {self._refused} unusable signals" * bool(self._refused)
        counts = (
            f"{len(state.waiters)} waits, {len(state.events)} events kept, {len(state.keys)} idempotency keys{more}"
        )
        workflow.set_current_details(short(f"{self._mailbox.name}: {counts}"))


def _now() -> float:
    return workflow.now().timestamp()
