"""Which routes of a project may be live, and where: an index, of which every route's own tags say whether it is so.

An entry is `<definition id> <method> <path>`. One read of the index and one of the route itself tell what serves a
request, so a deploy, a switch or a deletion counts for every server as soon as it has been acknowledged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from adapter.dialects.fastgen.state import Definitions, State
from adapter.dialects.fastgen.words import DIALECT
from definitions.contract import VersionFacts
from definitions.dialects import fastgen as language
from definitions.dialects.fastgen.routes import Route
from definitions.errors import Conflict, NotFound

SCOPE = "route"
#: Seconds: longer than anybody asks.
FOR_GOOD = 10 * 365 * 86_400.0
#: So long a deploy may take between claiming a place and being live in it.
DEPLOYING = timedelta(minutes=2)

_PARAMETER = re.compile(r"\{[^{}/]*\}")


def index_of(project: str) -> str:
    """The index's name. No event's topic has it: those have the project first, and no project's name has a colon."""
    return f"routes:{project}"


@dataclass(frozen=True)
class Entry:
    """Where a route may be live."""

    definition_id: str
    method: str
    path: str

    @property
    def text(self) -> str:
        return f"{self.definition_id} {self.method} {self.path}"

    @property
    def route(self) -> Route:
        return Route("", self.method, self.path)

    @property
    def place(self) -> str:
        """What two live routes of a project cannot share."""
        return f"{self.method} /{_PARAMETER.sub('{}', self.path.strip('/'))}"


def read_entry(text: str) -> Entry:
    return Entry(*text.split(" ", 2))


def entry_of(version: VersionFacts) -> Entry:
    """Where a version of a route is, while it is live."""
    route = language.route(version.text)
    return Entry(version.definition_id, route.method, route.path)


async def fitting(routes: Definitions, path: str) -> list[Entry]:
    """What may serve a path, percent-encoded as it was asked for: the nearest first. Needs no worker."""
    texts = await routes.client.may_hear(DIALECT, routes.organisation, index_of(routes.project))
    entries = [one for one in map(read_entry, texts) if one.route.match(path) is not None]
    return sorted(entries, key=lambda one: (one.route.rank, one.text))


async def live(routes: Definitions, entry: Entry) -> tuple[State, VersionFacts] | None:
    """The route and its live version, if it is live where the entry says."""
    found = await deployed(routes, entry)
    return found if found is not None and found[0].switched else None


async def deployed(routes: Definitions, entry: Entry) -> tuple[State, VersionFacts] | None:
    """The same, switched on or not."""
    try:
        state = await routes.known(entry.definition_id)
        if not state.exists or state.live is None:
            return None
        version = await routes.version(state, state.live)
    except NotFound:
        return None
    return (state, version) if entry_of(version) == entry else None


# --- one route in one place ---


async def take(routes: Definitions, entry: Entry) -> None:
    """Make a place this route's. Raises Conflict if another one is there."""
    for _ in range(2):
        key = f"{routes.project} {entry.place}"
        claim = await routes.client.claim(
            DIALECT, routes.organisation, SCOPE, key, FOR_GOOD, entry.place, entry.definition_id
        )
        if claim.run_id == entry.definition_id:
            return
        recent = datetime.now(timezone.utc) - claim.claimed_at < DEPLOYING
        if recent or await _is_in(routes, claim.run_id, entry.place):
            break
        # Its route has moved or was deleted, and the change cut short before the place was freed.
        await routes.client.release_claim(DIALECT, routes.organisation, SCOPE, key, claim.run_id)
    raise Conflict(f"another route of the project is deployed at {entry.place}")


async def _is_in(routes: Definitions, definition_id: str, place: str) -> bool:
    try:
        state = await routes.known(definition_id)
        return state.live is not None and entry_of(await routes.version(state, state.live)).place == place
    except NotFound:
        return False


async def give_up(routes: Definitions, entries: Iterable[Entry]) -> None:
    """Free places that a route is in no more."""
    for entry in entries:
        if not await _is_in(routes, entry.definition_id, entry.place):
            key = f"{routes.project} {entry.place}"
            await routes.client.release_claim(DIALECT, routes.organisation, SCOPE, key, entry.definition_id)
