"""One route of the management API: its path, who may call it, and its answer in plain JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from adapter.answers import Answer
from adapter.calls import Call, Route

__all__ = ["BASE", "Answer", "Json", "operation"]

BASE = "/jsworkflows"

Json = dict[str, Any]

Handler = Callable[[Call], Awaitable[Answer]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, body: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/jsworkflows` + `path` to callers with the permission, in their key's organisation."""

    route = Route(name, method, BASE + path, permission, f"jsworkflows_{name}", body)

    return route.answered(router, route.authorised, Answer.response)
