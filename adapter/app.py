"""The application: one FastAPI with every dialect, behind one stack of guards."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from adapter.dialect import Dialect
from adapter.dialects import DIALECTS
from adapter.errors import ErrorBoundary, to_boundary
from adapter.guard import LoopbackOnly
from adapter.hosts import HostNames
from adapter.limits import BodyLimit
from adapter.metrics import Metrics
from adapter.observe import Observe
from adapter.operations import operations_router
from adapter.paths import PathSegments
from adapter.resume import RESUME
from adapter.services import Services
from adapter.settings import Settings, SettingsError, refuse_open_bind
from worker.client import TidegateClient

_log = logging.getLogger("tidegate.adapter")


def create_app(
    settings: Settings, client: TidegateClient | None = None, dialects: tuple[Dialect, ...] = DIALECTS
) -> FastAPI:
    """The adapter as an ASGI application.

    Without a `client`, one is made from the standard Temporal environment when the application starts; it connects when
    it is first needed, so the adapter starts, and says so on `/readyz`, while Temporal is away. Raises SettingsError.
    """
    refuse_open_bind(settings)
    metrics = Metrics()
    app = FastAPI(
        title="Tidegate",
        description="Event-driven workflows on Temporal, through documented HTTP APIs.",
        lifespan=_lifespan(settings, client),
        middleware=_middleware(settings, metrics, dialects),
        exception_handlers={HTTPException: to_boundary, RequestValidationError: to_boundary},
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.include_router(operations_router(metrics))
    for dialect in (RESUME, *dialects):
        app.include_router(dialect.router, tags=[dialect.name])
    return app


def _middleware(settings: Settings, metrics: Metrics, dialects: tuple[Dialect, ...]) -> list[Middleware]:
    """From the outside in."""
    roots = _roots(settings, dialects)
    guards = [] if settings.keyring else [Middleware(LoopbackOnly, known=list(roots))]
    return [
        Middleware(Observe, metrics=metrics),
        Middleware(ErrorBoundary, dialects=(RESUME, *dialects)),
        Middleware(HostNames, roots=roots),
        Middleware(PathSegments),
        *guards,
        Middleware(BodyLimit, limit=settings.max_body),
    ]


def _roots(settings: Settings, dialects: tuple[Dialect, ...]) -> dict[str, str]:
    """Host -> the path that stands at its root. Raises SettingsError."""
    given, roots = dict(settings.dialect_hosts), {}
    for dialect in dialects:
        for host, name in given.get(dialect.name, ()):
            if dialect.root_of is None or host in roots:
                raise SettingsError(f"the host {host} cannot be served: by {dialect.name} or by another dialect")
            roots[host] = dialect.root_of(name)
    return roots


def _lifespan(
    settings: Settings, client: TidegateClient | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if not settings.keyring:
            _log.warning("no API keys are set: every program on this machine is trusted, and no other is served")
        used = client or await TidegateClient.connect(task_queue=settings.task_queue, rpc_seconds=settings.rpc_timeout)
        app.state.services = Services(used, settings, settings.keyring)
        yield

    return lifespan
