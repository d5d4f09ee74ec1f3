"""Starting a run of another definition from within a run, once however often it is asked for."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from definitions import ids
from definitions.contract import CallContext, DefinitionFacts, RunFacts, VersionFacts, timestamp
from definitions.dialects import DIALECTS
from definitions.errors import Conflict, NotFound
from definitions.model import Definition
from worker.activities import team_executors
from worker.sandbox.host import StartRun
from worker.views import RunDescription

if TYPE_CHECKING:
    from worker.client import TidegateClient


class RunStarter:
    """Starts runs of the current version of a definition, for the run of a given context."""

    def __init__(self, tidegate: TidegateClient) -> None:
        self._tidegate = tidegate

    async def __call__(self, context: CallContext, asked: StartRun) -> dict[str, Any]:
        """Start the run, or find it: {id, job, status, created}.

        Raises NotFound (no such definition), Conflict (the idempotency key was used with another input), InputInvalid,
        and what `TidegateClient.start_run` raises.
        """
        facts, version = await self._current(context, asked.name)
        language = DIALECTS[context.dialect]
        definition = await asyncio.to_thread(language.compile_text, version.text, executors=team_executors())
        language.check_input(definition, asked.input is not None, asked.input)
        run, made = await self._start(asked, definition, _facts(context, asked, facts, version))
        return {"id": run.facts.run_id, "job": asked.name, "status": run.status, "created": made}

    async def _current(self, context: CallContext, name: str) -> tuple[DefinitionFacts, VersionFacts]:
        dialect, organisation = context.dialect, context.organisation
        missing = NotFound(f"nothing is registered as {name[:80]!r}")
        try:
            facts = await self._tidegate.describe_definition(
                dialect, organisation, ids.definition_id(dialect, organisation, name)
            )
        except NotFound:
            raise missing from None
        number = facts.tags.get(DIALECTS[dialect].LIVE_TAG)
        if number is None:
            raise missing
        return facts, await self._tidegate.get_version(dialect, organisation, facts.definition_id, number)

    async def _start(self, asked: StartRun, definition: Definition, run: RunFacts) -> tuple[RunDescription, bool]:
        options: dict[str, Any] = {"start_at": asked.start_at, "max_attempts": asked.max_attempts}
        if asked.idempotency_key is None:
            return await self._tidegate.start_run(definition, run, asked.input, **options)
        content = ids.content_hash(asked.input)
        claim = await self._tidegate.claim(
            run.dialect, run.organisation, run.definition_name, asked.idempotency_key, asked.ttl, content, run.run_id
        )
        if claim.content_hash != content:
            raise Conflict("the idempotency key was used with another payload")
        return await self._tidegate.start_claimed(claim, definition, run, asked.input, **options)


def _facts(context: CallContext, asked: StartRun, found: DefinitionFacts, version: VersionFacts) -> RunFacts:
    return RunFacts(
        organisation=context.organisation,
        dialect=context.dialect,
        run_id=ids.run_id(context.organisation, found.definition_id, version.number, asked.unique),
        definition_id=found.definition_id,
        definition_name=found.name,
        version_id=version.version_id,
        version_number=version.number,
        created_at=timestamp(datetime.now(timezone.utc)),
        submitted_by=f"run {context.run_id}",
        queue=asked.queue,
    )
