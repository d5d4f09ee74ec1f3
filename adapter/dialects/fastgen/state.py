"""Where a workflow or route stands, read from and written to the tags of its definition: there is no other record.

`draft` is on the version that was saved last, unless the definition has been deleted; `live` on the one that is
deployed. `active` or `inactive` is there once somebody has switched it, or deployed it. The texts that are kept do not
say whether they are active, since what they say counts only once: `draft-off` and `live-off` tell it. One that was
published from a file has no draft: what is live stands in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.dialects.fastgen.words import ACTIVE, DIALECT, DRAFT, DRAFT_OFF, LIVE_OFF
from definitions import ids
from definitions.contract import DefinitionFacts, VersionFacts
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.document import definition_name, parts_of
from definitions.dialects.fastgen.words import INACTIVE_TAG, LIVE_TAG
from definitions.errors import AlreadyExists, NotFound
from definitions.model import Definition
from worker.client import TidegateClient, team_executors

TAGS = (LIVE_TAG, DRAFT, ACTIVE, INACTIVE_TAG, DRAFT_OFF, LIVE_OFF)


@dataclass(frozen=True)
class State:
    """What the tags of a definition say. `switched` is None while nobody has said whether it is active."""

    facts: DefinitionFacts

    @property
    def name(self) -> str:
        parts = parts_of(self.facts.name)
        return parts[2] if parts else self.facts.name

    @property
    def exists(self) -> bool:
        return not self.facts.tags.keys().isdisjoint((DRAFT, LIVE_TAG))

    @property
    def draft(self) -> int:
        return self.facts.tags[self.mark]

    @property
    def mark(self) -> str:
        """The tag of the draft, or of what stands in its place."""
        return DRAFT if DRAFT in self.facts.tags else LIVE_TAG

    @property
    def live(self) -> int | None:
        return self.facts.tags.get(LIVE_TAG)

    @property
    def switched(self) -> bool | None:
        if INACTIVE_TAG in self.facts.tags:
            return False
        return True if ACTIVE in self.facts.tags else None

    @property
    def active(self) -> bool:
        """Whether it is switched on, or will be by its first deploy."""
        return DRAFT_OFF not in self.facts.tags if self.switched is None else self.switched

    def says_active(self, number: int) -> bool:
        """What a version says of itself, as far as that is still known."""
        return (DRAFT_OFF if number == self.draft else LIVE_OFF) not in self.facts.tags


@dataclass(frozen=True)
class Definitions:
    """The workflows, or the routes, of one project."""

    client: TidegateClient
    organisation: str
    project: str
    kind: str

    def definition_id(self, name: str) -> str:
        return ids.definition_id(DIALECT, self.organisation, definition_name(self.project, self.kind, name))

    async def find(self, name: str) -> State | None:
        """None for one that never was; one that was deleted has a state, in which it does not exist."""
        try:
            return await self.known(self.definition_id(name))
        except NotFound:
            return None

    async def known(self, definition_id: str) -> State:
        return State(await self.client.describe_definition(DIALECT, self.organisation, definition_id))

    async def state(self, name: str) -> State:
        """Raises NotFound for one that is not there."""
        found = await self.find(name)
        if found is None or not found.exists:
            raise self._missing(name)
        return found

    async def named(self, name: str) -> State:
        """The state of a name, whose record is made if there is none."""
        found = await self.find(name)
        if found is not None:
            return found
        full = definition_name(self.project, self.kind, name)
        try:
            return State(await self.client.register_definition(DIALECT, self.organisation, full))
        except AlreadyExists:  # by another request at this moment
            return await self.known(self.definition_id(name))

    async def version(self, state: State, number: int) -> VersionFacts:
        return await self.client.get_version(DIALECT, self.organisation, state.facts.definition_id, number)

    async def listed(self) -> list[State]:
        """All, A to Z."""
        found = await self.client.list_definitions(DIALECT, self.organisation)
        states = [State(facts) for facts in found if (parts_of(facts.name) or ())[:2] == (self.project, self.kind)]
        return [state for state in states if state.exists]

    async def change(self, state: State, tags: Mapping[str, int], remove: Sequence[str] = ()) -> State:
        """Change tags, all at once. Raises NotFound for one that has been deleted meanwhile."""
        definition_id = state.facts.definition_id
        only = state.mark if state.exists else None
        try:
            await self.client.change_tags(DIALECT, self.organisation, definition_id, tags, remove, only=only)
        except NotFound:
            raise self._missing(state.name) from None
        return await self.known(definition_id)

    def _missing(self, name: str) -> NotFound:
        return NotFound(f"there is no {self.kind} {name[:80]!r}")


async def compiled(text: str) -> Definition:
    """What a text compiles to; cached. In a thread: one seen for the first time takes a while."""
    return await asyncio.to_thread(language.compile_text, text, executors=team_executors())
