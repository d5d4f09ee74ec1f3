"""One route of the API: its path, who may call it, and its answer in the vendor's envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.calls import Call, Route
from adapter.dialects.compozy.auth import caller
from adapter.dialects.compozy.errors import BASE

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A success. Without `data` the envelope has none."""

    message: str
    data: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """In the vendor's envelope."""
        if self.status == 204:
            return Response(status_code=204, headers=dict(self.headers))
        shown: Json = {"status": self.status, "message": self.message}
        if self.data is not None:
            shown["data"] = self.data
        return JsonAnswer(shown, self.status, headers=dict(self.headers))


Handler = Callable[[Call], Awaitable[Answer | Response]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, asked: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/api/v0` + `path` to callers with the permission; the organisation is that of their key.

    `asked` is what the interface description says of the request: a GET's query, else the body.
    """

    route = Route(name, method, BASE + path, permission, f"compozy_{name}", asked)

    def called(request: Request) -> Call:
        return Call(request, caller(request, permission))

    return route.answered(router, called, _shown)


def _shown(answer: Answer | Response) -> Response:
    return answer.response() if isinstance(answer, Answer) else answer
