"""Events by name and key, on a real server."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from definitions import contract
from definitions.contract import PostOutcome
from definitions.errors import Conflict, Overloaded, TooLarge
from definitions.model import WaitStep
from tests.running import DIALECT, Runs, eventually
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, literal, path, wait


def key() -> str:
    return f"user:{uuid.uuid4()}"


async def waiting(runs: Runs, key: str | None, **more: Any) -> str:
    run_id = await runs.start(correlated(key="${input.key}" if key else None, **more), {"key": key})
    await registered(runs, run_id)
    return run_id


async def registered(runs: Runs, run_id: str) -> None:
    """Parked, and the task that registers has ended."""
    await runs.parked(run_id)
    await eventually(runs.handle(run_id).describe, lambda d: not d.raw_description.HasField("pending_workflow_task"))


async def is_done(runs: Runs, key: str | None, name: str = "go") -> None:
    """The mailbox has nothing left, and has ended."""
    done = WorkflowExecutionStatus.COMPLETED
    await eventually(mailbox(runs, key, name).describe, lambda described: described.status == done)


async def test_an_event_after_the_wait(runs: Runs) -> None:
    k = key()
    run_id = await waiting(runs, k)
    outcome = await post(runs, k, {"n": 1}, wait=True)
    assert (outcome.outcome, outcome.runs, outcome.duplicate) == ("matched", [run_id], False)
    assert (await runs.ended(run_id)).output == {"n": 1}


async def test_an_event_before_the_wait_is_kept(runs: Runs) -> None:
    k = key()
    outcome = await post(runs, k, {"n": 1}, wait=True)
    assert outcome.outcome == "buffered" and outcome.until is not None
    month = datetime.fromisoformat(outcome.until.replace("Z", "+00:00")) - datetime.now(timezone.utc)
    assert timedelta(days=29, hours=23) < month < timedelta(days=30, hours=1)
    assert (await post(runs, k, {"n": 2})).outcome == "accepted"
    for n in (1, 2):
        assert (await runs.ended(await waiting_or_done(runs, k))).output == {"n": n}


async def waiting_or_done(runs: Runs, key: str) -> str:
    return await runs.start(correlated(), {"key": key})


async def test_of_many_keys_the_right_run_goes_on(runs: Runs) -> None:
    keys = [key() for _ in range(8)]
    started = {k: await waiting(runs, k) for k in keys}
    await post(runs, keys[3], "three")
    assert (await runs.ended(started[keys[3]])).output == "three"
    for k in keys:
        if k != keys[3]:
            assert (await runs.describe(started[k])).closed_at is None


async def test_no_key_matches_only_no_key(runs: Runs) -> None:
    name = f"keyless-{uuid.uuid4()}"
    keyless = await runs.start(correlated(name, key=None))
    empty = await runs.start(correlated(name, key=""), {"key": ""})
    for run_id in (keyless, empty):
        await registered(runs, run_id)
    await post(runs, "", "empty", name=name)
    assert (await runs.ended(empty)).output == "empty"
    assert (await runs.describe(keyless)).closed_at is None
    await post(runs, None, "none", name=name)
    assert (await runs.ended(keyless)).output == "none"


async def test_the_oldest_wait_is_first(runs: Runs) -> None:
    k = key()
    started = [await waiting(runs, k) for _ in range(3)]
    for n, run_id in enumerate(started):
        assert (await post(runs, k, n, wait=True)).runs == [run_id]


async def test_an_event_for_all(runs: Runs) -> None:
    k = key()
    started = [await waiting(runs, k) for _ in range(4)]
    outcome = await post(runs, k, "all", deliver="all", wait=True)
    assert outcome.outcome == "matched" and sorted(outcome.runs) == sorted(started)
    late = await waiting(runs, k)
    for run_id in started:
        assert (await runs.ended(run_id)).output == "all"
    assert (await runs.describe(late)).closed_at is None
    await post(runs, k, "one")
    await runs.ended(late)
    assert (await post(runs, k, "early", deliver="all", wait=True)).outcome == "buffered"
    assert (await runs.ended(await waiting_or_done(runs, k))).output == "early"


async def test_a_repeated_event_acts_once(runs: Runs) -> None:
    k, idem = key(), key()
    first, second = await waiting(runs, k), await waiting(runs, k)
    outcomes = await asyncio.gather(*(post(runs, k, "x", idempotency_key=idem) for _ in range(6)))
    assert sorted(outcome.duplicate for outcome in outcomes) == [False] + [True] * 5
    assert len({outcome.event_id for outcome in outcomes}) == 1
    await runs.ended(first)
    again = await post(runs, k, "x", idempotency_key=idem, wait=True)
    assert again.duplicate and again.event_id == outcomes[0].event_id
    with pytest.raises(Conflict):
        await post(runs, k, "y", idempotency_key=idem)
    assert (await runs.describe(second)).closed_at is None
    other = key()
    assert not (await post(runs, other, "y", idempotency_key=idem)).duplicate, "the scope is name and key"


async def test_a_key_is_remembered_over_continue_as_new(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.mailbox.POSTS_PER_EXECUTION", 3)
    k, idem = key(), key()
    first = await post(runs, k, "x", idempotency_key=idem)
    run_id = await waiting_or_done(runs, k)
    await runs.ended(run_id)
    before = (await mailbox(runs, k).describe()).run_id
    for n in range(4):
        await post(runs, k, n)
    await asyncio.sleep(0)
    await eventually(lambda: nudged(runs, k), lambda run: run != before)
    assert (await post(runs, k, "x", idempotency_key=idem)).event_id == first.event_id
    with pytest.raises(Conflict):
        await post(runs, k, "y", idempotency_key=idem)


async def nudged(runs: Runs, key: str) -> str | None:
    await post(runs, key, "nudge", retention=0.01)
    return (await mailbox(runs, key).describe()).run_id


async def test_a_full_window_is_told_and_forgets_nothing(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.event_memory.KEYS_LIMIT", 2)
    monkeypatch.setattr("worker.pairing.KEPT_BYTES", 1_000)
    k = key()
    for n in range(2):
        await post(runs, k, n, idempotency_key=f"i{n}")
    with pytest.raises(Overloaded) as full:
        await post(runs, k, 2, idempotency_key="i2")
    assert full.value.retry_after == 3_600
    assert (await post(runs, k, 0, idempotency_key="i0")).duplicate
    with pytest.raises(Overloaded):
        await post(runs, k, "x" * 500)
    with pytest.raises(TooLarge):
        await post(runs, k, "x" * 600_000)


@pytest.mark.parametrize("end", ["deadline", "cancel", "terminate"])
async def test_a_wait_that_has_ended_swallows_nothing(runs: Runs, end: str) -> None:
    k = key()
    deadline = {"deadline": {"after": 0.2, "then": "continue"}} if end == "deadline" else {}
    run_id = await runs.start(correlated(**deadline), {"key": k})
    if end != "deadline":
        await registered(runs, run_id)
    if end == "cancel":
        await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    if end == "terminate":
        await runs.handle(run_id).terminate()
    await eventually(lambda: runs.describe(run_id), lambda described: described.closed_at is not None)
    assert (await post(runs, k, "for another", wait=True)).outcome == "buffered"
    assert (await runs.ended(await waiting_or_done(runs, k))).output == "for another"
    await is_done(runs, k)


async def test_a_wait_is_found_after_continue_as_new_and_resume(runs: Runs) -> None:
    k = key()
    run_id = await waiting(runs, k)
    await renew(runs, run_id)
    await runs.parked(run_id)
    await runs.tidegate.cancel_run(DIALECT, runs.organisation, run_id)
    await runs.tidegate.resume_run(DIALECT, runs.organisation, run_id)
    await registered(runs, run_id)
    await renew(runs, run_id)
    history = [event.event_type async for event in runs.handle(run_id).fetch_history_events()]
    assert EventType.EVENT_TYPE_MARKER_RECORDED not in history, "the registration stands"
    assert (await post(runs, k, "found", wait=True)).outcome == "matched"
    assert (await runs.ended(run_id)).output == "found"


async def test_a_filter_leaves_the_event_to_another_wait(runs: Runs) -> None:
    k = key()
    never = await waiting(runs, k, filter=literal(False))
    right = await waiting(runs, k)
    outcome = await post(runs, k, 1, wait=True)
    assert outcome.runs == [right]
    assert (await post(runs, k, 2, wait=True)).outcome == "buffered"
    assert (await runs.describe(never)).closed_at is None
    assert (await runs.ended(await waiting_or_done(runs, k))).output == 2


async def test_a_key_that_is_used_anew_after_its_window_is_another_event(runs: Runs) -> None:
    """Also for a wait that has seen, and used up, the event of the same key before."""
    k = key()
    right = {"language": "json-logic", "source": {"==": [{"var": "event.payload"}, "today"]}}
    run_id = await waiting(runs, k, filter=right, on_reject="discard")
    first = await post(runs, k, "yesterday", idempotency_key="daily", window=0.05, wait=True)
    assert first.outcome == "matched"
    second = await eventually(
        lambda: post(runs, k, "yesterday", idempotency_key="daily", window=0.05), lambda outcome: not outcome.duplicate
    )
    assert second.event_id != first.event_id
    third = await eventually(lambda: today(runs, k), lambda outcome: outcome is not None)
    assert third is not None and not third.duplicate
    assert (await runs.ended(run_id)).output == "today"


async def today(runs: Runs, k: str) -> PostOutcome | None:
    try:
        return await post(runs, k, "today", idempotency_key="daily", window=60.0)
    except Conflict:
        return None


async def test_one_of_two_names(runs: Runs) -> None:
    k = key()
    run_id = await waiting(runs, k, **{"events": ["paid", "refused"], "output": "event"})
    await post(runs, k, 5, name="refused")
    output = (await runs.ended(run_id)).output
    assert output == {"event": "refused", "correlationKey": k, "payload": 5, "timedOut": False}
    await eventually(lambda: post(runs, k, 6, name="paid", wait=True), lambda o: o.outcome == "buffered")


async def test_a_deadline_tells_what_was_waited_for(runs: Runs) -> None:
    k = key()
    late = {"after": 0.1, "then": "continue"}
    run_id = await runs.start(correlated(deadline=late, output="event"), {"key": k})
    output = (await runs.ended(run_id)).output
    assert output == {"event": "go", "correlationKey": k, "payload": None, "timedOut": True}


@pytest.mark.parametrize("given", [5, None, ["a"], "x" * 1_001])
async def test_a_key_that_is_no_text_fails_the_step(runs: Runs, given: Any) -> None:
    run_id = await runs.start(correlated(), {"key": given})
    snapshot = await runs.ended(run_id, "failed")
    assert snapshot.error is not None and "key" in snapshot.error


async def test_a_key_that_is_missing_fails_the_step(runs: Runs) -> None:
    run_id = await runs.start(correlated(), {"other": "a"})
    assert (await runs.ended(run_id, "failed")).error


def test_a_correlated_wait_needs_one_event() -> None:
    with pytest.raises(ValueError, match="one event"):
        WaitStep(events=["a", "b"], correlation={})  # type: ignore[arg-type]


async def test_several_waits_of_one_run(runs: Runs) -> None:
    k = key()
    one = {"need": "any", "correlation": {"key": path("${input.key}")}, "output": "first"}
    body = block(
        "a",
        a=wait("go", next="b", save={"output": ["a"]}, **one),
        b=wait("go", next="c", save={"output": ["b"]}, **one),
        c={"kind": "assign", "value": path({"a": "${a}", "b": "${b}"})},
    )
    run_id = await runs.start(body, {"key": k})
    await asyncio.gather(*(post(runs, k, n) for n in (1, 1)))
    assert (await runs.ended(run_id)).output == {"a": 1, "b": 1}
    await is_done(runs, k)


async def test_nothing_of_key_and_payload_is_shown(runs: Runs) -> None:
    k = "secret-key-" + key()
    await post(runs, k, 1, idempotency_key="secret-idem")
    handle = mailbox(runs, k)
    described = await handle.describe()
    shown = str(described.raw_description) + str(await handle.query("__temporal_workflow_metadata", result_type=object))
    assert "secret" not in shown and "go" in shown
    assert k not in str(await handle.fetch_history())


async def test_stray_messages_do_no_harm(runs: Runs) -> None:
    k = key()
    run_id = await waiting(runs, k)
    await waiting(runs, k)
    handle = mailbox(runs, k)
    await handle.signal(contract.REGISTER)
    await handle.signal(contract.REGISTER, "nonsense")
    await handle.signal("whatever", {"a": 1})
    await handle.cancel()
    assert (await post(runs, k, 1, wait=True)).runs == [run_id]
    with pytest.raises(RPCError):
        await mailbox(runs, key()).describe()
