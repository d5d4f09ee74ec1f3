"""One route of the API: its path, who may call it, and its answer in the vendor's envelope."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
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

BASE = "/api/v1"

Json = dict[str, Any]
_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True)
class Answer:
    """A success: what goes into the envelope."""

    data: Any
    message: str
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

    async def body(self, model: type[_Body]) -> _Body:
        """The body, whatever its Content-Type. Raises RequestInvalid, TooLarge."""
        return await json_model(self.request, model)


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

    def register(handler: Handler) -> Handler:
        async def endpoint(request: Request) -> Response:
            answer = await handler(Call(request, authorise(request, permission)))
            return JsonAnswer(envelope(answer.status, answer.message, data=answer.data), answer.status)

        router.add_api_route(
            BASE + path,
            endpoint,
            methods=[method],
            name=name,
            summary=name,
            description=handler.__doc__,
            operation_id=f"stackshift_{name}",
            openapi_extra=described(method, BASE + path, permission, asked),
        )
        return handler

    return register
