"""Saving and deleting workflows: versions, tags, the events that start them, their webhooks and secrets.

Whatever a crash leaves half done is put right by the same request again: a slug, a secret or a subscription that no
live version uses does no harm.
"""

from __future__ import annotations

import functools

from adapter.dialects.compozy import slugs
from adapter.dialects.compozy.documents import Json, Sealed, sealed, slugs_of
from adapter.dialects.compozy.state import State, Workflows, compiled
from adapter.dialects.compozy.words import DIALECT
from adapter.failures import RequestInvalid
from adapter.settings import Settings
from definitions.dialects import LISTENERS
from definitions.dialects import compozy as language
from definitions.dialects.compozy import document as texts
from definitions.dialects.compozy.document import text_of
from definitions.errors import NotFound


async def save(workflows: Workflows, settings: Settings, document: Json, before: State | None) -> State:
    """Put a workflow in force for new executions, in place of what its caller has seen.

    Raises DefinitionError, Conflict (a slug is taken), PreconditionFailed (changed since).
    """
    await compiled(text_of(document))
    kept = sealed(document, settings, workflows.organisation)
    text = text_of(kept.document)
    state = before or await workflows.named(str(document["id"]))
    definition_id = state.facts.definition_id
    await slugs.take(workflows, definition_id, slugs_of(kept.document))
    await _keep_secrets(workflows, kept)
    sha256 = language.minified_sha256(text)
    version = await workflows.client.add_version(
        DIALECT,
        workflows.organisation,
        definition_id,
        text,
        sha256,
        # A request that was cut short, and is sent again, goes on with the version that it had added.
        request_id=f"{state.revision}/{sha256}",
        unless_tag=language.LIVE_TAG,
    )
    if state.exists and version.number == state.number:
        return state
    earlier = (await workflows.version(state)).text if state.exists else None
    return await _changed(workflows, state, version.number, text, earlier)


async def delete(workflows: Workflows, state: State) -> None:
    """Take a workflow out of force. Raises PreconditionFailed."""
    await _changed(workflows, state, None, None, (await workflows.version(state)).text)


async def _changed(
    workflows: Workflows, state: State, number: int | None, text: str | None, earlier: str | None
) -> State:
    changed = await workflows.client.listen(
        DIALECT,
        workflows.organisation,
        state.facts.definition_id,
        functools.partial(workflows.change, state, number),
        events=_events(text),
        before=_events(earlier),
    )
    # Again, now that it is live: another request of this workflow may have given one up meanwhile.
    await slugs.take(workflows, state.facts.definition_id, _slugs(text))
    await slugs.give_up(workflows, state.facts.definition_id, _slugs(earlier) - _slugs(text))
    return changed


def _events(text: str | None) -> list[str]:
    return [] if text is None else list(LISTENERS[DIALECT].triggers(text))


def _slugs(text: str | None) -> set[str]:
    return set() if text is None else slugs_of(texts.parse(text))


async def _keep_secrets(workflows: Workflows, kept: Sealed) -> None:
    for name in kept.needed:
        try:
            await workflows.client.get_secret(workflows.organisation, name)
        except NotFound:
            message = "a sealed secret is one that this workflow had before; write the secret itself"
            raise RequestInvalid(message, {"$.triggers": message}) from None
    for name, value in kept.secrets.items():
        await workflows.client.put_secret(workflows.organisation, name, value)
