"""What Temporal's own tools can send to a mailbox, and what is large in unusual ways: none of it may stop it."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from definitions.contract import POST, REGISTER
from definitions.errors import Overloaded, TooLarge
from tests.running import Runs, eventually
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.test_mailboxes import key, waiting
from tests.worker.test_mailboxes_many import stubborn
from worker import mailbox as mailboxes


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


BAD_EVENTS: dict[str, Any] = {
    "no object": 5,
    "no id": {"payload": 1},
    "id that is no text": {"id": 5},
    "empty id": {"id": ""},
    "long id": {"id": "x" * 100_000},
    "long key": {"id": "e", "idempotency_key": "x" * 100_000},
    "deep payload": {"id": "e", "payload": nested(400), "has_payload": True},
    "half a pair": {"id": "e", "payload": "\ud800", "has_payload": True},
    "not a number": {"id": "e", "payload": float("nan"), "has_payload": True},
    "endless retention": {"id": "e", "retention": float("inf"), "wait": True},
    "retention beyond the calendar": {"id": "e", "retention": 1e15, "wait": True},
    "retention that is no number": {"id": "e", "retention": float("nan")},
    "endless window": {"id": "e", "idempotency_key": "i", "window": float("inf")},
    "window that is no number": {"id": "e", "idempotency_key": "i", "window": float("nan")},
    "unknown way": {"id": "e", "deliver": "none"},
}


@pytest.mark.parametrize("what", BAD_EVENTS)
async def test_an_event_that_is_none_is_refused(runs: Runs, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    k = key()
    await post(runs, k, "before")
    with pytest.raises(WorkflowUpdateFailedError):
        await asyncio.wait_for(mailbox(runs, k).execute_update(POST, BAD_EVENTS[what]), 5)
    await still_works(runs, k, ["before"], monkeypatch)


BAD_WAITERS: dict[str, Any] = {
    "no run": {"workflow_id": "", "wait_id": "w#1", "since": ""},
    "id that no workflow can have": {"workflow_id": "x" * 5_000, "wait_id": "w#1", "since": ""},
    "half a pair": {"workflow_id": "x\ud800", "wait_id": "w#1", "since": ""},
    "half a pair in the wait": {"workflow_id": "x", "wait_id": "w\ud800", "since": ""},
    "long wait": {"workflow_id": "x", "wait_id": "x" * 1_000_000, "since": ""},
    "deadline that is no moment": {"workflow_id": "x", "wait_id": "w", "since": "", "deadline": "soon"},
    "deadline without a zone": {"workflow_id": "x", "wait_id": "w", "since": "", "deadline": "2999-01-01T00:00:00"},
    "last deadline": {"workflow_id": "x", "wait_id": "w", "since": "", "deadline": "9999-12-31T23:59:59.999999Z"},
    "first deadline": {"workflow_id": "x", "wait_id": "w", "since": "", "deadline": "0001-01-01T00:00:00+14:00"},
}


@pytest.mark.parametrize("what", BAD_WAITERS)
async def test_a_wait_that_is_none_takes_nothing(runs: Runs, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    k = key()
    await waiting(runs, k)
    await post(runs, k, "first", wait=True)
    await mailbox(runs, k).signal(REGISTER, BAD_WAITERS[what])
    await still_works(runs, k, [], monkeypatch)


async def still_works(runs: Runs, k: str, kept: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """What it held is there, events come and go, and it continues as new."""
    for payload in [*kept, "after"]:
        if payload == "after":
            assert (await post(runs, k, payload, wait=True)).outcome in ("buffered", "accepted")
        assert (await runs.ended(await runs.start(correlated(), {"key": k}))).output == payload
    monkeypatch.setattr(mailboxes, "POSTS_PER_EXECUTION", 1)
    await post(runs, k, "kept")
    before = (await mailbox(runs, k).describe()).run_id
    await eventually(lambda: renewed(runs, k), lambda run_id: run_id != before)
    assert (await runs.ended(await runs.start(correlated(), {"key": k}))).output == "kept"


async def renewed(runs: Runs, k: str) -> str | None:
    await post(runs, k, "nudge", retention=0.01)
    return (await mailbox(runs, k).describe()).run_id


async def test_events_are_measured_as_temporal_carries_them(runs: Runs) -> None:
    """Each letter of these takes six bytes or twelve: together they would be more than Temporal takes at once."""
    k = key()
    text = "é" * 80_000
    sent = 0
    with pytest.raises((Overloaded, TooLarge)):
        for _ in range(20):
            await post(runs, k, text)
            sent += 1
    with pytest.raises(TooLarge):
        await post(runs, key(), "é" * 100_000)
    assert sent >= 2
    started = [await runs.start(correlated(), {"key": k}) for _ in range(sent)]
    assert [(await runs.ended(run_id)).output for run_id in started] == [text] * sent


async def test_a_flood_of_large_events_stays_within_the_history(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal ends an execution, with all it holds, whose history is larger than 50 MB."""
    monkeypatch.setattr(mailboxes, "YOUNG", timedelta(seconds=5))  # it may not continue before
    k = key()
    payload = "x" * 480_000
    sent = 0

    async def sender() -> None:
        nonlocal sent
        while sent < 50:
            sent += 1
            event_id = str(uuid.uuid4())
            await stubborn(lambda id=event_id: post(runs, k, payload, id=id, retention=0.02))  # type: ignore[misc]

    first = (await post(runs, k, "first", idempotency_key="once")).event_id
    execution = (await mailbox(runs, k).describe()).run_id
    await asyncio.gather(*(sender() for _ in range(6)))
    assert (await stubborn(lambda: post(runs, k, "first", idempotency_key="once"))).event_id == first
    handle = runs.tidegate.temporal.get_workflow_handle(mailbox(runs, k).id, run_id=execution)
    info = (await handle.describe()).raw_description.workflow_execution_info
    assert 8_000_000 < info.history_size_bytes < 20_000_000
    assert (info.close_time.ToDatetime() - info.start_time.ToDatetime()).total_seconds() < 10, "it wakes by itself"
