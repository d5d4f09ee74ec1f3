"""One operation of the management API: its path, who may call it, and its answer in plain JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.auth import authorise
from adapter.calls import Call, Route
from adapter.dialects.fastgen.errors import BASE

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A success."""

    data: Any
    status: int = 200


Handler = Callable[[Call], Awaitable[Answer]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, asked: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/fastgen/{project}` + `path` to callers with the permission, in their key's organisation.

    `asked` is what the interface description says of the request: a GET's query, else the body.
    """

    route = Route(name, method, f"{BASE}/{{project}}{path}", permission, f"fastgen_{name}", asked)

    def register(handler: Handler) -> Handler:
        async def endpoint(request: Request) -> Response:
            answer = await handler(Call(request, authorise(request, permission)))
            return JsonAnswer(answer.data, answer.status)

        route.serve(router, endpoint, handler.__doc__)
        return handler

    return register
