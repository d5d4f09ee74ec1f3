"""One operation of the management API: its path, who may call it, and its answer in plain JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from adapter.answers import Answer
from adapter.calls import Call, Route
from adapter.dialects.fastgen.errors import BASE

__all__ = ["Answer", "Json", "operation"]

Json = dict[str, Any]

Handler = Callable[[Call], Awaitable[Answer]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, asked: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/fastgen/{project}` + `path` to callers with the permission, in their key's organisation.

    `asked` is what the interface description says of the request: a GET's query, else the body.
    """

    route = Route(name, method, f"{BASE}/{{project}}{path}", permission, f"fastgen_{name}", asked)

    return route.answered(router, route.authorised, Answer.response)
