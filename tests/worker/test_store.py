"""Durable values: set, expire, delete, increment; once each, whatever is repeated, killed or done at once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner, Worker

import worker.value_entity as entity
from definitions.contract import CHANGE_VALUE, USE_STORE, UseStore, timestamp
from definitions.errors import InputInvalid, NotANumber, Overloaded, TidegateError, TooLarge, Unavailable
from definitions.ids import value_workflow_id
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_catalog_entities import kill, spawn_worker
from tests.worker.test_interpreter import block, literal, path
from worker.catalog import ENTITY_WORKFLOWS
from worker.interpreter import TidegateRun
from worker.value_client import Values


@dataclass
class Store:
    """One organisation's values."""

    client: Client
    values: Values
    organisation: str
    queue: str

    async def use(self, operation: str, key: str = "k", value: Any = None, *, id: str = "", **more: Any) -> Any:
        request = UseStore(self.organisation, DIALECT, operation, key, id or str(uuid.uuid4()), value, **more)  # type: ignore[arg-type]
        return await self.values.use(request)

    async def get(self, key: str = "k") -> Any:
        return await self.use("get", key)

    def handle(self, key: str = "k") -> Any:
        return self.client.get_workflow_handle(value_workflow_id(DIALECT, self.organisation, key))

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[None]:
        runner = UnsandboxedWorkflowRunner()
        sticky = timedelta(seconds=1)
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=ENTITY_WORKFLOWS,
            workflow_runner=runner,
            sticky_queue_schedule_to_start_timeout=sticky,
            **options,
        ):
            yield


def store_on(client: Client, queue: str = "", seconds: float = 10.0) -> Store:
    queue = queue or f"values-{uuid.uuid4().hex[:12]}"
    return Store(client, Values(client, queue, seconds), f"org of {queue}", queue)


@pytest.fixture
async def store(temporal_client: Client) -> AsyncIterator[Store]:
    store = store_on(temporal_client)
    async with store.worker():
        yield store


def soon(seconds: float) -> str:
    return timestamp(datetime.now(timezone.utc) + timedelta(seconds=seconds))


# --- operations ---


@pytest.mark.parametrize("value", ["text", 5, 1.5, True, None, [], {"a": [1, None]}, "ü \x00", "x" * 65_000])
async def test_what_is_set_is_got_and_what_is_deleted_is_gone(store: Store, value: Any) -> None:
    assert await store.get() is None
    assert await store.use("set", value=value) is None
    assert await store.get() == value
    assert await store.use("delete") is None
    assert await store.get() is None
    await store.use("delete")
    await store.use("set", value="again")
    assert await store.get() == "again"


async def test_keys_and_organisations_are_apart(store: Store) -> None:
    await store.use("set", "a", 1)
    other = Store(store.client, store.values, "other", store.queue)
    assert await store.get("b") is None
    assert await other.get("a") is None
    await other.use("set", "a", 2)
    assert (await store.get("a"), await other.get("a")) == (1, 2)


async def test_an_increment_gives_the_new_number(store: Store) -> None:
    assert await store.use("increment") == 1
    assert await store.use("increment", value=5) == 6
    assert await store.use("increment", value=-2.5) == 3.5
    assert await store.get() == 3.5
    await store.use("delete")
    assert await store.use("increment", value=0) == 0


async def test_what_is_no_number_is_not_incremented(store: Store) -> None:
    for value in ("5", None, [1], True):
        await store.use("set", value=value)
        with pytest.raises(NotANumber, match="number"):
            await store.use("increment")
        assert await store.get() == value
    by: Any
    for by in ("1", True, [], float("nan"), float("inf")):
        with pytest.raises(NotANumber):
            await store.use("increment", "other", by)
    assert await store.use("increment", "other", 2**53 - 1) == 2**53 - 1
    with pytest.raises(NotANumber, match="large"):
        await store.use("increment", "other")
    assert await store.get("other") == 2**53 - 1


