"""Where a workflow stands, read from and written to the tags of its definition: there is no other record of it.

`current` is there unless the workflow has been deleted, or was never quite saved; `revision.<n>` counts its changes, so
that each is made to what its maker has seen, or to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from adapter.dialects.compozy.errors import PreconditionFailed
from adapter.dialects.compozy.words import DIALECT
from definitions import ids
from definitions.contract import DefinitionFacts, VersionFacts
from definitions.dialects import compozy as language
from definitions.errors import AlreadyExists, NotFound
from definitions.model import Definition
from worker.client import TidegateClient, team_executors

LIVE = language.LIVE_TAG
_REVISION = "revision."
NO_WORKFLOW = "workflow not found"


@dataclass(frozen=True)
class State:
    """What the tags of a definition say."""

    facts: DefinitionFacts

    @property
    def exists(self) -> bool:
        return LIVE in self.facts.tags

    @property
    def number(self) -> int:
        """Of the version that new executions use."""
        return self.facts.tags[LIVE]

    @property
    def revision(self) -> int:
        found = (tag.removeprefix(_REVISION) for tag in self.facts.tags if tag.startswith(_REVISION))
        return max((int(number) for number in found if number.isdigit()), default=0)

    @property
    def etag(self) -> str:
        """Another one after every change."""
        shown = ids.digest("etag", self.facts.definition_id, self.facts.tags.get(LIVE), self.revision)
        return f'"{shown.hex()[:24]}"'


@dataclass(frozen=True)
class Workflow:
    """A workflow as new executions use it."""

    state: State
    version: VersionFacts
    definition: Definition


@dataclass(frozen=True)
class Workflows:
    """The workflows of one organisation."""

    client: TidegateClient
    organisation: str

    def definition_id(self, workflow_id: str) -> str:
        return ids.definition_id(DIALECT, self.organisation, workflow_id)

    async def find(self, workflow_id: str) -> State | None:
        """None for one that never was; one that was deleted has a state, in which it does not exist."""
        try:
            return State(await self._described(self.definition_id(workflow_id)))
        except NotFound:
            return None

    async def state(self, workflow_id: str) -> State:
        """Raises NotFound for one that is not there."""
        found = await self.find(workflow_id)
        if found is None or not found.exists:
            raise NotFound(NO_WORKFLOW)
        return found

    async def known(self, definition_id: str) -> State:
        """The same, by the definition's id."""
        state = State(await self._described(definition_id))
        if not state.exists:
            raise NotFound(NO_WORKFLOW)
        return state

    async def version(self, state: State) -> VersionFacts:
        """The version that new executions use."""
        return await self.client.get_version(DIALECT, self.organisation, state.facts.definition_id, state.number)

    async def read(self, workflow_id: str) -> Workflow:
        """Raises NotFound."""
        return await self.loaded(await self.state(workflow_id))

    async def loaded(self, state: State) -> Workflow:
        version = await self.version(state)
        return Workflow(state, version, await compiled(version.text))

    async def listed(self) -> list[State]:
        """All, A to Z."""
        found = await self.client.list_definitions(DIALECT, self.organisation)
        return [state for state in map(State, found) if state.exists]

    async def named(self, workflow_id: str) -> State:
        """The state of an id, whose record is made if there is none."""
        found = await self.find(workflow_id)
        if found is not None:
            return found
        try:
            return State(await self.client.register_definition(DIALECT, self.organisation, workflow_id))
        except AlreadyExists:  # by another request at this moment
            return State(await self._described(self.definition_id(workflow_id)))

    async def change(self, state: State, number: int | None) -> State:
        """Put a version in force, or none, if nobody has changed the workflow since. Raises PreconditionFailed."""
        before, after = f"{_REVISION}{state.revision}", f"{_REVISION}{state.revision + 1}"
        definition_id = state.facts.definition_id
        # The first change finds no revision, and excludes others by making one.
        told = {"only": before} if state.revision else {"unless": after}
        wanted = {after: 1} | ({} if number is None else {LIVE: number})
        removed = [before] if number is not None else [before, LIVE]
        try:
            await self.client.change_tags(DIALECT, self.organisation, definition_id, wanted, removed, **told)
        except (NotFound, AlreadyExists):
            raise PreconditionFailed("the workflow was changed by somebody else at this moment") from None
        return State(await self._described(definition_id))

    async def _described(self, definition_id: str) -> DefinitionFacts:
        return await self.client.describe_definition(DIALECT, self.organisation, definition_id)


async def compiled(text: str) -> Definition:
    """What a workflow compiles to; cached. In a thread: one seen for the first time takes a while."""
    return await asyncio.to_thread(language.compile_text, text, executors=team_executors())


def matches(header: str, state: State | None) -> bool:
    """Whether an `If-Match` holds: a list of ETags, or `*` for any."""
    if state is None or not state.exists:
        return False
    return "*" in _etags(header) or state.etag in _etags(header)


def _etags(header: str) -> Iterable[str]:
    return [one.strip() for one in header.split(",")]
