"""Calls to Temporal that fail: in time, and with an error that says what is away."""

from __future__ import annotations

import asyncio
import time
import uuid
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions import errors
from definitions.errors import NotFound, Overloaded, TidegateError, TooLarge, Unavailable
from tests.conftest import connect, free_port, server_command
from tests.running import Runs
from worker.failures import error_of, failure
from worker.rpc import bounded, execute_update, translated
from worker.run_client import RunClient

REFUSALS: dict[str, TidegateError] = {
    "not-found": NotFound("no such thing"),
    "payload-invalid": errors.PayloadInvalid("must be true", "$.approved"),
    "input-invalid": errors.InputInvalid("must be text", "$.name"),
    "expression-failed": errors.ExpressionError("no such operator", "$.steps[0]"),
    "run-closed": errors.RunClosed("has ended", "failed"),
    "not-resumable": errors.NotResumable("is running"),
    "already-exists": errors.AlreadyExists("is taken"),
    "conflict": errors.Conflict("another payload"),
    "too-large": TooLarge("too much"),
    "overloaded": Overloaded("later"),
}


@activity.defn(name="refuse")
async def refuse_in_activity(code: str) -> None:
    raise failure(REFUSALS[code])


@workflow.defn(name="Refuser")
class Refuser:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def refuse(self, code: str) -> str:
        raise failure(REFUSALS[code])

    @workflow.update
    async def refuse_below(self, code: str) -> str:
        await workflow.execute_activity("refuse", code, start_to_close_timeout=timedelta(seconds=5))
        return "not refused"

    @workflow.update
    async def echo(self, text: str) -> str:
        return text

    @workflow.update
    async def fail(self, text: str) -> str:
        raise ApplicationError(text, type="somebody-elses")

    @workflow.query
    def look(self) -> str:
        return "seen"


async def start_refuser(client: Client, queue: str = "nobody") -> str:
    workflow_id = f"refuser-{uuid.uuid4().hex[:12]}"
    await client.start_workflow("Refuser", id=workflow_id, task_queue=queue)
    return workflow_id


