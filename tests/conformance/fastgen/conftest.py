"""An adapter with many keys, so that each test has an organisation and a project of its own; and a site to call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from temporalio.client import Client

from adapter.settings import Settings
from tests.conformance.fastgen.vendor import Vendor, vendor_of
from tests.conformance.keys import keyring
from tests.conformance.stack import Stack, adapter
from tests.worker.activities.local_server import LocalServer

#: A key that may read runs and nothing else.
READER = "fg_reader"
SECRET_KEY = Fernet.generate_key().decode()
#: A host that stands for a project.
HOST, HOST_PROJECT = "shop.example.com", "hosted"
_numbers = itertools.count()


def keyed(resume_wait: float = 20.0) -> Settings:
    """Settings with a key for each of many organisations."""
    keys, hosts = keyring("fg_", READER, "run:read"), (("fastgen", ((HOST, HOST_PROJECT),)),)
    return Settings(api_keys=keys, secret_keys=(SECRET_KEY,), resume_wait=resume_wait, dialect_hosts=hosts)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def keyed_stack(temporal_client: Client) -> AsyncIterator[Stack]:
    """The adapter with keys, and a worker."""
    async with adapter(temporal_client, settings=keyed()) as served, served.worker(secret_keys=(SECRET_KEY,)):
        yield served


async def of_its_own(keyed_stack: Stack) -> AsyncIterator[Vendor]:
    """An organisation and a project of its own."""
    number = next(_numbers)
    async with vendor_of(keyed_stack.address, f"fg_{number}", f"shop-{number}") as client:
        yield client


vendor = pytest_asyncio.fixture(loop_scope="session")(of_its_own)
#: Another organisation, with another project.
other = pytest_asyncio.fixture(loop_scope="session")(of_its_own)


@pytest.fixture
def site() -> Iterator[LocalServer]:
    """What actions call."""
    with LocalServer() as served:
        yield served
