"""Where a workflow stands, read from and written to the tags of its definition: there is no other record of it.

`current` is there unless the workflow has been deleted, or was never quite created; `active` while it is active;
`trigger.<n>` says that its nth trigger URL is in force.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapter.dialects.jsworkflows.words import ACTIVE, DIALECT, TRIGGER
from definitions.contract import DefinitionFacts, VersionFacts
from definitions.dialects import jsworkflows as language
from definitions.errors import NotFound
from definitions.model import Definition
from worker.client import TidegateClient

LIVE = language.LIVE_TAG


@dataclass(frozen=True)
class State:
    """`generation` is the number of the trigger URL in force; 0: there has never been any."""

    facts: DefinitionFacts

    @property
    def exists(self) -> bool:
        return LIVE in self.facts.tags

    @property
    def active(self) -> bool:
        return self.exists and ACTIVE in self.facts.tags

    @property
    def generation(self) -> int:
        return max((number for number, _ in self._generations()), default=0)

    def following(self) -> tuple[dict[str, int], list[str]]:
        """The tags to set and to remove, for another trigger URL."""
        return {f"{TRIGGER}{self.generation + 1}": 1}, [tag for _, tag in self._generations()]

    def _generations(self) -> list[tuple[int, str]]:
        found = ((tag.removeprefix(TRIGGER), tag) for tag in self.facts.tags if tag.startswith(TRIGGER))
        return [(int(number), tag) for number, tag in found if number.isdigit()]


@dataclass(frozen=True)
class Workflows:
    """The workflows of one organisation."""

    client: TidegateClient
    organisation: str

    async def read(self, workflow_id: str) -> State:
        """Raises NotFound for one that has been deleted as well."""
        missing = _missing(workflow_id)
        try:
            known = str(uuid.UUID(workflow_id))
            state = State(await self.client.describe_definition(DIALECT, self.organisation, known))
        except (ValueError, NotFound):
            raise missing from None
        if not state.exists:
            raise missing
        return state

    async def version(self, state: State) -> VersionFacts:
        """The version that new runs use."""
        facts = state.facts
        return await self.client.get_version(DIALECT, self.organisation, facts.definition_id, facts.tags[LIVE])

    async def create(self, state: State, number: int) -> State:
        """Put the first version in force, with another trigger URL than any before. Raises AlreadyExists."""
        tags, remove = state.following()
        return await self._change(state, {LIVE: number, **tags}, [*remove, ACTIVE], unless=LIVE)

    async def change(self, state: State, tags: Mapping[str, int], remove: Sequence[str] = ()) -> State:
        """Change tags, all at once. Raises NotFound for a workflow that has been deleted meanwhile."""
        try:
            return await self._change(state, tags, remove, only=LIVE)
        except NotFound:
            raise _missing(state.facts.definition_id) from None

    async def _change(self, state: State, tags: Mapping[str, int], remove: Sequence[str], **given: str) -> State:
        definition_id = state.facts.definition_id
        await self.client.change_tags(DIALECT, self.organisation, definition_id, tags, remove, **given)
        return State(await self.client.describe_definition(DIALECT, self.organisation, definition_id))


def _missing(workflow_id: str) -> NotFound:
    return NotFound(f"there is no workflow {workflow_id[:80]!r}")


async def compiled(text: str) -> Definition:
    """What a workflow compiles to; cached. In a thread: one seen for the first time takes a while."""
    return await asyncio.to_thread(language.compile_text, text)
