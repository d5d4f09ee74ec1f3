"""A small dialect of our own, through which the tests see what every dialect gets from the base."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse, Response, StreamingResponse

from adapter.auth import authorise
from adapter.body import json_body, json_model
from adapter.dialect import Dialect, under
from adapter.failures import RequestInvalid, status_of
from adapter.services import services
from definitions import errors
from definitions.errors import TidegateError

router = APIRouter()

RAISED: dict[str, Callable[[], BaseException]] = {
    "definition": lambda: errors.DefinitionError([errors.Problem("bad-step", "$.steps[0]", "no such step")]),
    "unauthenticated": lambda: errors.Unauthenticated("who are you"),
    "not-found": lambda: errors.NotFound("no such thing"),
    "exists": lambda: errors.AlreadyExists("taken"),
    "too-large": lambda: errors.TooLarge("too much"),
    "overloaded": lambda: errors.Overloaded("less, please", retry_after=7),
    "unavailable": lambda: errors.Unavailable("away", part="worker", retry_after=3),
    "defect": lambda: RuntimeError("password is hunter2"),
    "cancelled": lambda: asyncio.CancelledError(),
}


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    size: int = 0


@router.get("/toy/{organisation}/things/{name}")
async def read_thing(request: Request, organisation: str, name: str) -> dict[str, str]:
    caller = authorise(request, "thing:read", organisation)
    return {"name": name, "organisation": caller.organisation, "caller": caller.name}


@router.delete("/toy/{organisation}/things/{name}")
async def remove_thing(request: Request, organisation: str, name: str) -> Response:
    authorise(request, "thing:remove", organisation)
    return Response(status_code=204)


@router.post("/toy/{organisation}/things")
async def make_thing(request: Request, organisation: str) -> dict[str, Any]:
    authorise(request, "thing:make", organisation)
    thing = await json_model(request, Thing)
    return thing.model_dump()


@router.post("/toy-echo")
async def echo(request: Request) -> Any:
    return JSONResponse({"value": await json_body(request)})


@router.get("/toy-page")
async def page(size: int = 25) -> dict[str, int]:
    return {"size": size}


@router.get("/toy-mine")
async def mine(request: Request) -> dict[str, str]:
    return {"organisation": authorise(request, "thing:read").organisation}


@router.get("/toy-raise/{kind}")
async def fail(kind: str) -> None:
    raise RAISED[kind]()


@router.get("/toy-temporal")
async def through_temporal(request: Request) -> dict[str, str]:
    run = await services(request).client.describe_run("toy", "acme", "0" * 32)
    return {"status": run.status}


@router.get("/toy-slow/{seconds}")
async def slow(seconds: float) -> dict[str, float]:
    await asyncio.sleep(seconds)
    return {"seconds": seconds}


@router.get("/toy-half")
async def half() -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise RuntimeError("no second half")

    return StreamingResponse(pieces())


def render_error(request: Request, error: TidegateError) -> Response:
    if "refuse to render" in error.message:
        raise RuntimeError("a renderer of this kind should not exist")
    content = {"toy": error.code, "why": error.message}
    if isinstance(error, RequestInvalid):
        content["fields"] = error.fields  # type: ignore[assignment]
    return JSONResponse(content, status_code=status_of(error), headers={"x-toy": "yes"})


TOY = Dialect(
    name="toy",
    owns=under("/toy", "/toy-echo", "/toy-page", "/toy-mine", "/toy-raise", "/toy-temporal", "/toy-slow", "/toy-half"),
    router=router,
    render_error=render_error,
)