@pytest.mark.parametrize("key", ["", "k" * 257, 5, None])
async def test_bad_keys(store: Store, key: Any) -> None:
    for operation in ("get", "set", "delete", "increment"):
        with pytest.raises(InputInvalid, match="key"):
            await store.use(operation, key)


@pytest.mark.parametrize("key", ["k" * 256, "a/b", "'\"\\", "ключ \ud800\x00", " "])
async def test_any_other_text_is_a_key(store: Store, key: str) -> None:
    await store.use("set", key, 1)
    assert await store.get(key) == 1


async def test_bad_values_and_expiries(store: Store) -> None:
    with pytest.raises(TooLarge):
        await store.use("set", value="x" * entity.VALUE_BYTES)
    deep: Any = []
    for _ in range(65):
        deep = [deep]
    for value in (deep, float("nan"), {1, 2}, "\ud800"):
        with pytest.raises(InputInvalid):
            await store.use("set", value=value)
    for expires_at in ("tomorrow", "", "2030-01-01T00:00:00"):
        with pytest.raises(InputInvalid):
            await store.use("set", value=1, expires_at=expires_at)
    assert await store.get() is None


# --- expiry ---


async def test_an_expired_value_is_absent(store: Store) -> None:
    await store.use("set", value=5, expires_at=soon(0.6))
    assert await store.get() == 5
    assert await store.use("increment") == 6
    await eventually(store.get, lambda value: value is None)
    memo = await eventually(lambda: _memo(store), lambda memo: not memo["present"])
    assert memo["value"] is None, "the entity has let go of it"
    assert await store.use("increment") == 1
    await asyncio.sleep(0.7)
    assert await store.get() == 1, "the new value has no expiry"


async def _memo(store: Store) -> Any:
    return (await (await store.handle().describe()).memo())["tidegate"]


async def test_an_expiry_that_has_passed_and_one_that_is_taken_back(store: Store) -> None:
    await store.use("set", value=5, expires_at=soon(-1))
    assert await store.get() is None
    await store.use("set", value=6, expires_at=soon(0.5))
    await store.use("set", value=7)
    await asyncio.sleep(0.7)
    assert await store.get() == 7


async def test_a_value_expires_though_no_worker_is_there(temporal_client: Client) -> None:
    store = store_on(temporal_client)
    async with store.worker():
        await store.use("set", value=5, expires_at=soon(0.4))
    assert await store.get() == 5
    await eventually(store.get, lambda value: value is None)


async def test_values_of_weeks_and_the_end_of_an_idle_entity(skipping: tuple[WorkflowEnvironment, Runs]) -> None:
    environment, _ = skipping
    store = store_on(environment.client)
    async with store.worker():
        await store.use("set", value=5, expires_at=soon(30 * 86_400))
        handle = store.handle()
        await environment.fast_forward(handle, timedelta(days=30) - timedelta(minutes=1))
        assert await store.get() == 5
        await environment.fast_forward(handle, timedelta(minutes=2))
        await eventually(store.get, lambda value: value is None)
        await eventually(handle.describe, lambda d: d.status is WorkflowExecutionStatus.COMPLETED)
        assert await store.use("increment") == 1
        await store.use("delete")
        handle = store.handle()
        await environment.fast_forward(handle, entity.LINGER - timedelta(minutes=1))
        assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
        await environment.fast_forward(handle, timedelta(minutes=2))
        await eventually(handle.describe, lambda d: d.status is WorkflowExecutionStatus.COMPLETED)
        assert await store.use("increment") == 1


# --- once, and all ---


async def test_fifty_increments_at_once_are_fifty(store: Store) -> None:
    numbers = await asyncio.gather(*(store.use("increment") for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))
    assert await store.get() == 50


