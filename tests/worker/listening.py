"""A small language whose workflows events start, and short ways to register, switch and publish.

A text is `{"events": {name: JSON Schema or null}, "body": block}`. The version tagged `active` is live.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from definitions import ids
from definitions.contract import (
    DEFINITION_WORKFLOW,
    MEMO,
    TOPIC_WORKFLOW,
    DefinitionFacts,
    Published,
    PublishEvent,
    RunSnapshot,
    VersionFacts,
)
from definitions.dialects import DIALECTS, LISTENERS
from definitions.errors import InputInvalid, NotFound
from definitions.listeners import Occurrence, Trigger
from definitions.model import Definition
from tests.running import DIALECT, Runs, eventually
from worker.catalog import DefinitionState
from worker.records import NEVER, start_version
from worker.topic_state import TopicState

ACTIVE = "active"
INPUT = {"language": "path", "source": "${input}"}
TINY: dict[str, Any] = {"start": "a", "steps": {"a": {"kind": "assign", "input": INPUT}}}


class ToyLanguage:
    LIVE_TAG = ACTIVE
    CODES: Mapping[str, str] = {}

    def compile_text(self, text: str, *, executors: Any = None, analyse: bool = True) -> Definition:
        return Definition.model_validate({"dialect": DIALECT, "name": "toy", "body": json.loads(text)["body"]})

    def check_input(self, definition: Definition, has_input: bool, value: Any) -> None:
        if value == "no input of ours":
            raise InputInvalid("this input is never taken")

    def minified_sha256(self, text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    def recognises(self, text: str) -> bool:
        return False

    def listening(self, tags: Mapping[str, int]) -> int | None:
        return tags.get(ACTIVE)

    def triggers(self, text: str) -> Mapping[str, Trigger]:
        return {name: Trigger(schema) for name, schema in json.loads(text)["events"].items()}

    def run_input(self, event: Occurrence) -> Any:
        return event.payload if event.has_payload else {}


@contextlib.contextmanager
def toy_language() -> Iterator[None]:
    """This process knows the language while the block lasts."""
    toy = ToyLanguage()
    with patch.dict(DIALECTS, {DIALECT: toy}), patch.dict(LISTENERS, {DIALECT: toy}):
        yield


@dataclass
class Toy:
    """One workflow of an organisation, with the events that each of its versions listens to."""

    runs: Runs
    name: str
    definition_id: str
    versions: dict[int, list[str]] = field(default_factory=dict)
    live: int | None = None

    async def add(self, events: Mapping[str, Any] | list[str], body: dict[str, Any] = TINY) -> int:
        """A new version that is not live yet; its number."""
        wanted = dict.fromkeys(events) if isinstance(events, list) else dict(events)
        text = json.dumps({"events": wanted, "body": body, "salt": uuid.uuid4().hex})
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        added = await self.runs.tidegate.add_version(DIALECT, self.runs.organisation, self.definition_id, text, sha256)
        self.versions[added.number] = list(wanted)
        return added.number

    async def go_live(self, number: int | None) -> None:
        """Make a version live, or none."""
        tidegate, at = self.runs.tidegate, (DIALECT, self.runs.organisation, self.definition_id)

        async def change() -> None:
            await tidegate.change_tags(*at, {ACTIVE: number} if number else {}, [] if number else [ACTIVE])

        before = self.versions[self.live] if self.live else []
        await tidegate.listen(*at, change, events=self.versions[number] if number else [], before=before)
        self.live = number


async def toy(
    runs: Runs, events: Mapping[str, Any] | list[str], body: dict[str, Any] = TINY, *, live: bool = True
) -> Toy:
    """A new workflow with one version, which is live at once."""
    name = f"toy-{uuid.uuid4()}"
    facts = await runs.tidegate.register_definition(DIALECT, runs.organisation, name)
    made = Toy(runs, name, facts.definition_id)
    number = await made.add(events, body)
    if live:
        await made.go_live(number)
    return made


async def plant(runs: Runs, event: str, count: int, body: dict[str, Any] = TINY) -> list[str]:
    """So many workflows that listen to an event, as they are in Temporal, made the short way; their ids."""
    client, queue = runs.tidegate.temporal, f"{runs.tidegate.task_queue}-entities"
    text = json.dumps({"events": {event: None}, "body": body})
    places = asyncio.Semaphore(50)

    async def one(name: str) -> str:
        of = ids.definition_id(DIALECT, runs.organisation, name)
        facts = DefinitionFacts(runs.organisation, DIALECT, of, name, "", latest=1, tags={ACTIVE: 1})
        version = VersionFacts(of, ids.version_id(of, 1), 1, text, "", "")
        async with places:
            at = ids.version_workflow_id(DIALECT, runs.organisation, of, 1)
            await start_version(client, at, version, task_queue=queue)
            await client.start_workflow(
                DEFINITION_WORKFLOW,
                DefinitionState(facts),
                id=ids.definition_workflow_id(DIALECT, runs.organisation, of),
                task_queue=queue,
                memo={MEMO: facts},
                start_delay=NEVER,
            )
        return of

    planted = await asyncio.gather(*(one(f"planted-{n}") for n in range(count)))
    state = TopicState(event, {of: n + 1 for n, of in enumerate(planted)}, number=count)
    at = ids.topic_workflow_id(DIALECT, runs.organisation, event)
    await client.start_workflow(TOPIC_WORKFLOW, state, id=at, task_queue=queue, memo={MEMO: state.shown()})
    return list(planted)


async def publish(runs: Runs, name: str, payload: Any = ..., **more: Any) -> Published:
    event = PublishEvent(runs.organisation, DIALECT, name, **more)
    if payload is not ...:
        event.payload, event.has_payload = payload, True
    return await runs.tidegate.publish(event)


async def ended(runs: Runs, run_id: str, status: str = "succeeded") -> RunSnapshot:
    """How a run ended that an event has started: it may take a moment until it is there."""

    async def begun() -> bool:
        try:
            await runs.describe(run_id)
        except NotFound:
            return False
        return True

    await eventually(begun, bool)
    return await runs.ended(run_id, status)


async def runs_of(runs: Runs, definition_id: str) -> int:
    """How many runs of a definition there are, or have been; through visibility."""
    head = f"{ids.prefix(DIALECT, runs.organisation)}run/{ids.run_id_prefix(definition_id, False)}"
    return (await runs.tidegate.temporal.count_workflows(f"WorkflowId STARTS_WITH '{head}'")).count


async def runs_in(runs: Runs) -> int:
    """How many runs the organisation has, or has had; through visibility."""
    head = f"{ids.prefix(DIALECT, runs.organisation)}run/"
    return (await runs.tidegate.temporal.count_workflows(f"WorkflowId STARTS_WITH '{head}'")).count
