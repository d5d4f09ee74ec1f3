"""The catalog as entities in Temporal: a definition is a workflow that gives out version numbers and tags.

Its versions are records (`worker.records`), started by an activity: written before the definition counts them, and
never overwritten, so that a process may die at any moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RawValue, RetryPolicy
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
from definitions.errors import AlreadyExists, NotFound, Overloaded, TooLarge
from definitions.ids import digest, version_id, version_workflow_id
from worker.failures import failure
from worker.fan_out import TidegateFanOut
from worker.record_workflows import ClaimRecord, SecretRecord, VersionRecord, stand_until
from worker.records import read_record, start_version
from worker.topic import TidegateTopic
from worker.value_entity import TidegateValue

PUBLISH_VERSION = "tidegate:publish-version"
#: A repeated request is recognised among this many requests of one definition that came after it.
REMEMBERED_REQUESTS = 1_000
MAX_TAGS = 100
MAX_NAME = 256
MAX_TEXT_BYTES = 256 * 1024
#: Events of one execution before it continues as new, besides the server's own suggestion.
HISTORY_EVENTS = 10_000
#: Temporal holds back an execution that follows a younger one than a second, and an update meanwhile waits for long.
YOUNG = timedelta(seconds=2)
#: For ever: a version that was asked for is written once Temporal answers.
RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


@dataclass
class DefinitionState:
    """The argument of `TidegateDefinition`. `answered` maps hash of a request id -> version number, oldest first."""

    facts: DefinitionFacts
    answered: dict[str, int] = field(default_factory=dict)


@dataclass
class PublishVersion:
    """The argument of the activity: start this record, unless version `unless` has the same hash."""

    workflow_id: str
    facts: VersionFacts
    unless_workflow_id: str = ""
    unless_number: int = 0


@workflow.defn(name=DEFINITION_WORKFLOW)
class DefinitionEntity:
    """One definition: gives out version numbers and tags, one change at a time. Its memo shows its facts."""

    @workflow.init
    def __init__(self, state: DefinitionState) -> None:
        self._state = state
        self._lock = asyncio.Lock()
        self._ending = False

    @workflow.run
    async def run(self, state: DefinitionState) -> None:
        await stand_until(_history_is_long)
        # Else a constant stream of changes would keep it from ending until Temporal ends it for its size.
        self._ending = True
        await stand_until(workflow.all_handlers_finished)
        workflow.continue_as_new(self._state, memo={MEMO: self._state.facts})

    @workflow.update(name=ADD_VERSION)
    async def add_version(self, command: AddVersion) -> int:
        """The number of the version that holds this text."""
        async with self._lock:
            number = self._state.answered.get(_remembered(command.request_id)) if command.request_id else None
            return await self._add(command) if number is None else number

    @add_version.validator
    def check_version(self, command: AddVersion) -> None:
        self._check_open()
        # Not the callers' limits but this entity's life: Temporal ends a workflow whose commands are too large.
        if len(command.text.encode("utf-8", "surrogatepass")) > MAX_TEXT_BYTES or len(command.request_id) > MAX_NAME:
            raise failure(TooLarge(f"a definition has at most {MAX_TEXT_BYTES} bytes"))

    @workflow.update(name=SET_TAG)
    def set_tag(self, command: SetTag) -> None:
        self._change({command.tag: command.number}, [])

    @set_tag.validator
    def check_tag(self, command: SetTag) -> None:
        self._check_tags({command.tag: command.number}, [])

    @workflow.update(name=CHANGE_TAGS)
    def change_tags(self, command: ChangeTags) -> None:
        """All of it or nothing; idempotent."""
        self._change(command.set, command.remove)

    @change_tags.validator
    def check_tags(self, command: ChangeTags) -> None:
        self._check_tags(command.set, command.remove)
        tags = self._state.facts.tags
        if command.unless in tags:
            raise failure(AlreadyExists("somebody else has been faster"))
        if command.only is not None and command.only not in tags:
            raise failure(NotFound("somebody else has been faster"))

    def _change(self, wanted: dict[str, int], removed: Sequence[str]) -> None:
        facts, changed = self._state.facts, False
        for tag in removed:
            changed = facts.tags.pop(tag, None) is not None or changed
            facts.moved.pop(tag, None)
        for tag, number in wanted.items():
            before = facts.tags.get(tag)
            if before not in (None, number):
                facts.moved[tag] = TagMove(before, timestamp(workflow.now()))
            changed = changed or before != number
            facts.tags[tag] = number
        if changed:
            workflow.upsert_memo({MEMO: facts})

    def _check_tags(self, wanted: dict[str, int], removed: Sequence[str]) -> None:
        self._check_open()
        facts = self._state.facts
        for number in wanted.values():
            if not 1 <= number <= facts.latest:
                raise failure(NotFound(f"no version {number}"))
        count = len((set(facts.tags) - set(removed)) | set(wanted))
        more = any(tag not in facts.tags for tag in wanted) and count > MAX_TAGS
        if more or any(len(tag) > MAX_NAME for tag in wanted):
            raise failure(TooLarge(f"a definition has at most {MAX_TAGS} tags of {MAX_NAME} characters"))

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """Nothing here listens to signals, and none may do harm."""

    def _check_open(self) -> None:
        if self._ending:
            raise failure(Overloaded("the definition continues in a moment"))

    async def _add(self, command: AddVersion) -> int:
        facts = self._state.facts
        candidate, number = facts.latest + 1, 0
        while not number:
            # 0: a number that an earlier, terminated execution of this definition gave out. Versions never change.
            number = await self._publish(command, candidate)
            candidate += 1
        self._remember(command.request_id, number)
        if number > facts.latest:
            facts.latest = number
            workflow.upsert_memo({MEMO: facts})
        return number

    async def _publish(self, command: AddVersion, number: int) -> int:
        facts = self._state.facts
        unless = 0 if command.unless_tag is None else facts.tags.get(command.unless_tag, 0)
        version = VersionFacts(
            definition_id=facts.definition_id,
            version_id=version_id(facts.definition_id, number),
            number=number,
            text=command.text,
            sha256=command.sha256,
            created_at=command.created_at,
            request_id=command.request_id,
        )
        published: int = await workflow.execute_activity(
            PUBLISH_VERSION,
            PublishVersion(self._version(number), version, self._version(unless), unless),
            result_type=int,
            start_to_close_timeout=timedelta(seconds=3),
            retry_policy=RETRY,
        )
        return published

    def _version(self, number: int) -> str:
        facts = self._state.facts
        return version_workflow_id(facts.dialect, facts.organisation, facts.definition_id, number)

    def _remember(self, request_id: str, number: int) -> None:
        answered = self._state.answered
        if request_id:
            answered[_remembered(request_id)] = number
        while len(answered) > REMEMBERED_REQUESTS:
            del answered[next(iter(answered))]


def _remembered(request_id: str) -> str:
    return digest(request_id).hex()[:32]


def _history_is_long() -> bool:
    info = workflow.info()
    long = info.is_continue_as_new_suggested() or info.get_current_history_length() >= HISTORY_EVENTS
    return long and workflow.now() - info.start_time > YOUNG


class CatalogActivities:
    """What the entities do outside of themselves."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn(name=PUBLISH_VERSION)
    async def publish_version(self, command: PublishVersion) -> int:
        """The number under which the text is found; 0 if the number is taken by another text."""
        if command.unless_number and await self._hash(command.unless_workflow_id) == command.facts.sha256:
            return command.unless_number
        queue = activity.info().task_queue
        try:
            await start_version(self._client, command.workflow_id, command.facts, task_queue=queue)
        except WorkflowAlreadyStartedError:
            # Most likely by an attempt of this activity that could not report it.
            existing = await read_record(self._client, command.workflow_id, VersionFacts)
            return command.facts.number if existing == command.facts else 0
        return command.facts.number

    async def _hash(self, workflow_id: str) -> str | None:
        try:
            return (await read_record(self._client, workflow_id, VersionFacts)).sha256
        except NotFound:
            return None


ENTITY_WORKFLOWS: list[type] = [
    DefinitionEntity,
    VersionRecord,
    SecretRecord,
    ClaimRecord,
    TidegateValue,
    TidegateTopic,
    TidegateFanOut,
]


def entity_activities(client: Client) -> list[Callable[..., Any]]:
    """The activities that a worker of the entities' task queue needs."""
    return [CatalogActivities(client).publish_version]
