"""Steps that send events by name and key: once each, whatever is repeated; clear errors for bad keys."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.contract import SEND_EVENT, PostOutcome, SendEvent
from definitions.errors import TidegateError
from tests.running import Runs, eventually, runs_on
from tests.worker.mailboxes import correlated, mailbox, post
from tests.worker.test_interpreter import block, literal, path
from worker.client import TidegateClient
from worker.failures import failure
from worker.interpreter import TidegateRun


def send(key: Any = "${input.key}", **more: Any) -> dict[str, Any]:
    return {"kind": "send", "event": "go", **({} if key is None else {"key": path(key)}), **more}


def sender(**more: Any) -> dict[str, Any]:
    return block("s", s=send(**more))


async def output(runs: Runs, body: dict[str, Any], input: Any) -> Any:
    return (await runs.ended(await runs.start(body, input))).output


@pytest.fixture
def key() -> str:
    return f"order:{uuid.uuid4()}"


@pytest.mark.parametrize("payload", [{"n": 1}, None, "text", [1, 2]])
async def test_the_event_resumes_the_run_that_waits_for_its_key(runs: Runs, key: str, payload: Any) -> None:
    waiting, other = await runs.start(correlated(), {"key": key}), await runs.start(correlated(), {"key": f"{key}x"})
    await runs.parked(waiting)
    await runs.parked(other)
    sent = await output(runs, sender(payload=path("${input.payload}")), {"key": key, "payload": payload})
    assert sent["duplicate"] is False and sent["event_id"]
    assert (await runs.ended(waiting)).output == payload
    assert (await runs.describe(other)).status == "running"


async def test_an_event_that_is_sent_first_waits_for_its_run(runs: Runs, key: str) -> None:
    await output(runs, sender(payload=literal({"n": 1})), {"key": key})
    assert await output(runs, correlated(), {"key": key}) == {"n": 1}


async def test_a_run_can_send_to_itself(runs: Runs, key: str) -> None:
    wait = correlated()["steps"]["w"]
    body = block("s", s=send(payload=literal({"n": 1}), next="w"), w=wait)
    assert await output(runs, body, {"key": key}) == {"n": 1}


async def test_the_same_idempotency_key_is_one_event(runs: Runs, key: str) -> None:
    body = sender(payload=path("${input.n}"), idempotency_key=path("once:${input.key}"))
    first = await output(runs, body, {"key": key, "n": 1})
    again = await output(runs, body, {"key": key, "n": 1})
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert again["event_id"] == first["event_id"]
    changed = await runs.ended(await runs.start(body, {"key": key, "n": 2}), "failed")
    assert changed.error is not None and "idempotency key" in changed.error
    assert await output(runs, correlated(), {"key": key}) == 1
    await post(runs, key, 5)
    assert await output(runs, correlated(), {"key": key}) == 5, "not 1 a second time"


async def test_every_visit_sends_its_own_event(runs: Runs, key: str) -> None:
    each = {
        "kind": "each",
        "items": literal([1, 2]),
        "body": block("s", s=send("${input.key}", payload=path("${item}"))),
    }
    sent = await output(runs, block("e", e=each), {"key": key})
    assert len({one["event_id"] for one in sent}) == 2
    assert [await output(runs, correlated(), {"key": key}) for _ in range(2)] == [1, 2]


async def test_no_key_meets_no_key_only(runs: Runs) -> None:
    name = f"go-{uuid.uuid4()}"
    await output(runs, block("s", s={**send(None), "event": name, "payload": literal(1)}), {})
    waiting = await runs.start(correlated(name), {"key": "k"})
    await runs.parked(waiting)
    assert await output(runs, correlated(name, key=None), {}) == 1
    assert (await runs.describe(waiting)).status == "running"


async def test_all_waiting_runs_get_it_when_it_is_for_all(runs: Runs, key: str) -> None:
    waiting = [await runs.start(correlated(), {"key": key}) for _ in range(3)]
    for run_id in waiting:
        await runs.parked(run_id)
    await output(runs, sender(payload=literal(7), deliver="all"), {"key": key})
    assert [(await runs.ended(run_id)).output for run_id in waiting] == [7, 7, 7]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (send("${input.n}"), "correlation key"),
        (send("${input.nothing}"), "nothing is found"),
        (send("${input.long}"), "1000"),
        (send("k", idempotency_key=path("${input.n}")), "idempotency key must be a text"),
        (send("k", idempotency_key=path("${input.empty}")), "1 to 1000"),
        (send("k", payload=path("${input.nothing}")), "nothing is found"),
    ],
)
async def test_a_step_that_cannot_be_done_fails_at_once(runs: Runs, step: dict[str, Any], reason: str) -> None:
    input = {"n": 5, "long": "x" * 1001, "empty": ""}
    attempts = {"maximum_attempts": 3, "initial_interval": 3600.0}
    snapshot = await runs.ended(await runs.start(block("s", s=step), input, attempts=attempts), "failed")
    assert snapshot.error is not None and reason in snapshot.error


async def test_an_attempt_that_died_after_it_had_sent_is_repeated_and_counts_once(
    temporal_client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when so many others have sent meanwhile that the mailbox has continued and forgotten the event's id."""
    quickly_forgetting(monkeypatch)
    async with runs_on(temporal_client) as runs:  # for its mailboxes
        sent, outcomes = await repeated(runs, sender(payload=literal(1)), key)
        assert {outcome.event_id for outcome in outcomes} == {sent["event_id"]}
        assert [outcome.duplicate for outcome in outcomes] == [False, True, True]
        await post(runs, key, 2)
        assert [await output(runs, correlated(), {"key": key}) for _ in range(2)] == [1, 2], "not 1 a second time"


