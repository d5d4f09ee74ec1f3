"""What the operations of all dialects have in common: the authorised call, and how a route is served and described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from adapter.auth import Principal, authorise
from adapter.body import json_model
from adapter.description import described
from adapter.queries import query_model
from adapter.services import services
from worker.client import TidegateClient

_Body = TypeVar("_Body", bound=BaseModel)
_Call = TypeVar("_Call", bound="Call")
_Answer = TypeVar("_Answer")


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

    def query(self, model: type[_Body]) -> _Body:
        """The query; an empty parameter counts as absent. Raises RequestInvalid."""
        return query_model(self.request, model)


@dataclass(frozen=True)
class Route:
    """One operation of a dialect. `operation_id` is unique over all of them; `asked` is what the interface description
    says of the request: a GET's query, else the body."""

    name: str
    method: str
    path: str
    permission: str
    operation_id: str
    asked: type[BaseModel] | None = None

    def serve(
        self, router: APIRouter, endpoint: Callable[[Request], Awaitable[Response]], description: str | None
    ) -> None:
        """Have `endpoint`, which reads the raw request and checks the permission, answer this route."""
        router.add_api_route(
            self.path,
            endpoint,
            methods=[self.method],
            name=self.name,
            summary=self.name,
            description=description,
            operation_id=self.operation_id,
            openapi_extra=described(self.method, self.path, self.permission, self.asked),
        )

    def authorised(self, request: Request) -> Call:
        """A request as a call in the organisation of its key. Raises Unauthenticated, Forbidden."""
        return Call(request, authorise(request, self.permission))

    def answered(
        self, router: APIRouter, called: Callable[[Request], _Call], shown: Callable[[_Answer], Response]
    ) -> Callable[[Callable[[_Call], Awaitable[_Answer]]], Callable[[_Call], Awaitable[_Answer]]]:
        """Have a handler answer this route: `called` authorises a request, `shown` writes what the handler gives."""

        def register(handler: Callable[[_Call], Awaitable[_Answer]]) -> Callable[[_Call], Awaitable[_Answer]]:
            async def endpoint(request: Request) -> Response:
                return shown(await handler(called(request)))

            self.serve(router, endpoint, handler.__doc__)
            return handler

        return register
