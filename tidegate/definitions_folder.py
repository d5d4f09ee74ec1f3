"""A folder of definitions, kept in git by a team, published when the server starts: `*.json`, `*.yaml` and `*.yml` for
the organisation `default`, those in `ORG/` for ORG. Publishing again what has not changed changes nothing."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from definitions import ids
from definitions.contract import DefinitionFacts
from definitions.dialects import DIALECTS, DOCUMENTS, LISTENERS
from definitions.errors import AlreadyExists, DefinitionError, NotFound, Overloaded, Unavailable
from tidegate.definition_files import SUFFIXES, Document, read_documents
from tidegate.errors import CommandError
from worker.client import TidegateClient

DEFAULT_ORGANISATION = "default"
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
            found += [(organisation, document) for document in read_documents(path)]
        except DefinitionError as error:
            problems += [f"{path}: {problem}" for problem in error.problems]
    problems += [*_api_only(found), *_taken_twice(found)]
    if problems:
        raise CommandError("\n".join(problems))
    return found


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in _with_definitions(folder):
        yield DEFAULT_ORGANISATION, path
    for below in sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(".")):
        for path in _with_definitions(below):
            yield below.name, path


def _with_definitions(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and not path.name.startswith("."))


def _api_only(found: Sequence[Owned]) -> Iterator[str]:
    for _, document in found:
        if document.dialect in DOCUMENTS:
            for problem in DOCUMENTS[document.dialect].api_only(document.text):
                yield f"{document.path}: {problem}"


def _taken_twice(found: Sequence[Owned]) -> Iterator[str]:
    first: dict[tuple[str, str, str], Document] = {}
    for organisation, document in found:
        earlier = first.setdefault((organisation, document.dialect, document.name), document)
        if earlier is not document:
            yield f"{document.path}: $: the name {document.name!r} is taken by {earlier.path} [name-taken]"


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
        await _put_in_force(organisation, document, client, facts, version.number)
    return version.number


async def _put_in_force(
    organisation: str, document: Document, client: TidegateClient, facts: DefinitionFacts, number: int
) -> None:
    """Move the live tag, and what the definition listens to."""
    dialect, live = document.dialect, DIALECTS[document.dialect].LIVE_TAG
    change = functools.partial(client.set_tag, dialect, organisation, facts.definition_id, live, number)
    if dialect not in LISTENERS:
        await change()
        return
    earlier, before = facts.tags.get(live), []
    if earlier is not None:
        version = await client.get_version(dialect, organisation, facts.definition_id, earlier)
        before = list(LISTENERS[dialect].triggers(version.text))
    events = LISTENERS[dialect].triggers(document.text)
    await client.listen(dialect, organisation, facts.definition_id, change, events=events, before=before)


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