async def test_a_repeated_change_counts_once(store: Store) -> None:
    assert await asyncio.gather(*(store.use("increment", id="one") for _ in range(8))) == [1] * 8
    await store.use("set", value=10, id="two")
    assert await store.use("increment", id="one") == 1
    await store.use("delete", id="three")
    await store.use("set", value=10, id="two")
    assert await store.get() is None, "a repeated set does not undo a later delete"


async def test_nothing_is_lost_or_doubled_across_continue_as_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity, "CHANGES_PER_EXECUTION", 20)
    monkeypatch.setattr(entity, "YOUNG", timedelta(milliseconds=200))
    await store.use("set", value=0, expires_at=soon(3600))
    done: list[str] = []

    async def sender(name: int) -> None:
        for n in range(25):
            await store.use("increment", id=f"{name}-{n}")
            done.append(f"{name}-{n}")

    await asyncio.gather(*(sender(name) for name in range(4)))
    assert await store.get() == 100
    info = (await store.handle().describe()).raw_description.workflow_execution_info
    assert info.first_run_id != info.execution.run_id, "it has continued as new"
    for id in done[::7]:
        await store.use("increment", id=id)
    assert await store.get() == 100
    assert (await _memo(store))["expires_at"] is not None


async def test_repetitions_are_known_up_to_the_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entity, "REMEMBERED_CHANGES", 3)
    monkeypatch.setattr(entity, "CHANGES_PER_EXECUTION", 4)
    monkeypatch.setattr(entity, "YOUNG", timedelta(0))
    for n in range(4):
        await store.use("increment", id=f"c{n}")
    await eventually(
        store.handle().describe, lambda d: d.raw_description.workflow_execution_info.first_run_id != d.run_id
    )
    assert await store.use("increment", id="c1") == 2
    assert await store.use("increment", id="c0") == 5, "forgotten"


async def test_large_values_do_not_fill_the_history(store: Store) -> None:
    for n in range(300):  # 36 MB, as a change is written twice; Temporal ends an execution at 50 MB
        await store.use("set", value=f"{n:04}" + "x" * 60_000)
    assert (await store.get())[:4] == "0299"
    info = (await store.handle().describe()).raw_description.workflow_execution_info
    assert info.history_size_bytes < 25_000_000


async def test_changes_repeated_through_a_killed_worker_count_once(
    temporal_client: Client, temporal_address: str
) -> None:
    store = store_on(temporal_client, seconds=2.0)

    async def insist(n: int) -> Any:
        while True:
            try:
                return await store.use("increment", id=f"c{n}")
            except TidegateError:
                await asyncio.sleep(0.1)

    process = await spawn_worker(temporal_address, store.queue)
    try:
        sending = [asyncio.create_task(insist(n)) for n in range(60)]
        await eventually(store.get, lambda value: (value or 0) >= 5)
        await kill(process)
        assert (await store.get()) >= 5, "a read needs no worker"
        process = await spawn_worker(temporal_address, store.queue)
        numbers = await asyncio.gather(*sending)
    finally:
        await kill(process)
    assert sorted(numbers) == list(range(1, 61))
    assert await store.get() == 60


async def test_without_a_worker_a_change_is_refused_in_time(temporal_client: Client) -> None:
    store = store_on(temporal_client, seconds=1.0)
    began = time.monotonic()
    with pytest.raises(Unavailable) as away:
        await store.use("set", value=1, id="one")
    assert away.value.part == "worker" and time.monotonic() - began < 3
    async with store.worker():
        await store_on(temporal_client, store.queue).use("increment", id="two")
        await store_on(temporal_client, store.queue).use("set", value=1, id="one")


async def test_stray_messages_harm_nothing(store: Store) -> None:
    await store.use("set", value=5)
    handle = store.handle()
    for shape in ([], ["text"], [{"a": 1}], [None], [b"\x00\xff"]):
        await handle.signal("tidegate:change-value", args=shape)
        with pytest.raises(Exception, match="update"):
            await handle.execute_update(CHANGE_VALUE, args=shape)
    with pytest.raises(Exception, match="update"):
        await handle.execute_update(CHANGE_VALUE, entity.Change("x", "set", "x" * 70_000))
    await handle.cancel()
    assert await store.use("increment") == 6
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await handle.terminate()
    assert await store.get() is None
    assert await store.use("increment") == 1


