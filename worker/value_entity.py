"""The entity of one value of an organisation's durable state: set, delete, increment, each once.

The value and its expiry are in the memo: a read is one Describe, strongly consistent, and needs no worker. A change is
an update, known by its id: a repetition gets the first one's answer, also after continue-as-new. An entity that holds
nothing ends after a while, since it must know repetitions until then.
"""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from temporalio import workflow
from temporalio.common import RawValue

from definitions.contract import CHANGE_VALUE, MEMO, VALUE_WORKFLOW, timestamp
from definitions.errors import InputInvalid, NotANumber, TidegateError, TooLarge
from definitions.ids import digest
from worker.failures import continuing, failure
from worker.messages import check_json

#: Bytes of one value, as JSON.
VALUE_BYTES = 64 * 1024
#: Changes whose repetitions are known.
REMEMBERED_CHANGES = 8_000
#: How long an entity stays that holds nothing.
LINGER = timedelta(days=1)
#: Changes of one execution before it continues as new, and until it refuses more. Temporal takes 2,000 updates.
CHANGES_PER_EXECUTION = 1_000
CHANGES_LIMIT = 1_900
#: And bytes, which its history holds twice. Temporal ends an execution, with the value, at 50 MB.
CHANGED_BYTES = 10_000_000
#: Temporal holds back an execution that follows a younger one than a second.
YOUNG = timedelta(seconds=2)
#: Beyond it a whole number is not exact any more for most readers of JSON.
EXACT = 2**53 - 1


@dataclass
class Change:
    """The argument of CHANGE_VALUE. `expires_at` is a timestamp and belongs to `set`."""

    id: str
    operation: Literal["set", "delete", "increment"]
    value: Any = None
    expires_at: str | None = None


@dataclass
class ValueState:
    """The argument of `TidegateValue`. `answered` maps hash of a change's id -> its answer, oldest first."""

    present: bool = False
    value: Any = None
    expires_at: str | None = None
    changed_at: str = ""
    answered: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> dict[str, Any]:
        """The memo: what a read sees."""
        return {"present": self.present, "value": self.value, "expires_at": self.expires_at}


def value_size(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= EXACT if isinstance(value, int) else math.isfinite(value)


@workflow.defn(name=VALUE_WORKFLOW)
class TidegateValue:
    """One value."""

    @workflow.init
    def __init__(self, state: ValueState) -> None:
        self._state = state
        self._changes = self._changed_bytes = 0
        self._flush_due = False
        self._state.changed_at = self._state.changed_at or timestamp(workflow.now())

    # --- its life ---

    @workflow.run
    async def run(self, state: ValueState) -> None:
        while not self._is_over():
            await self._rest()
            if self._is_long():
                workflow.continue_as_new(self._state, memo={MEMO: self._state.shown()})
            self._expire()

    def _is_over(self) -> bool:
        moment = self._next_moment()
        return not self._state.present and moment is not None and moment <= workflow.now()

    def _next_moment(self) -> datetime | None:
        """When the value expires, or an entity without one ends; None: never."""
        state = self._state
        if state.present:
            return None if state.expires_at is None else _moment(state.expires_at)
        return _moment(state.changed_at) + LINGER

    async def _rest(self) -> None:
        """Return when the next moment has come, or it is time to continue as new; whatever asks the entity to stop."""
        armed, was_full = self._next_moment(), self._is_full()
        if was_full:  # whom it refuses does not wake it
            armed = workflow.info().start_time + YOUNG + timedelta(seconds=0.1)
        left = None if armed is None else max(timedelta(), armed - workflow.now())
        try:
            await workflow.wait_condition(
                lambda: self._is_long() or self._is_full() > was_full or self._is_sooner(armed),
                timeout=left,
                timeout_summary="expiry",
            )
        except (asyncio.TimeoutError, asyncio.CancelledError):
            return

    def _is_full(self) -> bool:
        return self._changes >= CHANGES_LIMIT or self._changed_bytes >= CHANGED_BYTES

    def _is_sooner(self, armed: datetime | None) -> bool:
        moment = self._next_moment()
        return moment is not None and (armed is None or moment < armed)

    def _is_long(self) -> bool:
        many = self._changes >= CHANGES_PER_EXECUTION or workflow.info().is_continue_as_new_suggested()
        return many and workflow.now() - workflow.info().start_time > YOUNG

    def _expire(self) -> None:
        state = self._state
        if state.present and state.expires_at is not None and _moment(state.expires_at) <= workflow.now():
            self._clear()
            self._changed()

    # --- messages ---

    @workflow.update(name=CHANGE_VALUE)
    def change(self, change: Change) -> Any:
        """The new number of an increment; nothing otherwise. A repetition gets the first one's answer."""
        self._changes += 1
        self._changed_bytes += len(json.dumps(change.value))
        known, answered = _known(change), self._state.answered
        if known not in answered:
            answered[known] = self._apply(change)
            while len(answered) > REMEMBERED_CHANGES:
                del answered[next(iter(answered))]
        return answered[known]

    @change.validator
    def _check_change(self, change: Change) -> None:
        if self._is_full():
            raise continuing()
        if _known(change) in self._state.answered:
            return
        try:
            _check(change)
            self._result(change)
        except TidegateError as error:
            raise failure(error) from error

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """Nothing here listens to signals, and none may do harm."""

    # --- changes ---

    def _result(self, change: Change) -> Any:
        """The value after a change. Raises NotANumber, TooLarge."""
        if change.operation == "delete":
            return None
        if change.operation == "set":
            if value_size(change.value) > VALUE_BYTES:
                raise TooLarge(f"a value has at most {VALUE_BYTES} bytes as JSON")
            return change.value
        before = self._state.value if self._is_present() else 0
        if not is_number(before) or not is_number(change.value):
            raise NotANumber("only a number can be incremented, and by a number")
        after = before + change.value
        if not is_number(after):
            raise NotANumber("the number would be too large to be exact")
        return after

    def _apply(self, change: Change) -> Any:
        state, after = self._state, self._result(change)
        if change.operation == "delete":
            self._clear()
        else:
            if change.operation == "set":
                state.expires_at = change.expires_at
            elif not self._is_present():
                state.expires_at = None
            state.present, state.value = True, after
        state.changed_at = timestamp(workflow.now())
        self._changed()
        return after if change.operation == "increment" else None

    def _is_present(self) -> bool:
        expires_at = self._state.expires_at
        return self._state.present and (expires_at is None or _moment(expires_at) > workflow.now())

    def _clear(self) -> None:
        self._state.present, self._state.value, self._state.expires_at = False, None, None

    def _changed(self) -> None:
        """Show the value, once in a turn however many changes have come; no answer leaves before it."""
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        workflow.upsert_memo({MEMO: self._state.shown()})


def _check(change: Change) -> None:
    """Raise InputInvalid for what the entity could not keep, or not compare: it would be stopped for good."""
    try:
        check_json(change.value)
        if change.expires_at is not None and _moment(change.expires_at).tzinfo is None:
            raise ValueError("an expiry needs a time zone")
    except ValueError as error:
        raise InputInvalid(f"not a value with an expiry: {error}") from None


def _known(change: Change) -> str:
    return digest(change.id).hex()[:16]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
