"""Whether runs are shown in search attributes: asked once, and by nobody answered before it is known."""

from __future__ import annotations

import asyncio
import uuid

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from worker.run_client import RunClient


async def test_those_who_ask_at_once_get_the_same_answer(temporal_client: Client) -> None:
    runs = RunClient(temporal_client, "any")
    assert await asyncio.gather(*(runs.search_attributes() for _ in range(20))) == [True] * 20


async def test_a_namespace_without_them_is_told_from_one_with_them(temporal_client: Client) -> None:
    name = f"plain-{uuid.uuid4()}"
    day = Duration(seconds=86_400)
    request = RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=day)
    await temporal_client.workflow_service.register_namespace(request)
    plain = Client(temporal_client.service_client, namespace=name)

    assert await RunClient(plain, "any").search_attributes() is False
