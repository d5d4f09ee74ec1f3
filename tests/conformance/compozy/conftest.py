"""An adapter with many keys, so that each test has an organisation of its own; and a site that workflows call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from adapter.settings import Settings
from tests.conformance.compozy.vendor import Vendor, vendor_of
from tests.conformance.keys import keyring
from tests.conformance.stack import Stack, adapter, skipping_stack
from tests.conformance.stackshift.site import Site

#: A key that may read executions and nothing else.
READER = "cpzy_reader"
SECRET_KEY = Fernet.generate_key().decode()
_numbers = itertools.count()


def keyed() -> Settings:
    """Settings with a key for each of many organisations."""
    return Settings(api_keys=keyring("cpzy_", READER, "execution:read"), secret_keys=(SECRET_KEY,), max_body=1_500_000)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def keyed_stack(temporal_client: Client) -> AsyncIterator[Stack]:
    """The adapter with keys, and a worker."""
    async with adapter(temporal_client, settings=keyed()) as served, served.worker(secret_keys=(SECRET_KEY,)):
        yield served


async def of_its_own(keyed_stack: Stack) -> AsyncIterator[Vendor]:
    """An organisation of its own."""
    number = next(_numbers)
    async with vendor_of(keyed_stack, f"cpzy_{number}", f"org-{number}") as client:
        yield client


vendor = pytest_asyncio.fixture(loop_scope="session")(of_its_own)
#: Another organisation.
other = pytest_asyncio.fixture(loop_scope="session")(of_its_own)


@pytest.fixture
def site() -> Iterator[Site]:
    """What the tasks of workflows call."""
    with Site() as served:
        yield served


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def skipping() -> AsyncIterator[tuple[WorkflowEnvironment, Stack]]:
    """A server that skips time, with an adapter and a worker of its own."""
    async with skipping_stack(keyed()) as found:
        yield found
