"""Windows of a day and retentions of a month, on a real server that skips time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from definitions.errors import Conflict
from tests.running import Runs, eventually
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.test_long_waits import skipping

__all__ = ["skipping"]


@pytest.fixture(autouse=True)
def only_when_asked(skipping: tuple[WorkflowEnvironment, Runs]) -> Iterator[None]:
    """Else an idle mailbox would skip to its next timer by itself."""
    with skipping[0].with_time_skipping_disabled():
        yield


async def skip(environment: WorkflowEnvironment, runs: Runs, key: str, **time: float) -> None:
    await environment.fast_forward(mailbox(runs, key), timedelta(**time))


async def test_a_key_is_remembered_for_a_day(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, runs = skipping
    k = str(uuid.uuid4())
    first = await post(runs, k, 1, idempotency_key="once")
    assert (await runs.ended(await runs.start(correlated(), {"key": k}))).output == 1
    await skip(environment, runs, k, hours=23, minutes=55)
    again = await post(runs, k, 1, idempotency_key="once")
    assert again.duplicate and again.event_id == first.event_id
    with pytest.raises(Conflict):
        await post(runs, k, 2, idempotency_key="once")
    await skip(environment, runs, k, minutes=10)
    done = WorkflowExecutionStatus.COMPLETED
    await eventually(mailbox(runs, k).describe, lambda described: described.status == done)
    assert not (await post(runs, k, 2, idempotency_key="once")).duplicate


async def test_an_event_is_kept_for_thirty_days(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, runs = skipping
    used, unused = str(uuid.uuid4()), str(uuid.uuid4())
    for key in (used, unused):
        assert (await post(runs, key, key, wait=True)).outcome == "buffered"
    await skip(environment, runs, used, days=29, hours=23)
    assert (await runs.ended(await runs.start(correlated(), {"key": used}))).output == used
    await skip(environment, runs, unused, days=30, minutes=5)
    done = WorkflowExecutionStatus.COMPLETED
    await eventually(mailbox(runs, unused).describe, lambda described: described.status == done)
    late = await runs.start(correlated(deadline={"after": 0.2, "then": "continue"}, output="event"), {"key": unused})
    assert (await runs.ended(late)).output["timedOut"]


async def test_a_wait_of_weeks_is_found(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, runs = skipping
    key = str(uuid.uuid4())
    run_id = await runs.start(correlated(deadline={"after": 60 * 86_400.0}), {"key": key})
    await runs.parked(run_id)
    await environment.fast_forward(runs.handle(run_id), timedelta(days=50))
    assert (await post(runs, key, "late", wait=True)).runs == [run_id]
    assert (await runs.ended(run_id)).output == "late"
