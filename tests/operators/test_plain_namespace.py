"""A namespace that does not know our search attributes serves as well: lists, waits, resume, everything but queries."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from tests.operators.views import shown
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.test_continue_as_new import renew
from tests.worker.test_interpreter import block, wait
from worker.client import RunQuery

ASK = block("ask", ask=wait("manager-approved", deadline={"after": 3600}, next="deploy"), deploy={"kind": "assign"})


async def _serves(client: Client) -> bool:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
        await client.count_workflows()
    except RPCError as error:
        if error.status not in (RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE):
            raise
        return False
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain(temporal_client: Client, temporal_address: str) -> AsyncIterator[Runs]:
    """Runs in a namespace of its own, made as any operator makes one."""
    name = f"plain-{uuid.uuid4()}"
    retention = Duration()
    retention.FromTimedelta(timedelta(days=1))
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=retention)
    await temporal_client.workflow_service.register_namespace(request)
    client = await Client.connect(temporal_address, namespace=name)
    # The server's parts learn of a namespace one after the other.
    await eventually(lambda: _serves(client), bool)
    async with runs_on(client) as runs:
        yield runs


async def test_a_run_parks_shows_itself_and_ends(plain: Runs) -> None:
    run_id = await plain.start(ASK)
    await plain.parked(run_id)
    view = await shown(plain.handle(run_id), plain.tidegate.temporal)
    assert view.attributes == {}
    assert view.summary == "test v1"
    assert "event `manager-approved`: **not received**" in view.details
    await renew(plain, run_id)
    await plain.parked(run_id)
    await plain.send(run_id, "manager-approved", {"approved": True})
    await plain.ended(run_id)


async def test_a_run_is_cancelled_and_resumed(plain: Runs) -> None:
    run_id = await plain.start(ASK)
    await plain.parked(run_id)
    await plain.tidegate.cancel_run(DIALECT, plain.organisation, run_id)
    await plain.tidegate.resume_run(DIALECT, plain.organisation, run_id)
    await plain.parked(run_id)
    await plain.send(run_id, "manager-approved")
    await plain.ended(run_id)


async def test_runs_are_listed(plain: Runs) -> None:
    mine = Runs(plain.tidegate, f"org-{uuid.uuid4()}")
    run_ids = {await mine.start(ASK) for _ in range(3)}
    query = RunQuery(dialect=DIALECT, organisation=mine.organisation)
    page = await eventually(lambda: mine.tidegate.list_runs(query), lambda page: len(page.runs) == 3)
    assert {run.facts.run_id for run in page.runs} == run_ids


async def test_a_run_sets_no_attribute_not_even_after_continue_as_new(plain: Runs) -> None:
    run_id = await plain.start(ASK)
    await plain.parked(run_id)
    await renew(plain, run_id)
    history = await plain.handle(run_id).fetch_history()
    assert not any(e.HasField("upsert_workflow_search_attributes_event_attributes") for e in history.events)
    await plain.send(run_id, "manager-approved")
    await plain.ended(run_id)
