"""`tidegate serve`: the adapter alone, for a Temporal that is there already."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapter.app import create_app
from adapter.logs import configure_logs
from adapter.server import serve
from adapter.settings import Settings, SettingsError, read_settings, refuse_incomplete
from definitions.errors import TidegateError
from tidegate import definitions_folder, ports, probes
from tidegate.definitions_folder import Owned
from tidegate.errors import CommandError
from worker.client import TidegateClient

log = logging.getLogger("tidegate.serve")


def run(
    host: str | None, port: int | None, definitions: Path | None = None, environ: Mapping[str, str] = os.environ
) -> int:
    """Serve until SIGINT or SIGTERM. `host` and `port` None: as the environment says. Raises CommandError."""
    documents = definitions_folder.read(definitions) if definitions else []
    try:
        settings = _settings(host, port, environ)
        refuse_incomplete(settings)
        configure_logs(settings.log_level)
        _run(_serve(settings, documents))
    except SettingsError as error:
        raise CommandError(str(error)) from None
    return 0


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """To its end, on the fastest event loop there is."""
    if sys.platform == "win32":
        asyncio.run(serving)
    else:
        import uvloop

        uvloop.run(serving)


def check(host: str | None, port: int | None, environ: Mapping[str, str] = os.environ) -> int:
    """0 if an adapter on this machine answers there. Raises CommandError if none does."""
    try:
        settings = _settings(host, port, environ)
    except SettingsError as error:
        raise CommandError(str(error)) from None
    url = f"http://{ports.address(ports.reachable(settings.host), settings.port)}/healthz"
    if not asyncio.run(probes.answers(url)):
        raise CommandError(f"no adapter answers at {url}")
    return 0


def _settings(host: str | None, port: int | None, environ: Mapping[str, str]) -> Settings:
    settings = read_settings(environ)
    return replace(settings, host=settings.host if host is None else host, port=settings.port if port is None else port)


async def _serve(settings: Settings, documents: list[Owned]) -> None:
    app = create_app(settings)
    publishing = asyncio.create_task(_publish(settings, documents))
    try:
        await serve(app, settings)
    finally:
        publishing.cancel()
        with suppress(asyncio.CancelledError):
            await publishing


async def _publish(settings: Settings, documents: list[Owned]) -> None:
    """Beside the server: publishing waits for workers, serving must not."""
    client = await TidegateClient.connect(task_queue=settings.task_queue, rpc_seconds=settings.rpc_timeout)
    try:
        await definitions_folder.publish(documents, client, log.info)
    except TidegateError as error:
        log.error("the definitions of the folder could not all be published: %s", error)
