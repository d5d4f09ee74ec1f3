"""What a route may use: made once per application, reached from any request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from fastapi import Request

from adapter.keyring import Keyring
from adapter.settings import Settings
from worker.client import TidegateClient


@dataclass(frozen=True)
class Services:
    """`client` talks to Temporal, `settings` are the adapter's, `keyring` holds the API keys (maybe none).

    `stopping` is set as soon as the server is to stop: answers that would go on for long end then.
    """

    client: TidegateClient
    settings: Settings
    keyring: Keyring
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    found = request.app.state.services
    assert isinstance(found, Services)
    return found
