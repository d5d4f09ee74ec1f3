"""Who listens to an event: those of a topic's candidates whose live version says so, and whom the payload fits."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from definitions import schemas
from definitions.contract import DefinitionFacts, PublishEvent, RefusedListener, StartedRun, VersionFacts
from definitions.dialects import DIALECTS, LISTENERS
from definitions.errors import DefinitionError, NotFound, PayloadInvalid, TidegateError
from definitions.ids import run_id
from definitions.listeners import Listening, Occurrence, Trigger
from definitions.model import Definition
from worker.activities import team_executors
from worker.catalog_client import CatalogClient
from worker.version_cache import VersionCache

#: Candidates that are looked at, at a time.
READERS = 20
#: Bytes of the texts whose compiled form a process keeps.
CACHE_BYTES = 16 << 20
#: Characters of why a listener is not started.
REASON_LIMIT = 200


@dataclass(frozen=True)
class Compiled:
    """A version that events start."""

    version: VersionFacts
    definition: Definition
    triggers: Mapping[str, Trigger]


def occurrence(event: PublishEvent) -> Occurrence:
    """The event as the dialect's side sees it."""
    return Occurrence(event.event_id, event.name, event.payload, event.has_payload, event.received_at)


def listening(dialect: str) -> Listening:
    """Raises NotFound for a dialect whose workflows no event starts."""
    try:
        return LISTENERS[dialect]
    except KeyError:
        raise NotFound(f"no event starts workflows of {dialect}") from None


def started_run(event: PublishEvent, facts: DefinitionFacts, number: int) -> StartedRun:
    """The run that an event starts of one listener: its id follows from both."""
    unique = ["event", event.name, event.event_id]
    run = run_id(event.organisation, facts.definition_id, number, unique)
    return StartedRun(run, facts.definition_id, facts.name, number)


class Listeners:
    """Listeners of any organisation. What is kept in this process never changes; what may change is read each time."""

    def __init__(self, catalog: CatalogClient) -> None:
        self._catalog = catalog
        self._compiled = VersionCache[Compiled](CACHE_BYTES)

    async def of(
        self, event: PublishEvent, candidates: Iterable[str]
    ) -> tuple[list[StartedRun], list[RefusedListener]]:
        """The runs that the event is to start, and those listeners that it does not fit. Raises Unavailable."""
        places = asyncio.Semaphore(READERS)
        started: list[StartedRun] = []
        refused: list[RefusedListener] = []

        async def look(definition_id: str) -> StartedRun | RefusedListener | None:
            async with places:
                return await self._look(event, definition_id)

        tasks = [asyncio.ensure_future(look(one)) for one in candidates]
        try:
            for found in await asyncio.gather(*tasks):
                if isinstance(found, StartedRun):
                    started.append(found)
                elif found is not None:
                    refused.append(found)
        finally:
            for task in tasks:
                task.cancel()
        return started, refused

    async def listens(self, dialect: str, organisation: str, name: str, definition_id: str) -> bool:
        """Whether an event of this name would start the definition now."""
        return await self._live(dialect, organisation, name, definition_id) is not None

    async def compiled(self, dialect: str, organisation: str, definition_id: str, number: int) -> Compiled:
        """A version with what it listens to. Raises NotFound, DefinitionError."""
        version = await self._catalog.get_version(dialect, organisation, definition_id, number)
        found = self._compiled.get(version.version_id)
        if found is None:
            found = await asyncio.to_thread(_compile, dialect, version)
            self._compiled.put(version.version_id, found, version.text)
        return found

    async def _look(self, event: PublishEvent, definition_id: str) -> StartedRun | RefusedListener | None:
        live = await self._live(event.dialect, event.organisation, event.name, definition_id)
        if live is None:
            return None
        facts, compiled = live
        if isinstance(compiled, DefinitionError):
            return _refused(facts, compiled)
        try:
            check(event, compiled)
        except TidegateError as error:
            return _refused(facts, error)
        return started_run(event, facts, compiled.version.number)

    async def _live(
        self, dialect: str, organisation: str, name: str, definition_id: str
    ) -> tuple[DefinitionFacts, Compiled | DefinitionError] | None:
        """The version that listens to this name now; why it cannot, if this installation cannot compile it."""
        try:
            facts = await self._catalog.describe_definition(dialect, organisation, definition_id)
            number = listening(dialect).listening(facts.tags)
            if number is None:
                return None
            compiled = await self.compiled(dialect, organisation, definition_id, number)
        except NotFound:
            return None
        except DefinitionError as error:
            return facts, error
        return (facts, compiled) if name in compiled.triggers else None


def _compile(dialect: str, version: VersionFacts) -> Compiled:
    triggers = listening(dialect).triggers(version.text)
    definition = DIALECTS[dialect].compile_text(version.text, executors=team_executors(), analyse=False)
    return Compiled(version, definition, triggers)


def check(event: PublishEvent, compiled: Compiled) -> Any:
    """The input of the run that the event starts. Raises PayloadInvalid, InputInvalid, ExpressionError."""
    trigger = compiled.triggers[event.name]
    if trigger.schema is not None:
        try:
            wrong = schemas.first_error(trigger.schema, event.payload if event.has_payload else {})
        except ValueError as error:
            raise PayloadInvalid(f"the trigger's schema cannot be used: {error}") from None
        if wrong is not None:
            raise PayloadInvalid(f"the payload does not fit the trigger's schema: {wrong[0]}: {wrong[1]}", wrong[0])
    given = listening(event.dialect).run_input(occurrence(event))
    DIALECTS[event.dialect].check_input(compiled.definition, given is not None, given)
    return given


def _refused(facts: DefinitionFacts, error: TidegateError) -> RefusedListener:
    reason = error.message if len(error.message) <= REASON_LIMIT else f"{error.message[: REASON_LIMIT - 1]}…"
    return RefusedListener(facts.definition_id, facts.name, reason)
