"""A real Chromium, without a window, before a real stack: the adapter, a worker and Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from temporalio.client import Client

from adapter.settings import Settings
from tests.browser.site import Site
from tests.browser.visits import NAMES, chromium
from tests.conformance.stack import TOKEN_KEYS, Stack, adapter
from tests.linked import Linked
from worker.client import TidegateClient


@dataclass
class Scene:
    """`links` makes links of the stack; `site` is somebody else's, under two host names."""

    stack: Stack
    links: Linked
    site: Site

    @property
    def host(self) -> str:
        return self.stack.address.partition("://")[2]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip(f"no Chromium is installed: none of {', '.join(NAMES)} is on PATH")
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    made = Site()
    with made:
        yield made


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def scene(temporal_client: Client, site: Site) -> AsyncIterator[Scene]:
    settings = Settings(redirect_hosts=("localhost",))
    async with (
        adapter(temporal_client, settings=settings) as stack,
        stack.worker(token_keys=TOKEN_KEYS, public_url=stack.address),
    ):
        yield Scene(stack, Linked(TidegateClient(temporal_client, stack.queue)), site)
