"""Slugs of webhooks: public names. The organisation that has taken one first keeps it for good; within it, it belongs
to one workflow at a time, and is free again when that has no such webhook any more."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timezone

from adapter.dialects.compozy.documents import slugs_of
from adapter.dialects.compozy.state import Workflows
from adapter.dialects.compozy.words import DIALECT
from definitions.dialects.compozy import document as texts
from definitions.errors import Conflict, NotFound
from worker.client import TidegateClient

SCOPE = "webhook"
#: In place of an organisation: no organisation has an empty name.
PUBLIC = ""
#: Seconds: longer than anybody asks.
FOR_GOOD = 10 * 365 * 86_400.0
#: Seconds for which a workflow that has taken a slug may not have been saved yet.
BEING_SAVED = 60.0


async def take(workflows: Workflows, definition_id: str, wanted: Collection[str]) -> None:
    """Make slugs this workflow's. Raises Conflict for one that is another organisation's, or another workflow's."""
    await asyncio.gather(*(_take(workflows, definition_id, slug) for slug in sorted(wanted)))


async def _take(workflows: Workflows, definition_id: str, slug: str) -> None:
    client, organisation = workflows.client, workflows.organisation
    public = await client.claim(DIALECT, PUBLIC, SCOPE, slug, FOR_GOOD, organisation, organisation)
    taken = Conflict(f"the webhook slug {slug!r} is taken")
    if public.run_id != organisation:
        raise taken
    for _ in range(2):
        own = await client.claim(DIALECT, organisation, SCOPE, slug, FOR_GOOD, slug, definition_id)
        if own.run_id == definition_id:
            return
        age = (datetime.now(timezone.utc) - own.claimed_at).total_seconds()
        if age < BEING_SAVED or await _uses(workflows, own.run_id, slug):
            break
        # Its workflow was never saved after all; or changed or deleted, and that cut short before this was freed.
        await client.release_claim(DIALECT, organisation, SCOPE, slug, own.run_id)
    raise taken


async def _uses(workflows: Workflows, definition_id: str, slug: str) -> bool:
    try:
        state = await workflows.known(definition_id)
    except NotFound:
        return False
    return slug in slugs_of(texts.parse((await workflows.version(state)).text))


async def give_up(workflows: Workflows, definition_id: str, unused: Collection[str]) -> None:
    """Free slugs that a workflow has no webhook for any more."""
    for slug in sorted(unused):
        if await _uses(workflows, definition_id, slug):
            continue  # it has one again, by another request at this moment
        await workflows.client.release_claim(DIALECT, workflows.organisation, SCOPE, slug, definition_id)


async def owner(client: TidegateClient, slug: str) -> tuple[str, str]:
    """The organisation, and the definition's id, that a slug belongs to. Raises NotFound. Takes nothing."""
    missing = NotFound("there is no such webhook")
    public = await client.standing_claim(DIALECT, PUBLIC, SCOPE, slug)
    if public is None:
        raise missing
    own = await client.standing_claim(DIALECT, public.run_id, SCOPE, slug)
    if own is None:
        raise missing
    return public.run_id, own.run_id