async def test_entities_leave_the_workers_memory_and_replay(temporal_client: Client) -> None:
    store = store_on(temporal_client)
    async with store.worker(max_cached_workflows=0):
        await store.use("set", value=1, expires_at=soon(3600))
        for _ in range(5):
            await store.use("increment")
        await store.use("delete")
        assert await store.use("increment", value=3) == 3
    history = await store.handle().fetch_history()
    await Replayer(workflows=ENTITY_WORKFLOWS, workflow_runner=UnsandboxedWorkflowRunner()).replay_workflow(history)


async def test_no_raw_key_is_shown(store: Store) -> None:
    await store.use("increment", "user:secret@example.com")
    found = await store.handle("user:secret@example.com").describe()
    assert b"secret@example" not in found.raw_description.SerializeToString()


# --- as a step ---


def use(operation: str, key: Any = "k", **more: Any) -> dict[str, Any]:
    return {"kind": "store", "operation": operation, "key": path(key), **more}


def chain(*steps: dict[str, Any]) -> dict[str, Any]:
    named = {f"s{n}": {"next": f"s{n + 1}", **step} for n, step in enumerate(steps[:-1])}
    return block("s0", **named, **{f"s{len(steps) - 1}": steps[-1]})


async def test_steps_use_the_values_of_their_organisation(runs: Runs) -> None:
    key = f"counter:{uuid.uuid4()}"
    body = chain(
        use("get", key, save={"output": ["before"]}),
        use("set", key, value=path("${input.n}")),
        use("increment", key, value=literal(5), save={"output": ["sum"]}),
        use("increment", key, save={"output": ["more"]}),
        use("get", key, save={"output": ["got"]}),
        use("delete", key),
        use("get", key, save={"output": ["after"]}),
        {"kind": "assign", "value": path("${before}/${sum}/${more}/${got}/${after}")},
    )
    snapshot = await runs.ended(await runs.start(body, {"n": 1}))
    assert snapshot.output == "null/6/7/7/null"


async def test_values_outlive_their_run_and_expire(runs: Runs) -> None:
    key = str(uuid.uuid4())
    await runs.ended(await runs.start(block("s", s=use("set", key, value=literal({"a": 1}), expires_after=1.5))))
    read = block("s", s=use("get", key))
    assert (await runs.ended(await runs.start(read))).output == {"a": 1}

    async def later() -> Any:
        return (await runs.ended(await runs.start(read))).output

    await eventually(later, lambda output: output is None)


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (use("get", "${input.n}"), "must be a text"),
        (use("get", "${input.nothing}"), "nothing is found"),
        (use("get", "${input.long}"), "256"),
        (use("get", "${input.empty}"), "1 to 256"),
        (use("set", "k"), "no value"),
        (use("set", "k", value=path("${input.large}")), "bytes"),
        (use("increment", "k", value=path("${input.empty}")), "number"),
        (use("set", "k", value=literal(1), expires_after=path("${input.empty}")), "duration"),
    ],
)
async def test_a_step_that_cannot_be_done_fails_with_its_reason(runs: Runs, step: dict[str, Any], reason: str) -> None:
    input = {"n": 5, "long": "x" * 257, "empty": "", "large": "x" * 70_000}
    snapshot = await runs.ended(await runs.start(block("s", s=step), input), "failed")
    assert snapshot.error is not None and reason in snapshot.error


async def test_runs_increment_one_counter_at_once(runs: Runs) -> None:
    key = str(uuid.uuid4())
    each = {
        "kind": "each",
        "items": literal(list(range(10))),
        "at_once": 10,
        "body": block("i", i=use("increment", key)),
    }
    started = [await runs.start(block("e", e=each)) for _ in range(5)]
    outputs = [(await runs.ended(run_id)).output for run_id in started]
    assert sorted(number for output in outputs for number in output) == list(range(1, 51))


