"""Routes for those who run the server: health, readiness, metrics and the description of the API."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse, Response

from adapter.auth import principal
from adapter.metrics import CONTENT_TYPE, Metrics
from adapter.services import services

RETRY_SECONDS = 2


def local_or_keyed(request: Request) -> None:
    """Open where the server is bound to loopback; elsewhere any valid key will do. Raises Unauthenticated."""
    if not services(request).settings.on_loopback:
        principal(request)


def operations_router(metrics: Metrics) -> APIRouter:
    """The routes `/healthz`, `/readyz`, `/metrics`, `/docs` and `/openapi.json`."""
    router = APIRouter(tags=["operations"])
    guarded = [Depends(local_or_keyed)]
    router.add_api_route("/healthz", healthz)
    router.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
    router.add_api_route("/readyz", readyz, dependencies=guarded, response_model=None)
    router.add_api_route(
        "/readyz", readyz, methods=["HEAD"], dependencies=guarded, response_model=None, include_in_schema=False
    )
    router.add_api_route("/docs", docs, dependencies=guarded, include_in_schema=False, response_model=None)
    router.add_api_route("/openapi.json", openapi, dependencies=guarded, include_in_schema=False)

    @router.get("/metrics", dependencies=guarded, response_class=Response)
    async def exposed() -> Response:
        """Counters in Prometheus' text format."""
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return router


async def healthz() -> dict[str, str]:
    """The process is alive. Says nothing about Temporal."""
    return {"status": "ok"}


async def readyz(request: Request) -> Response:
    """200 if requests can be served now, else 503; says of each part whether it is up."""
    health = await services(request).client.health()
    ready = all(health.values())
    content = {
        "status": "ready" if ready else "unready",
        "parts": {part: "up" if up else "down" for part, up in health.items()},
    }
    headers = {} if ready else {"retry-after": str(RETRY_SECONDS)}
    return JSONResponse(content, status_code=200 if ready else 503, headers=headers)


async def docs() -> HTMLResponse:
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Tidegate")


async def openapi(request: Request) -> dict[str, Any]:
    description: dict[str, Any] = request.app.openapi()
    return description
