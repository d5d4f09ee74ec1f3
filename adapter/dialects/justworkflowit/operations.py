"""One operation of the vendor's API: its path, who may call it, and what identifies a repetition of a request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from adapter import calls
from adapter.answers import JsonAnswer
from adapter.auth import authorise
from adapter.calls import Route
from definitions import ids
from definitions.errors import NotFound

BASE = "/organizations/{organizationId}"
INVOCATION = "amz-sdk-invocation-id"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Call(calls.Call):
    """An authorised request, with the ids and the repetitions of the vendor's clients."""

    def identifier(self, name: str) -> str:
        """A part of the path that must be one of our ids. Raises NotFound: anything else names nothing."""
        return known_id(self.path(name))

    @property
    def may_be_repeated(self) -> bool:
        """Whether the sender says which call of its own this is an attempt of."""
        return bool(self.request.headers.get(INVOCATION))

    async def request_id(self) -> str:
        """A UUID that is the same for every attempt of one call of the vendor's client, and else new.

        The body counts too: a sender that uses one invocation id for two different calls has both done.
        """
        invocation = self.request.headers.get(INVOCATION)
        if not invocation:
            return str(uuid.uuid4())
        body = (await self.request.body()).decode("utf-8", "replace")
        raw = ids.digest("request", self.organisation, invocation, self.request.url.path, body)
        return str(uuid.UUID(bytes=raw[:16], version=5))


def known_id(text: str) -> str:
    """An id as we write it. Raises NotFound for what cannot be one."""
    if not _UUID.fullmatch(text.lower()):
        raise NotFound(f"there is nothing with the id {text[:64]!r}")
    return text.lower()


Handler = Callable[[Call], Awaitable[dict[str, Any]]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, asked: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve an operation at `/organizations/{organizationId}` + `path` to callers with the permission.

    `asked` is what the interface description says of the request: a GET's query, else the body.
    """

    route = Route(name, method, BASE + path, permission, name, asked)

    def called(request: Request) -> Call:
        return Call(request, authorise(request, permission, request.path_params["organizationId"]))

    return route.answered(router, called, JsonAnswer)
