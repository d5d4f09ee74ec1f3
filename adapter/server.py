"""The HTTP server around the application: binding, signals, and a shutdown that lets requests finish."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from adapter.protocol import BoundedHttp
from adapter.settings import Settings, SettingsError

#: Longer than the idle time of common load balancers, so that they, not we, close an idle connection.
KEEP_ALIVE_SECONDS = 65
BACKLOG = 2048


def bind(settings: Settings) -> socket.socket:
    """A listening socket. Raises SettingsError, in one line, for a taken port or a foreign address."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise SettingsError(_cannot_listen(settings, error)) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(_cannot_listen(settings, error)) from None
    return listener


def _cannot_listen(settings: Settings, error: OSError) -> str:
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"


class AdapterServer(uvicorn.Server):
    """Serves an application on a socket until `stop`; leaves signals to whoever runs it."""

    def __init__(self, app: FastAPI, settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="on",
                http=BoundedHttp,
                ws="none",
                log_config=None,
                access_log=False,
                # Links are made with TIDEGATE_PUBLIC_URL, so nothing that a proxy claims is needed or believed.
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=settings.shutdown_grace,
                backlog=BACKLOG,
            )
        )
        self._app = app
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_ready is not None and not self.should_exit:
            self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Finish what is in flight, within the grace period, and stop. A second call stops at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        if (held := getattr(self._app.state, "services", None)) is not None:
            held.stopping.set()


async def serve(app: FastAPI, settings: Settings, on_ready: Callable[[], None] | None = None) -> None:
    """Bind and serve until SIGINT or SIGTERM; `on_ready` is called once requests are taken. Raises SettingsError."""
    server = AdapterServer(app, settings, on_ready)
    loop = asyncio.get_running_loop()
    with bind(settings) as listener:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        await server.serve(sockets=[listener])
