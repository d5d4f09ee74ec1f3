"""An adapter with many keys, so that each test has an organisation of its own; and a site that jobs call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapter.settings import Settings
from tests.conformance.keys import keyring
from tests.conformance.stack import Stack, adapter, skipping_stack
from tests.conformance.stackshift.programs import Programs
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Vendor, vendor_of

#: A key that may read runs and nothing else.
READER = "reader"
_numbers = itertools.count()


def keyed() -> Settings:
    """Settings with a key for each of many organisations."""
    return Settings(api_keys=keyring("key-", READER, "run:read"))


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def keyed_stack(temporal_client: Client) -> AsyncIterator[Stack]:
    """The adapter with keys, and a worker."""
    async with adapter(temporal_client, settings=keyed()) as served, served.worker():
        yield served


async def of_its_own(keyed_stack: Stack) -> AsyncIterator[Vendor]:
    """An organisation of its own."""
    number = next(_numbers)
    async with vendor_of(keyed_stack, f"key-{number}", f"org-{number}") as client:
        yield client


vendor = pytest_asyncio.fixture(loop_scope="session")(of_its_own)
#: Another organisation.
other = pytest_asyncio.fixture(loop_scope="session")(of_its_own)


@pytest.fixture
def site() -> Iterator[Site]:
    """What the steps of jobs call."""
    with Site() as served:
        yield served


@pytest.fixture(params=["node", "deno"])
def programs(request: pytest.FixtureRequest, tmp_path: Path) -> Programs:
    """Where programs that use our client module are run, with either runtime."""
    return Programs(request.param, tmp_path)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def skipping() -> AsyncIterator[tuple[WorkflowEnvironment, Stack]]:
    """A server that skips time, with an adapter and a worker of its own."""
    async with skipping_stack(keyed()) as found:
        yield found
