"""Executors on a real server: what of a call and its secrets ends up in the history."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.contract import Call
from tests.worker.activities.local_server import LocalServer, Page, Received, page
from tests.worker.activities.workbench import Bench, call
from worker.activities.activity import build_activities

SECRET = "tok-s3cret-value"


@workflow.defn(name="CallOnce")
class CallOnce:
    @workflow.run
    async def run(self, the_call: Call) -> Any:
        return await workflow.execute_activity(
            "http",
            the_call,
            start_to_close_timeout=timedelta(seconds=20),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=3, initial_interval=timedelta(milliseconds=10)),
        )


async def run(client: Client, bench: Bench, the_call: Call) -> tuple[Any, bytes]:
    """The result or the failure of a call, and the whole history."""
    queue = str(uuid.uuid4())
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[CallOnce],
        activities=build_activities(bench.tools),
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        handle = await client.start_workflow(CallOnce.run, the_call, id=queue, task_queue=queue)
        try:
            outcome: Any = await handle.result()
        except WorkflowFailureError as error:
            assert isinstance(error.cause, ActivityError)
            outcome = error.cause.cause
    # As bytes: JSON would hide the payloads behind base64.
    return outcome, b"".join([event.SerializeToString() for event in (await handle.fetch_history()).events])


@pytest.fixture
def the_call(bench: Bench, web: LocalServer) -> Call:
    bench.seal("api-token", SECRET)
    config = {"url": web.url("/pay"), "headers": {"Authorization": {"secret": "token"}}}
    return call(config, {"sku": 1}, secrets={"token": "api-token"})


async def test_secret_reaches_its_header_and_never_the_history(
    temporal_client: Client, bench: Bench, web: LocalServer, the_call: Call
) -> None:
    web.on("/pay", lambda request: page({"seen": request.headers["authorization"]}))
    result, history = await run(temporal_client, bench, the_call)
    assert result["body"] == {"seen": "[secret]"}
    assert web.received[0].headers["authorization"] == SECRET
    assert SECRET.encode() not in history and b"api-token" in history


async def test_failure_is_retried_with_the_same_key_and_shows_no_secret(
    temporal_client: Client, bench: Bench, web: LocalServer, the_call: Call
) -> None:
    def refuse(request: Received) -> Page:
        return page({"bad": request.headers["authorization"]}, 503, Retry_After="0")

    web.on("/pay", refuse)
    error, history = await run(temporal_client, bench, the_call)
    assert isinstance(error, ApplicationError)
    assert (error.type, error.details) == ("http-status", ({"status": 503},))
    assert "[secret]" in error.message
    assert [request.headers["idempotency-key"] for request in web.received] == ["run-1/pay/2"] * 3
    assert SECRET.encode() not in history and b"[secret]" in history


async def test_refusal_is_final(temporal_client: Client, bench: Bench, web: LocalServer, the_call: Call) -> None:
    web.on("/pay", Page(404), page("too late"))
    error, _ = await run(temporal_client, bench, the_call)
    assert error.type == "http-status"
    assert len(web.received) == 1
