"""A folder of definitions, kept in git by a team, published when the server starts: `*.json` for the organisation
`default`, `ORG/*.json` for ORG. Publishing again what has not changed changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from definitions import ids
from definitions.contract import DefinitionFacts
from definitions.dialects import DIALECTS
from definitions.errors import AlreadyExists, DefinitionError, NotFound, Overloaded, Unavailable
from tidegate.definition_files import Document, read_document
from tidegate.errors import CommandError
from worker.client import TidegateClient

DEFAULT_ORGANISATION = "default"
PATTERN = "*.json"
RETRY_SECONDS = 1.0

#: An organisation and a definition of it.
Owned = tuple[str, Document]


def read(folder: Path) -> list[Owned]:
    """Every definition of the folder, compiled. Raises CommandError with all problems of all files."""
    if not folder.is_dir():
        raise CommandError(f"{folder} is not a folder (--definitions)")
    found: list[Owned] = []
    problems: list[str] = []
    for organisation, path in _files(folder):
        try:
            found.append((organisation, read_document(path)))
        except DefinitionError as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
    problems += _taken_twice(found)
    if problems:
        raise CommandError("\n".join(problems))
    return found


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.glob(PATTERN)):
        yield DEFAULT_ORGANISATION, path
    for below in sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")):
        for path in sorted(below.glob(PATTERN)):
            yield below.name, path


def _taken_twice(found: Sequence[Owned]) -> Iterator[str]:
    first: dict[tuple[str, str, str], Path] = {}
    for organisation, document in found:
        earlier = first.setdefault((organisation, document.dialect, document.name), document.path)
        if earlier is not document.path:
            yield f"{document.path}: $: the name {document.name!r} is taken by {earlier} [name-taken]"


async def publish(documents: Sequence[Owned], client: TidegateClient, say: Callable[[str], None]) -> None:
    """Publish all, trying again for as long as Temporal or the workers are away. Raises TidegateError for the rest."""
    for organisation, document in documents:
        while True:
            try:
                number = await _publish_one(organisation, document, client)
                break
            except (Unavailable, Overloaded):
                await asyncio.sleep(RETRY_SECONDS)
        say(f"published {document.name} version {number} for {organisation} ({document.dialect})")


async def _publish_one(organisation: str, document: Document, client: TidegateClient) -> int:
    """The number of the version that is live now."""
    live = DIALECTS[document.dialect].LIVE_TAG
    facts = await _registered(organisation, document, client)
    # The request's id makes a publication that was cut short go on with the version it had added.
    version = await client.add_version(
        document.dialect,
        organisation,
        facts.definition_id,
        document.text,
        document.sha256,
        request_id=f"folder/{document.sha256}",
        unless_tag=live,
    )
    if facts.tags.get(live) != version.number:
        await client.set_tag(document.dialect, organisation, facts.definition_id, live, version.number)
    return version.number


async def _registered(organisation: str, document: Document, client: TidegateClient) -> DefinitionFacts:
    definition_id = ids.definition_id(document.dialect, organisation, document.name)
    try:
        return await client.describe_definition(document.dialect, organisation, definition_id)
    except NotFound:
        pass
    try:
        return await client.register_definition(document.dialect, organisation, document.name)
    except AlreadyExists:
        # Another server publishes the same folder at this moment.
        return await client.describe_definition(document.dialect, organisation, definition_id)
