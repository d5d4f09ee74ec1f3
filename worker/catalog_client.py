"""Definitions and secrets, as `TidegateClient` shows them. Every call is bounded and raises `definitions.errors`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from definitions.contract import (
    ADD_VERSION,
    CHANGE_TAGS,
    DEFINITION_WORKFLOW,
    MEMO,
    SET_TAG,
    AddVersion,
    ChangeTags,
    DefinitionFacts,
    SetTag,
    TagMove,
    VersionFacts,
    timestamp,
)
from definitions.errors import AlreadyExists, NotFound, Overloaded
from definitions.ids import definition_id as definition_id_of
from definitions.ids import definition_workflow_id, digest, prefix, secret_workflow_id, version_workflow_id
from worker.catalog import MAX_NAME, DefinitionState
from worker.queues import UPDATES_AT_ONCE, Queues
from worker.records import read_record, replace_secret
from worker.rpc import RPC_SECONDS, bounded, execute_update
from worker.shared_reads import SharedReads
from worker.version_cache import VersionCache
from worker.visibility import collect, newest, quoted

T = TypeVar("T")

_FACTS = [field.name for field in fields(DefinitionFacts)]
#: How long a registration waits for lists to show it.
VISIBLE_SECONDS = 3.0
RETRY_SECONDS = 0.05
#: Reads of one list of versions at a time.
READERS = 16


class CatalogClient:
    """Definitions, versions, tags and secrets. Safe to use from many requests at once."""

    def __init__(
        self, client: Client, entity_task_queue: str, *, rpc_seconds: float = RPC_SECONDS, cache_bytes: int = 32 << 20
    ) -> None:
        """`cache_bytes` bounds the text of versions kept in this process; versions never change."""
        self._client = client
        self._queue = entity_task_queue
        self._seconds = rpc_seconds
        self._versions = VersionCache[VersionFacts](cache_bytes)
        self._reads = SharedReads[DefinitionFacts]()
        self._queues = Queues(UPDATES_AT_ONCE)

    async def register_definition(
        self, dialect: str, organisation: str, name: str, *, request_id: str = ""
    ) -> DefinitionFacts:
        """Raises AlreadyExists, unless it was made by the same `request_id`. Returns once lists show it."""
        definition_id = definition_id_of(dialect, organisation, name)
        workflow_id = definition_workflow_id(dialect, organisation, definition_id)
        request_id = _short(request_id)
        facts = DefinitionFacts(
            dialect=dialect,
            organisation=organisation,
            definition_id=definition_id,
            name=name,
            created_at=_now(),
            request_id=request_id,
        )
        start = self._client.start_workflow(
            DEFINITION_WORKFLOW,
            DefinitionState(facts),
            id=workflow_id,
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            memo={MEMO: facts},
            # How long a change waits for another worker, when one dies with it.
            task_timeout=timedelta(seconds=5),
        )
        try:
            await bounded(start, seconds=self._seconds)
        except WorkflowAlreadyStartedError as error:
            facts = await self.describe_definition(dialect, organisation, definition_id)
            if not request_id or facts.request_id != request_id:
                raise AlreadyExists(f"there is a definition named {name} already") from error
        await self._until_listed(workflow_id)
        return facts

    async def describe_definition(self, dialect: str, organisation: str, definition_id: str) -> DefinitionFacts:
        """Raises NotFound. Needs no worker."""
        workflow_id = definition_workflow_id(dialect, organisation, definition_id)

        async def describe() -> DefinitionFacts:
            call = self._client.get_workflow_handle(workflow_id).describe()
            description = await bounded(call, seconds=self._seconds, missing=_missing(definition_id))
            if description.status != WorkflowExecutionStatus.RUNNING:
                raise NotFound(_missing(definition_id))
            return await _facts(description)

        # Every start of a run by a tag reads this: many at once cost little more than one.
        return await bounded(self._reads.read(workflow_id, describe), seconds=self._seconds)

    async def list_definitions(self, dialect: str, organisation: str) -> list[DefinitionFacts]:
        """All, A to Z by name, through visibility: a new version or tag may show up a moment late here."""
        query = (
            f"WorkflowId STARTS_WITH {quoted(prefix(dialect, organisation) + 'definition/')}"
            f" AND WorkflowType = {quoted(DEFINITION_WORKFLOW)} AND ExecutionStatus IN ('Running', 'ContinuedAsNew')"
        )
        found = newest(await collect(self._client, query, seconds=self._seconds)).values()
        listed = await _all(self._listed(row) for row in found)
        return sorted((facts for facts in listed if facts is not None), key=lambda facts: facts.name)

    async def _listed(self, row: WorkflowExecution) -> DefinitionFacts | None:
        if row.status == WorkflowExecutionStatus.RUNNING:
            return await _facts(row)
        # Its successor is not visible yet, or was terminated.
        handle = self._client.get_workflow_handle(row.id)
        try:
            description = await bounded(handle.describe(), seconds=self._seconds)
        except NotFound:
            return None
        return await _facts(description) if description.status == WorkflowExecutionStatus.RUNNING else None

    async def add_version(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        text: str,
        sha256: str,
        *,
        request_id: str = "",
        unless_tag: str | None = None,
    ) -> VersionFacts:
        """Add an immutable version, number +1; or return the version tagged `unless_tag` if its hash is the same.

        The same `request_id` again returns the same version, as long as fewer than `catalog.REMEMBERED_REQUESTS` other
        requests came between. Raises NotFound, TooLarge. Needs a worker.
        """
        command = AddVersion(text, sha256, created_at=_now(), request_id=_short(request_id), unless_tag=unless_tag)
        number = await self._update(dialect, organisation, definition_id, ADD_VERSION, command, int)
        return await self.get_version(dialect, organisation, definition_id, number)

    async def get_version(self, dialect: str, organisation: str, definition_id: str, number: int) -> VersionFacts:
        """Raises NotFound. Needs no worker."""
        workflow_id = version_workflow_id(dialect, organisation, definition_id, number)
        version = self._versions.get(workflow_id)
        if version is None:
            missing = f"no version {number} of definition {definition_id}"
            version = await read_record(self._client, workflow_id, VersionFacts, seconds=self._seconds, missing=missing)
            self._versions.put(workflow_id, version, version.text)
        return version

    async def list_versions(self, dialect: str, organisation: str, definition_id: str) -> list[VersionFacts]:
        """All versions, newest first; not through visibility. Raises NotFound."""
        facts = await self.describe_definition(dialect, organisation, definition_id)
        readers = asyncio.Semaphore(READERS)

        async def read(number: int) -> VersionFacts | None:
            async with readers:
                try:
                    return await self.get_version(dialect, organisation, definition_id, number)
                except NotFound:  # an operator has deleted it
                    return None

        versions = await _all(read(number) for number in range(facts.latest, 0, -1))
        return [version for version in versions if version is not None]

    async def set_tag(self, dialect: str, organisation: str, definition_id: str, tag: str, number: int) -> None:
        """Idempotent. Raises NotFound for an unknown definition or version number, TooLarge. Needs a worker."""
        await self._update(dialect, organisation, definition_id, SET_TAG, SetTag(tag, number), type(None))

    async def change_tags(
        self,
        dialect: str,
        organisation: str,
        definition_id: str,
        tags: Mapping[str, int],
        remove: Sequence[str] = (),
        unless: str | None = None,
        only: str | None = None,
    ) -> None:
        """Set and remove tags at once; idempotent. Raises as `set_tag`, and if the tag `unless` is there AlreadyExists,
        if the tag `only` is not there NotFound."""
        command = ChangeTags(dict(tags), list(remove), unless, only)
        await self._update(dialect, organisation, definition_id, CHANGE_TAGS, command, type(None))

    async def put_secret(self, organisation: str, name: str, sealed: str) -> None:
        """Keep a sealed (encrypted) secret, replacing an earlier one. Needs no worker."""
        workflow_id = secret_workflow_id(organisation, name)
        await replace_secret(self._client, workflow_id, sealed, task_queue=self._queue, seconds=self._seconds)

    async def get_secret(self, organisation: str, name: str) -> str:
        """The sealed secret. Raises NotFound. Needs no worker."""
        workflow_id = secret_workflow_id(organisation, name)
        return await read_record(self._client, workflow_id, str, seconds=self._seconds, missing="no such secret")

    async def _update(
        self, dialect: str, organisation: str, definition_id: str, name: str, command: Any, result: type[T]
    ) -> T:
        workflow_id = definition_workflow_id(dialect, organisation, definition_id)
        deadline = time.monotonic() + self._seconds
        missing = _missing(definition_id)
        async with self._queues.turn(workflow_id, self._seconds):
            while True:
                left = max(0.1, deadline - time.monotonic())
                try:
                    return await execute_update(
                        self._client, workflow_id, name, command, result_type=result, seconds=left, missing=missing
                    )
                except Overloaded:  # the entity is about to continue as new: a matter of milliseconds
                    if time.monotonic() + RETRY_SECONDS >= deadline:
                        raise
                    await asyncio.sleep(RETRY_SECONDS)

    async def _until_listed(self, workflow_id: str) -> None:
        query = f"WorkflowId = {quoted(workflow_id)} AND ExecutionStatus = 'Running'"
        deadline = time.monotonic() + VISIBLE_SECONDS
        pause = 0.02
        while time.monotonic() < deadline:
            found = await bounded(self._client.count_workflows(query), seconds=self._seconds)
            if found.count:
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.5)


def _now() -> str:
    return timestamp(datetime.now(timezone.utc))


def _short(request_id: str) -> str:
    """A request's id as the catalog stores it: what a sender chose freely must not fill memos."""
    return request_id if len(request_id) <= MAX_NAME else digest(request_id).hex()


def _missing(definition_id: str) -> str:
    return f"no definition {definition_id}"


async def _facts(execution: WorkflowExecution) -> DefinitionFacts:
    """By hand: the general converter reads the type hints anew for every row of a list."""
    memo = await execution.memo_value(MEMO)
    known = {name: memo[name] for name in _FACTS if name in memo}
    known["moved"] = {tag: TagMove(**move) for tag, move in known.get("moved", {}).items()}
    return DefinitionFacts(**known)


async def _all(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all; the first failure ends the others."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
