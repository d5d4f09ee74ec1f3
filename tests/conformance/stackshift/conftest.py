"""An adapter with many keys, so that each test has an organisation of its own; and a site that jobs call."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapter.keyring import Keyring, Principal
from adapter.settings import Settings
from tests.conformance.stack import Stack, adapter
from tests.conformance.stackshift.programs import Programs
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Vendor, vendor_of
from tests.conftest import temporal_executable
from tests.worker.test_long_waits import SKIPPING

KEYS = 300
#: A key that may read runs and nothing else.
READER = "reader"
_numbers = itertools.count()


def _entry(token: str, organisation: str, *permissions: str) -> tuple[str, Principal]:
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    return sha256, Principal(token, organisation, frozenset(permissions), key=sha256[:16])


def keyed() -> Settings:
    """Settings with a key for each of many organisations."""
    entries = [_entry(f"key-{number}", f"org-{number}", "*") for number in range(KEYS)]
    return Settings(api_keys=Keyring((*entries, _entry(READER, "org-reader", "run:read"))))


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def keyed_stack(temporal_client: Client) -> AsyncIterator[Stack]:
    """The adapter with keys, and a worker."""
    async with adapter(temporal_client, settings=keyed()) as served, served.worker():
        yield served


@pytest_asyncio.fixture(loop_scope="session")
async def vendor(keyed_stack: Stack) -> AsyncIterator[Vendor]:
    """An organisation of its own."""
    number = next(_numbers)
    async with vendor_of(keyed_stack, f"key-{number}", f"org-{number}") as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def other(keyed_stack: Stack) -> AsyncIterator[Vendor]:
    """Another organisation."""
    number = next(_numbers)
    async with vendor_of(keyed_stack, f"key-{number}", f"org-{number}") as client:
        yield client


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
    environment = await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=temporal_executable(), dev_server_extra_args=SKIPPING
    )
    async with environment, adapter(environment.client, settings=keyed()) as stack, stack.worker():
        yield environment, stack
