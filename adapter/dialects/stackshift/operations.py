"""One route of the API: its path, who may call it, and its answer in the vendor's envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.calls import Call, Route

BASE = "/api/v1"

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A success: what goes into the envelope."""

    data: Any
    message: str
    status: int = 200

    def response(self) -> Response:
        """In the vendor's envelope."""
        return JsonAnswer(envelope(self.status, self.message, data=self.data), self.status)


Handler = Callable[[Call], Awaitable[Answer]]


def envelope(status: int, message: str, **more: Any) -> Json:
    """The vendor's envelope around `data` or `error`."""
    return {
        "success": status < 400,
        "status": HTTPStatus(status).phrase,
        "status_code": status,
        "message": message,
        **more,
    }


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, asked: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/api/v1` + `path` to callers with the permission; the organisation is that of their key.

    `asked` is what the interface description says of the request: a GET's query, else the body.
    """

    route = Route(name, method, BASE + path, permission, f"stackshift_{name}", asked)

    return route.answered(router, route.authorised, Answer.response)