@pytest.fixture
async def refuser(temporal_client: Client) -> AsyncIterator[str]:
    queue = f"rpc-{uuid.uuid4().hex[:12]}"
    async with Worker(
        temporal_client,
        task_queue=queue,
        workflows=[Refuser],
        activities=[refuse_in_activity],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield await start_refuser(temporal_client, queue)


async def refused(call: Coroutine[Any, Any, Any], within: float) -> Unavailable:
    begun = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        await call
    assert time.monotonic() - begun < within
    assert raised.value.retry_after > 0
    return raised.value


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("update", ["refuse", "refuse_below"])
async def test_a_refusal_reaches_the_caller_as_it_was(
    temporal_client: Client, refuser: str, code: str, update: str
) -> None:
    with pytest.raises(type(REFUSALS[code])) as raised:
        await execute_update(temporal_client, refuser, update, code, result_type=str)
    assert vars(raised.value) == vars(REFUSALS[code])


async def test_an_update_answers_and_its_id_makes_it_one(temporal_client: Client, refuser: str) -> None:
    answers = [
        await execute_update(temporal_client, refuser, "echo", text, result_type=str, update_id="one")
        for text in ("first", "second")
    ]
    assert answers == ["first", "first"]
    assert await execute_update(temporal_client, refuser, "echo", "third", result_type=str) == "third"


async def test_failures_of_others_are_not_taken_for_ours(temporal_client: Client, refuser: str) -> None:
    with pytest.raises(WorkflowUpdateFailedError):
        await execute_update(temporal_client, refuser, "fail", "x", result_type=str)
    assert error_of(None) is None
    assert error_of(ApplicationError("x", type="internal")) is None


async def test_without_a_worker_updates_and_queries_say_so(temporal_client: Client) -> None:
    workflow_id = await start_refuser(temporal_client)
    update = execute_update(temporal_client, workflow_id, "echo", "x", result_type=str, seconds=0.5)
    assert (await refused(update, 2)).part == "worker"
    handle = temporal_client.get_workflow_handle(workflow_id)
    assert (await refused(bounded(handle.query("look"), seconds=0.5, part="worker"), 1.5)).part == "worker"


async def test_what_does_not_exist_is_not_found(temporal_client: Client) -> None:
    handle = temporal_client.get_workflow_handle("nothing-of-this-name")
    with pytest.raises(NotFound, match="no such run"):
        await bounded(handle.describe(), missing="no such run")
    with pytest.raises(NotFound):
        await execute_update(temporal_client, "nothing-of-this-name", "echo", "x", result_type=str)
    closed = await start_refuser(temporal_client)
    await temporal_client.get_workflow_handle(closed).terminate()
    with pytest.raises(NotFound):
        await execute_update(temporal_client, closed, "echo", "x", result_type=str)


async def test_a_missing_namespace_is_no_missing_run(temporal_address: str) -> None:
    client = await Client.connect(temporal_address, namespace="no-such-namespace")
    assert (await refused(bounded(client.get_workflow_handle("x").describe(), seconds=3), 4)).part == "temporal"


async def test_a_message_over_the_limit_is_too_large(temporal_client: Client) -> None:
    start = temporal_client.start_workflow("Refuser", "x" * 5_000_000, id=uuid.uuid4().hex, task_queue="nobody")
    with pytest.raises(TooLarge):
        await bounded(start)


async def test_a_closed_port_and_a_silent_one(temporal_address: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        for port in (free_port(), server.sockets[0].getsockname()[1]):
            client = await Client.connect(f"127.0.0.1:{port}", lazy=True)
            assert (await refused(bounded(client.get_workflow_handle("x").describe(), seconds=1), 2)).part == "temporal"
            update = execute_update(client, "x", "echo", "x", result_type=str, seconds=1)
            assert (await refused(update, 3)).part == "temporal"


@asynccontextmanager
async def own_server() -> AsyncIterator[tuple[asyncio.subprocess.Process, Client]]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(*server_command(port), stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield process, await connect(f"127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_server_that_dies_under_a_client() -> None:
    async with own_server() as (process, client):
        workflow_id = await start_refuser(client)
        process.kill()
        await process.wait()
        handle = client.get_workflow_handle(workflow_id)
        calls = [
            bounded(handle.describe(), seconds=1),
            execute_update(client, workflow_id, "echo", "x", result_type=str, seconds=1),
            bounded(client.start_workflow("Refuser", id="another", task_queue="nobody"), seconds=1),
            bounded(client.count_workflows(), seconds=1),
        ]
        for error in await asyncio.gather(*(refused(call, 3) for call in calls)):
            assert error.part == "temporal"


async def test_a_cancelled_caller_is_cancelled(temporal_client: Client) -> None:
    """Also out of an update call, whose client turns a cancellation into an error."""
    workflow_id = await start_refuser(temporal_client)
    update = asyncio.create_task(execute_update(temporal_client, workflow_id, "echo", "x", result_type=str, seconds=20))
    await asyncio.sleep(0)
    for _ in range(50):
        await temporal_client.get_workflow_handle(workflow_id).describe()
    assert not update.done()
    update.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(update, 5)


async def test_a_mistake_of_ours_is_not_hidden() -> None:
    async def mistaken() -> None:
        raise RuntimeError("a mistake")

    with pytest.raises(RuntimeError, match="a mistake"):
        await bounded(mistaken())


EXPECTED: dict[RPCStatusCode, type[TidegateError] | None] = {
    RPCStatusCode.UNAVAILABLE: Unavailable,
    RPCStatusCode.DEADLINE_EXCEEDED: Unavailable,
    RPCStatusCode.CANCELLED: Unavailable,
    RPCStatusCode.ABORTED: Unavailable,
    RPCStatusCode.UNAUTHENTICATED: Unavailable,
    RPCStatusCode.PERMISSION_DENIED: Unavailable,
    RPCStatusCode.RESOURCE_EXHAUSTED: Overloaded,
    RPCStatusCode.NOT_FOUND: NotFound,
}


@pytest.mark.parametrize("status", list(RPCStatusCode))
def test_every_status_has_its_error(status: RPCStatusCode) -> None:
    error = translated(RPCError("secret detail", status, b""))
    assert (None if error is None else type(error)) == EXPECTED.get(status)
    assert "secret" not in str(error)


async def test_the_namespace_is_asked_again_whether_it_knows_the_search_attributes(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = RunClient(runs.tidegate.temporal, runs.tidegate.task_queue)
    assert await client.search_attributes()
    monkeypatch.setattr("worker.run_client.contract.SEARCH_ATTRIBUTES", {"TidegateNobodyKnows": "Keyword"})
    assert await client.search_attributes()
    monkeypatch.setattr("worker.run_client.ATTRIBUTES_RECHECK_SECONDS", 0.0)
    assert not await client.search_attributes()
