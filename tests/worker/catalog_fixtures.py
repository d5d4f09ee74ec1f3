"""A catalog of its own for each test: its own organisation, task queue and, while it is asked for, a worker."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.contract import DefinitionFacts, VersionFacts
from definitions.ids import definition_workflow_id, version_workflow_id
from worker.catalog import ENTITY_WORKFLOWS, entity_activities
from worker.catalog_client import CatalogClient

DIALECT = "test"


@dataclass
class Shop:
    """One organisation's view of the catalog."""

    client: Client
    catalog: CatalogClient
    organisation: str
    queue: str

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[Worker]:
        async with Worker(
            self.client,
            task_queue=self.queue,
            workflows=ENTITY_WORKFLOWS,
            activities=entity_activities(self.client),
            workflow_runner=UnsandboxedWorkflowRunner(),
            sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
            **options,
        ) as worker:
            yield worker

    async def register(self, name: str = "order", request_id: str = "") -> DefinitionFacts:
        return await self.catalog.register_definition(DIALECT, self.organisation, name, request_id=request_id)

    async def describe(self, definition_id: str) -> DefinitionFacts:
        return await self.catalog.describe_definition(DIALECT, self.organisation, definition_id)

    async def add(
        self, definition_id: str, text: str, request_id: str = "", unless_tag: str | None = None
    ) -> VersionFacts:
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        return await self.catalog.add_version(
            DIALECT, self.organisation, definition_id, text, sha256, request_id=request_id, unless_tag=unless_tag
        )

    async def tag(self, definition_id: str, tag: str, number: int) -> None:
        await self.catalog.set_tag(DIALECT, self.organisation, definition_id, tag, number)

    async def numbers(self, definition_id: str) -> list[int]:
        versions = await self.catalog.list_versions(DIALECT, self.organisation, definition_id)
        return [version.number for version in versions]

    def entity(self, definition_id: str) -> str:
        return definition_workflow_id(DIALECT, self.organisation, definition_id)

    def version(self, definition_id: str, number: int) -> str:
        return version_workflow_id(DIALECT, self.organisation, definition_id, number)


def new_shop(client: Client, seconds: float = 10.0) -> Shop:
    return shop_on(client, f"entities-{uuid.uuid4().hex[:12]}", seconds)


def shop_on(client: Client, queue: str, seconds: float = 10.0) -> Shop:
    return Shop(client, CatalogClient(client, queue, rpc_seconds=seconds), f"org of {queue}", queue)
