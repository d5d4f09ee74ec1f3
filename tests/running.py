"""A worker of our own for one test: its task queue, its client, and short ways to start and read runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from cryptography.fernet import Fernet
from temporalio.client import Client

from definitions import ids
from definitions.contract import DeliveryOutcome, Event, RunFacts, RunSnapshot, timestamp
from definitions.model import Definition
from worker.__main__ import running
from worker.client import RunDescription, TidegateClient
from worker.settings import Settings

T = TypeVar("T")
DIALECT = "native"


async def eventually(read: Callable[[], Awaitable[T]], ok: Callable[[T], bool], seconds: float = 20.0) -> T:
    """Poll until a value is right; the last value is in the failure."""
    deadline = time.monotonic() + seconds
    while True:
        value = await read()
        if ok(value):
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s; last seen: {value!r}")
        await asyncio.sleep(0.02)


def worker_settings(task_queue: str, **changes: Any) -> Settings:
    """Settings of a worker that may call this machine."""
    keys = {"secret_keys": (Fernet.generate_key().decode(),), "token_keys": ("tests-sign-with-this-key-of-theirs",)}
    usual = {"http_allow_private": True, "dev": True, "sticky_timeout": 1.0, "public_url": "http://tidegate.test"}
    return Settings(**{"task_queue": task_queue, **usual, **keys, **changes})


@dataclass
class Runs:
    """Runs of one organisation on one task queue."""

    tidegate: TidegateClient
    organisation: str

    async def start(self, body: dict[str, Any], input: Any = None, **top: Any) -> str:
        definition = Definition.model_validate({"dialect": DIALECT, "name": "test", "body": body, **top})
        facts = self.facts()
        await self.tidegate.start_run(definition, facts, input)
        return facts.run_id

    def facts(self, name: str = "test") -> RunFacts:
        definition_id = ids.definition_id(DIALECT, self.organisation, name)
        return RunFacts(
            organisation=self.organisation,
            dialect=DIALECT,
            run_id=ids.run_id(self.organisation, definition_id, 1, str(uuid.uuid4())),
            definition_id=definition_id,
            definition_name=name,
            version_id=ids.version_id(definition_id, 1),
            version_number=1,
            created_at=timestamp(datetime.now(timezone.utc)),
        )

    async def snapshot(self, run_id: str) -> RunSnapshot:
        return await self.tidegate.snapshot(DIALECT, self.organisation, run_id)

    async def describe(self, run_id: str) -> RunDescription:
        return await self.tidegate.describe_run(DIALECT, self.organisation, run_id)

    async def send(self, run_id: str, name: str, payload: Any = ..., id: str | None = None) -> DeliveryOutcome:
        event = Event(id=id or str(uuid.uuid4()), name=name)
        if payload is not ...:
            event.payload, event.has_payload = payload, True
        return await self.tidegate.deliver(DIALECT, self.organisation, run_id, event)

    async def parked(self, run_id: str, count: int = 1) -> RunSnapshot:
        return await eventually(lambda: self.snapshot(run_id), lambda s: len(s.waits) >= count)

    async def ended(self, run_id: str, status: str = "succeeded") -> RunSnapshot:
        await eventually(lambda: self.describe(run_id), lambda d: d.closed_at is not None)
        snapshot = await self.snapshot(run_id)
        assert snapshot.status == status, snapshot
        return snapshot

    def handle(self, run_id: str) -> Any:
        workflow_id = ids.run_workflow_id(DIALECT, self.organisation, run_id)
        return self.tidegate.temporal.get_workflow_handle(workflow_id)


@contextlib.asynccontextmanager
async def runs_on(client: Client, task_queue: str | None = None, **settings: Any) -> AsyncIterator[Runs]:
    """A worker on its own task queue (or a given one), for as long as the block lasts."""
    queue = task_queue or f"test-{uuid.uuid4()}"
    async with running(client, worker_settings(queue, **settings)):
        yield Runs(TidegateClient(client, queue), f"org-{uuid.uuid4()}")
