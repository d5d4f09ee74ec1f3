"""The topic of one event name: the index of the definitions that may listen to it.

It is in the memo, so a read is one Describe, strongly consistent, and needs no worker. Whether a definition does listen
is for its own entity to say; so what is left over here is harmless, and only what is missing would do harm.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RawValue

from definitions.contract import MEMO, SUBSCRIBE, TOPIC_WORKFLOW, UNHEARD, UNSUBSCRIBE, timestamp
from definitions.errors import TooLarge
from worker.failures import continuing, failure
from worker.messages import check_json
from worker.topic_state import Subscription, TopicState, UnheardEvents

#: How long a topic stays to which nobody listens, after it last heard of an event.
LINGER = timedelta(days=30)
#: Updates of one execution before it continues as new, and until it refuses more. Temporal takes 2,000.
CHANGES_PER_EXECUTION = 1_000
CHANGES_LIMIT = 1_900
#: Signals, of which Temporal takes 10,000.
SIGNALS_PER_EXECUTION = 4_000
#: And bytes of memos that it has shown. Temporal ends an execution at 50 MB.
SHOWN_BYTES = 5_000_000
#: Temporal holds back an execution that follows a younger one than a second.
YOUNG = timedelta(seconds=2)
#: Characters of an id; a definition's has 36, an entry of an index more.
ID_LIMIT = 600


@workflow.defn(name=TOPIC_WORKFLOW)
class TidegateTopic:
    """One event name of one organisation."""

    @workflow.init
    def __init__(self, state: TopicState) -> None:
        self._state = state
        self._changes = self._signals = self._shown_bytes = 0
        self._flush_due = False
        self._state.changed_at = self._state.changed_at or timestamp(workflow.now())

    # --- its life ---

    @workflow.run
    async def run(self, state: TopicState) -> None:
        while not self._is_over():
            await self._rest()
            if self._is_long():
                workflow.continue_as_new(self._state, memo={MEMO: self._state.shown()})

    def _is_over(self) -> bool:
        ends = self._ends_at()
        return ends is not None and ends <= workflow.now()

    def _ends_at(self) -> datetime | None:
        changed_at = datetime.fromisoformat(self._state.changed_at.replace("Z", "+00:00"))
        return None if self._state.listeners else changed_at + LINGER

    async def _rest(self) -> None:
        """Return when it may be time to end, or to continue as new; whatever asks the entity to stop."""
        armed, was_full = self._ends_at(), self._is_full()
        if was_full:  # whom it refuses does not wake it
            armed = workflow.info().start_time + YOUNG + timedelta(seconds=0.1)
        left = None if armed is None else max(timedelta(), armed - workflow.now())
        try:
            await workflow.wait_condition(
                lambda: self._is_long() or self._is_full() > was_full or (armed is None and not self._state.listeners),
                timeout=left,
                timeout_summary="nobody listens",
            )
        except (asyncio.TimeoutError, asyncio.CancelledError):
            return

    def _is_full(self) -> bool:
        return self._changes >= CHANGES_LIMIT or self._shown_bytes >= 4 * SHOWN_BYTES

    def _is_long(self) -> bool:
        many = self._changes >= CHANGES_PER_EXECUTION or self._signals >= SIGNALS_PER_EXECUTION
        many = many or self._shown_bytes >= SHOWN_BYTES or workflow.info().is_continue_as_new_suggested()
        return many and workflow.now() - workflow.info().start_time > YOUNG

    # --- messages ---

    @workflow.update(name=SUBSCRIBE)
    def subscribe(self, subscription: Subscription) -> int:
        """The definition may listen from now on; the subscription's number."""
        number = self._state.subscribe(subscription)
        self._changed()
        return number

    @subscribe.validator
    def _check_subscription(self, subscription: Subscription) -> None:
        if self._is_full():
            raise continuing()
        try:
            if not 1 <= len(subscription.definition_id) <= ID_LIMIT:
                raise TooLarge(f"an entry of a topic has 1 to {ID_LIMIT} characters")
            self._state.check(subscription)
        except TooLarge as error:
            raise failure(error) from error

    @workflow.update(name=UNSUBSCRIBE)
    def unsubscribe(self, subscription: Subscription) -> bool:
        """Remove this very subscription, not one that has replaced it; whether it was there."""
        removed = self._state.unsubscribe(subscription)
        if removed:
            self._changed()
        else:
            self._changes += 1
        return removed

    @unsubscribe.validator
    def _check_unsubscription(self, subscription: Subscription) -> None:
        if self._is_full():
            raise continuing()

    @workflow.signal(dynamic=True)
    def on_signal(self, name: str, args: Sequence[RawValue]) -> None:
        """Events that nobody heard. It never raises: that would stop the topic for good."""
        self._signals += 1
        if name != UNHEARD:
            return
        try:
            events: UnheardEvents = workflow.payload_converter().from_payload(args[0].payload, UnheardEvents)
            check_json([events.at, *events.ids])
            if any(not isinstance(one, str) or len(one) > ID_LIMIT for one in [events.at, *events.ids]):
                return
            noted = self._state.note(events)
        except Exception:
            return  # not sent by us
        if noted:
            self._show_later()

    def _changed(self) -> None:
        self._changes += 1
        self._show_later()

    def _show_later(self) -> None:
        """Show the state, once in a turn however many messages have come; no answer leaves before it."""
        self._state.changed_at = timestamp(workflow.now())
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        shown = self._state.shown()
        self._shown_bytes += len(json.dumps(shown))
        workflow.upsert_memo({MEMO: shown})
