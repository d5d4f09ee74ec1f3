"""Links for tests, a client that only remembers what it was asked, and a Temporal address that counts who comes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from temporalio.client import Client

from adapter.settings import Settings
from definitions import links
from definitions.contract import BranchOutcome, DeliveryOutcome, Event
from definitions.tokens import TokenKeys
from tests.conftest import free_port
from worker.client import TidegateClient

KEY = "resume-tests-sign-with-this-key-0001"
SETTINGS = Settings(token_keys=(KEY,))
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LINK = links.Link("jsw/0011/run/1", "w#1.0.1")


def token(key: str = KEY, seconds: float = 60, link: links.Link = LINK, **changes: Any) -> str:
    """The token of a link that holds for some seconds from now."""
    until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
    return links.sign(TokenKeys((key,)), replace(link, **changes), expires_at=until)


def path(**changes: Any) -> str:
    return links.PATH + token(**changes)


async def _ends_well(event: Event) -> BranchOutcome:
    return BranchOutcome("success", {"value": None})


@dataclass
class Asked:
    """A run that takes everything. `delivered` are the events of links, with the run they were for."""

    delivered: list[tuple[str, Event]] = field(default_factory=list)
    waited: list[tuple[str, str, float]] = field(default_factory=list)
    refusal: Exception | None = None
    end: Callable[[Event], Awaitable[BranchOutcome]] = _ends_well

    @property
    def data(self) -> Any:
        """What the one call has brought."""
        [(_, event)] = self.delivered
        return event.payload


class RememberingClient(TidegateClient):
    """Stands in for Temporal where only the HTTP side is looked at."""

    def __init__(self, client: Client, asked: Asked) -> None:
        super().__init__(client)
        self._asked = asked

    async def deliver_link(self, workflow_id: str, event: Event) -> DeliveryOutcome:
        if self._asked.refusal is not None:
            raise self._asked.refusal
        self._asked.delivered.append((workflow_id, event))
        return DeliveryOutcome("matched", completed=True)

    async def branch_outcome(self, workflow_id: str, branch: str, seconds: float) -> BranchOutcome:
        self._asked.waited.append((workflow_id, branch, seconds))
        return await self._asked.end(self._asked.delivered[-1][1])


async def remembering(asked: Asked) -> RememberingClient:
    return RememberingClient(await Client.connect(f"127.0.0.1:{free_port()}", lazy=True), asked)


@contextlib.asynccontextmanager
async def counted() -> AsyncIterator[tuple[TidegateClient, list[int]]]:
    """A client of an address where nobody speaks Temporal, and the connections made to it: no call is without one."""
    connections: list[int] = []

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer.get_extra_info("peername")[1])
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    listener = await asyncio.start_server(met, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        client = await Client.connect(f"127.0.0.1:{port}", lazy=True)
        yield TidegateClient(client, "tidegate", 1.0), connections
