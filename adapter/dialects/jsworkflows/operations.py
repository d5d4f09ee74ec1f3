"""One route of the management API: its path, who may call it, and its answer in plain JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from adapter.answers import JsonAnswer
from adapter.auth import Principal, authorise
from adapter.body import json_model
from adapter.description import described
from adapter.services import services
from worker.client import TidegateClient

BASE = "/jsworkflows"

Json = dict[str, Any]
_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class Answer:
    """A success."""

    data: Any
    status: int = 200


@dataclass(frozen=True)
class Call:
    """An authorised request: `caller` may do it, in its organisation."""

    request: Request
    caller: Principal

    @property
    def client(self) -> TidegateClient:
        return services(self.request).client

    @property
    def organisation(self) -> str:
        return self.caller.organisation

    def path(self, name: str) -> str:
        """A part of the path, decoded."""
        value: str = self.request.path_params[name]
        return value

    async def body(self, model: type[_Body], *, may_be_empty: bool = False) -> _Body:
        """The body, whatever its Content-Type. Raises RequestInvalid, TooLarge."""
        return await json_model(self.request, model, may_be_empty=may_be_empty)


Handler = Callable[[Call], Awaitable[Answer]]


def operation(
    router: APIRouter, name: str, method: str, path: str, permission: str, body: type[BaseModel] | None = None
) -> Callable[[Handler], Handler]:
    """Serve a route at `/jsworkflows` + `path` to callers with the permission, in their key's organisation."""

    def register(handler: Handler) -> Handler:
        async def endpoint(request: Request) -> Response:
            answer = await handler(Call(request, authorise(request, permission)))
            return JsonAnswer(answer.data, answer.status)

        router.add_api_route(
            BASE + path,
            endpoint,
            methods=[method],
            name=name,
            summary=name,
            description=handler.__doc__,
            operation_id=f"jsworkflows_{name}",
            openapi_extra=described(method, BASE + path, permission, body),
        )
        return handler

    return register