async def test_an_attempt_that_died_after_the_change_is_repeated_and_counts_once(temporal_client: Client) -> None:
    """The activity's first two attempts do their work and then die before they can say so."""
    attempts: list[Any] = []
    async with runs_on(temporal_client) as runs:  # for its entities

        @activity.defn(name=USE_STORE)
        async def dies(request: UseStore) -> Any:
            attempts.append(await runs.tidegate.use_store(request))
            if len(attempts) < 3:
                raise RuntimeError("died before the result was reported")
            return attempts[-1]

        queue = f"alone-{uuid.uuid4()}"
        lonely = Runs(type(runs.tidegate)(temporal_client, queue), runs.organisation)
        async with Worker(
            temporal_client,
            task_queue=queue,
            workflows=[TidegateRun],
            activities=[dies],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            run_id = await lonely.start(block("s", s=use("increment", "k")))
            assert (await lonely.ended(run_id)).output == 1
    assert attempts == [1, 1, 1]


async def test_a_flood_of_large_values_stays_within_the_history(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal ends an execution, with the value, whose history is larger than 50 MB. It is refused before, and goes on
    by itself: whom it refuses does not wake it."""
    monkeypatch.setattr(entity, "YOUNG", timedelta(seconds=4))  # it may not continue before
    value = "é" * 10_000

    async def insist() -> None:
        for n in range(30):
            while True:
                try:
                    await store.use("set", value=f"{n}{value}")
                    break
                except TidegateError as error:
                    assert isinstance(error, (Overloaded, Unavailable))

    await store.use("set", value="first")
    execution = (await store.handle().describe()).run_id
    await asyncio.gather(*(insist() for _ in range(8)))
    handle = store.client.get_workflow_handle(store.handle().id, run_id=execution)
    info = (await handle.describe()).raw_description.workflow_execution_info
    assert 8_000_000 < info.history_size_bytes < 22_000_000
    assert (info.close_time.ToDatetime() - info.start_time.ToDatetime()).total_seconds() < 10


BAD_CHANGES: dict[str, dict[str, Any]] = {
    "expiry that is no moment": {"operation": "set", "value": 1, "expires_at": "soon"},
    "expiry without a zone": {"operation": "set", "value": 1, "expires_at": "2999-01-01T00:00:00"},
    "not a number": {"operation": "set", "value": float("nan")},
    "half a pair": {"operation": "set", "value": "\ud800"},
    "by half a pair": {"operation": "increment", "value": "\ud800"},
    "by too much": {"operation": "increment", "value": 10**400},
    "by nothing": {"operation": "increment"},
    "unknown": {"operation": "multiply", "value": 2},
}


@pytest.mark.parametrize("what", BAD_CHANGES)
async def test_a_change_that_is_none_is_refused_and_does_no_harm(store: Store, what: str) -> None:
    """Whatever Temporal's own tools send."""
    await store.use("set", value=5)
    with pytest.raises(WorkflowUpdateFailedError):
        await asyncio.wait_for(store.handle().execute_update(CHANGE_VALUE, {"id": "x", **BAD_CHANGES[what]}), 5)
    assert await store.use("increment") == 6


async def test_the_last_moment_there_is(store: Store) -> None:
    await store.use("set", value=5, expires_at="9999-12-31T23:59:59.999999Z")
    assert await store.use("increment") == 6
    assert await store.get() == 6


@pytest.mark.parametrize("by", [10**400, -(10**400), float("inf")])
async def test_numbers_beyond_all_bounds(store: Store, by: Any) -> None:
    await store.use("set", value=1)
    with pytest.raises(NotANumber):
        await store.use("increment", value=by)
    await store.use("set", value=10**30)
    with pytest.raises(NotANumber):
        await store.use("increment")
