"""API tokens of a project, with which callers use its routes: issued, listed, revoked.

A token is signed, and counts while the project's record of tokens has a tag of its id. The record is a definition of
which each version tells of one token, and never the token itself: one read of it checks any.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone

from fastapi import APIRouter, Request

from adapter.auth import bearer
from adapter.calls import Call
from adapter.dialects.fastgen import projects, wire
from adapter.dialects.fastgen.operations import Answer, Json, operation
from adapter.dialects.fastgen.words import DIALECT, TOKEN_WRITE
from adapter.failures import RequestInvalid
from adapter.services import services
from definitions import ids
from definitions.contract import DefinitionFacts, timestamp
from definitions.errors import AlreadyExists, Conflict, NotFound, Unauthenticated
from definitions.tokens import token_keys
from worker.client import TidegateClient

router = APIRouter()

PURPOSE = "route-token"
REFUSED = "a valid API token of the project is required"
#: Tokens of a project at a time.
LIMIT = 50
_TAG = "token."


@dataclass(frozen=True)
class Record:
    """The tokens of one project."""

    client: TidegateClient
    organisation: str
    project: str

    @property
    def name(self) -> str:
        """No workflow and no route has it."""
        return f"{self.project}.tokens"

    @property
    def definition_id(self) -> str:
        return ids.definition_id(DIALECT, self.organisation, self.name)

    async def facts(self) -> DefinitionFacts | None:
        try:
            return await self.client.describe_definition(DIALECT, self.organisation, self.definition_id)
        except NotFound:
            return None

    async def made(self) -> DefinitionFacts:
        """The same, made if there is none."""
        found = await self.facts()
        if found is not None:
            return found
        try:
            return await self.client.register_definition(DIALECT, self.organisation, self.name)
        except AlreadyExists:  # by another request at this moment
            return await self.client.describe_definition(DIALECT, self.organisation, self.definition_id)

    async def listed(self) -> list[Json]:
        """What is known of each token that counts, oldest first."""
        facts = await self.facts()
        numbers = [] if facts is None else sorted(n for tag, n in facts.tags.items() if tag.startswith(_TAG))
        found = [await self.client.get_version(DIALECT, self.organisation, self.definition_id, n) for n in numbers]
        return [json.loads(version.text) for version in found]

    async def add(self, about: Json) -> None:
        """Raises Conflict if there are too many."""
        facts = await self.made()
        now = timestamp(datetime.now(timezone.utc))
        expired = [_TAG + one["id"] for one in await self.listed() if (one["expiresAt"] or now) < now]
        if sum(tag.startswith(_TAG) for tag in facts.tags) - len(expired) >= LIMIT:
            raise Conflict(f"the project has {LIMIT} tokens; revoke one first")
        text = json.dumps(about)
        at = (DIALECT, self.organisation, self.definition_id)
        version = await self.client.add_version(*at, text, ids.content_hash(about), request_id=about["id"])
        await self.client.change_tags(*at, {_TAG + about["id"]: version.number}, expired)

    async def remove(self, token_id: str) -> None:
        """Raises NotFound."""
        tag, at = _TAG + token_id, (DIALECT, self.organisation, self.definition_id)
        try:
            await self.client.change_tags(*at, {}, [tag], only=tag)
        except NotFound:
            raise NotFound("there is no such token") from None


def _record(call: Call) -> Record:
    return Record(call.client, call.organisation, call.path("project"))


@operation(router, "CreateToken", "POST", "/tokens", TOKEN_WRITE, wire.CreateToken)
async def create_token(call: Call) -> Answer:
    """Issue a token for the routes of the project. It is shown this once, and kept nowhere."""
    body = await call.body(wire.CreateToken, may_be_empty=True)
    keys, now = services(call.request).settings.token_keys, datetime.now(timezone.utc)
    if not keys:
        raise RequestInvalid("this server has no token keys (TIDEGATE_TOKEN_KEYS), so it issues no tokens")
    if body.expiresAt is not None and body.expiresAt <= now:
        raise RequestInvalid("the token would have expired already", {"$.expiresAt": "must be in the future"})
    project, token_id = await projects.taken(call), str(uuid.uuid4())
    about = {
        "id": token_id,
        "name": body.name,
        "createdAt": timestamp(now),
        "expiresAt": None if body.expiresAt is None else timestamp(body.expiresAt),
    }
    await _record(call).add(about)
    claims = {"o": call.organisation, "p": project, "id": token_id}
    return Answer(about | {"token": token_keys(keys).sign(PURPOSE, claims, expires_at=body.expiresAt)}, 201)


@operation(router, "ListTokens", "GET", "/tokens", TOKEN_WRITE)
async def list_tokens(call: Call) -> Answer:
    """The tokens that have not been revoked, oldest first."""
    return Answer({"tokens": await _record(call).listed()})


@operation(router, "RevokeToken", "DELETE", "/tokens/{token_id}", TOKEN_WRITE)
async def revoke_token(call: Call) -> Answer:
    """The token counts no more: at once, for every server."""
    await _record(call).remove(call.path("token_id"))
    return Answer({"id": call.path("token_id"), "revoked": True})


async def check(request: Request, organisation: str, project: str) -> None:
    """Raises Unauthenticated unless the request has a token of this project."""
    held, token = services(request), bearer(request)
    if token is None or not held.settings.token_keys:
        raise Unauthenticated(REFUSED)
    now = datetime.now(timezone.utc)
    try:
        claims = token_keys(held.settings.token_keys).verify(PURPOSE, token, now=now)
    except Unauthenticated:
        raise Unauthenticated(REFUSED) from None
    facts = await Record(held.client, organisation, project).facts()
    known = facts is not None and f"{_TAG}{claims['id']}" in facts.tags
    if (claims["o"], claims["p"]) != (organisation, project) or not known:
        raise Unauthenticated(REFUSED)