async def test_an_event_that_was_sent_with_another_payload_before_is_no_conflict(
    temporal_client: Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run was cancelled, say, and resumed with other data; it has given no key that could be in conflict."""
    quickly_forgetting(monkeypatch)
    async with runs_on(temporal_client) as runs:
        sent, outcomes = await repeated(runs, sender(payload=literal(1)), key, lambda request, n: n)
        assert len(outcomes) == 1 and sent == {"event_id": outcomes[0].event_id, "duplicate": True}
        assert await output(runs, correlated(), {"key": key}) == 0


def quickly_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.event_memory.RECENT_LIMIT", 2)
    monkeypatch.setattr("worker.mailbox.POSTS_PER_EXECUTION", 3)
    monkeypatch.setattr("worker.mailbox.YOUNG", timedelta(0))


async def repeated(
    runs: Runs, body: dict[str, Any], key: str, payload: Callable[[SendEvent, int], Any] | None = None
) -> tuple[Any, list[PostOutcome]]:
    """The output of a run whose sending dies twice before its result is reported, and what the mailbox has said."""
    outcomes: list[PostOutcome] = []
    calls = itertools.count()

    @activity.defn(name=SEND_EVENT)
    async def dies(request: SendEvent) -> PostOutcome:
        to, call = request.address, next(calls)
        if payload is not None:
            request.event.payload = payload(request, call)
        try:
            outcomes.append(await runs.tidegate.post_event(to.dialect, to.organisation, to.name, to.key, request.event))
        except TidegateError as error:
            raise failure(error) from error
        if call < 2:
            before = (await mailbox(runs, key).describe()).run_id
            for _ in range(3):
                await post(runs, key, "of another", retention=0.0)
            await eventually(mailbox(runs, key).describe, lambda described: described.run_id != before)
            raise RuntimeError("died before the result was reported")
        return outcomes[-1]

    client = runs.tidegate.temporal
    lonely = Runs(TidegateClient(client, f"alone-{uuid.uuid4()}"), runs.organisation)
    async with Worker(
        client,
        task_queue=lonely.tidegate.task_queue,
        workflows=[TidegateRun],
        activities=[dies],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        return await output(lonely, body, {"key": key}), outcomes
