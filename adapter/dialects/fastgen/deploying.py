"""Saving, deploying, switching and deleting workflows and routes: versions, tags, and what leads to them.

Whatever a crash leaves half done is put right by the same request again: a subscription or an entry that no live
version uses does no harm.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from adapter.dialects.fastgen import route_index
from adapter.dialects.fastgen.state import TAGS, Definitions, State
from adapter.dialects.fastgen.words import ACTIVE, DIALECT, DRAFT, DRAFT_OFF, LIVE_OFF
from definitions.contract import VersionFacts
from definitions.dialects import LISTENERS
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen import document
from definitions.dialects.fastgen.words import INACTIVE_TAG, LIVE_TAG, ROUTE


async def save(definitions: Definitions, name: str, body: Mapping[str, Any]) -> tuple[State, bool]:
    """Keep a document as the draft, which changes nothing that runs; whether it is the first one."""
    text = text_of(definitions, name, {key: value for key, value in body.items() if key != "active"})
    before = await definitions.named(name)
    version = await definitions.client.add_version(
        DIALECT,
        definitions.organisation,
        before.facts.definition_id,
        text,
        language.minified_sha256(text),
        unless_tag=DRAFT,
    )
    tags, remove = _said({DRAFT: version.number}, DRAFT_OFF, version.number, body.get("active", True))
    return await definitions.change(before, tags, remove), not before.exists


def text_of(definitions: Definitions, name: str, body: Mapping[str, Any]) -> str:
    return language.text_of(definitions.project, definitions.kind, name, dict(body))


async def deploy(definitions: Definitions, state: State, number: int) -> State:
    """Put a version in force. Raises NotFound for one that is not there, Conflict for a route whose place is taken."""
    version = await definitions.version(state, number)
    earlier = None if state.live is None else await definitions.version(state, state.live)
    if definitions.kind == ROUTE:
        await route_index.take(definitions, route_index.entry_of(version))
    active, off = switched(number, _active_after(state, number))
    tags, on = _said({LIVE_TAG: number}, LIVE_OFF, number, state.says_active(number))
    return await _moved(definitions, state, tags | active, [*off, *on], version, earlier)


def _active_after(state: State, number: int) -> bool:
    """What the document says counts at the first deploy, and whenever it says something else than the one before."""
    said = state.says_active(number)
    if state.switched is None or (state.live is not None and said != (LIVE_OFF not in state.facts.tags)):
        return said
    return state.switched


def _said(tags: dict[str, int], off: str, number: int, active: bool) -> tuple[dict[str, int], list[str]]:
    return (tags, [off]) if active else (tags | {off: number}, [])


def switched(number: int, active: bool) -> tuple[dict[str, int], list[str]]:
    """Tags to set and to remove."""
    return ({ACTIVE: number}, [INACTIVE_TAG]) if active else ({INACTIVE_TAG: number}, [ACTIVE])


async def switch(definitions: Definitions, state: State, active: bool) -> State:
    """At once, whatever the documents say. What leads to the definition stays: its tags decide."""
    return await definitions.change(state, *switched(state.draft, active))


async def delete(definitions: Definitions, state: State) -> None:
    """Nothing starts it any more; runs go on."""
    earlier = None if state.live is None else await definitions.version(state, state.live)
    await _moved(definitions, state, {}, list(TAGS), None, earlier)


async def _moved(
    definitions: Definitions,
    state: State,
    tags: Mapping[str, int],
    remove: list[str],
    after: VersionFacts | None,
    before: VersionFacts | None,
) -> State:
    """Change tags, and what leads to the definition, in the order in which nothing is lost."""
    at = (DIALECT, definitions.organisation)
    change = functools.partial(definitions.change, state, tags, remove)
    if definitions.kind != ROUTE:
        definition_id = state.facts.definition_id
        return await definitions.client.listen(
            *at, definition_id, change, events=_events(after), before=_events(before)
        )

    async def still(entry: str) -> bool:
        return await route_index.deployed(definitions, route_index.read_entry(entry)) is not None

    entries, earlier = _entries(after), _entries(before)
    changed = await definitions.client.keep_index(
        *at,
        route_index.index_of(definitions.project),
        change,
        entries=[one.text for one in entries],
        before=[one.text for one in earlier],
        still=still,
    )
    for one in entries:  # again, now that it is live: another request of this route may have given it up meanwhile
        await route_index.take(definitions, one)
    await route_index.give_up(definitions, earlier)
    return changed


def _events(version: VersionFacts | None) -> list[str]:
    return [] if version is None else list(LISTENERS[DIALECT].triggers(version.text))


def _entries(version: VersionFacts | None) -> list[route_index.Entry]:
    return [] if version is None else [route_index.entry_of(version)]


def shown(version: VersionFacts) -> dict[str, Any]:
    """A document as its caller wrote it."""
    return dict(document.read(version.text).body)
