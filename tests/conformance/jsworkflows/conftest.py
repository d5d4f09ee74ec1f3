"""An adapter with many keys, so that each test has an organisation of its own; and a site that workflows call."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet
from temporalio.client import Client

from adapter.settings import Settings
from tests.conformance.jsworkflows.vendor import Vendor, vendor_of
from tests.conformance.keys import keyring
from tests.conformance.stack import TOKEN_KEYS, Stack, adapter
from tests.worker.activities.local_server import LocalServer
from worker.settings import read_settings

#: A key that may read runs and nothing else.
READER = "reader"
#: What the examples call.
HOSTS = ("https://slack.com", "https://api.sendgrid.com", "https://hooks.example.com")
SECRET_KEY = Fernet.generate_key().decode()
_numbers = itertools.count()


def keyed() -> Settings:
    """Settings with a key for each of many organisations."""
    return Settings(api_keys=keyring("key-", READER, "run:read"), secret_keys=(SECRET_KEY,), resume_wait=20.0)


@dataclass
class Linking:
    """A stack whose workers make links to its adapter, and call `site` in place of the vendors' hosts."""

    stack: Stack
    site: LocalServer

    def worker_settings(self) -> dict[str, object]:
        rewrites = ",".join(f"{host}={self.site.url('')}" for host in HOSTS)
        environ = {"TIDEGATE_HTTP_REWRITE": rewrites, "TIDEGATE_OAUTH_MY_SLACK": "xoxb-of-a-test", "TIDEGATE_DEV": "1"}
        read = read_settings(environ)
        return {
            "token_keys": TOKEN_KEYS,
            "secret_keys": (SECRET_KEY,),
            "public_url": self.stack.address,
            "http_rewrite": read.http_rewrite,
            "oauth_handle": read.oauth_handle,
        }


@pytest.fixture(scope="package")
def shared_site() -> Iterator[LocalServer]:
    with LocalServer() as served:
        yield served


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def linking(temporal_client: Client, shared_site: LocalServer) -> AsyncIterator[Linking]:
    """The adapter with keys, and a worker."""
    async with adapter(temporal_client, settings=keyed()) as served:
        linking = Linking(served, shared_site)
        async with served.worker(**linking.worker_settings()):
            yield linking


async def of_its_own(linking: Linking) -> AsyncIterator[Vendor]:
    """An organisation of its own."""
    number = next(_numbers)
    async with vendor_of(linking.stack, f"key-{number}", f"org-{number}") as client:
        yield client


vendor = pytest_asyncio.fixture(loop_scope="session")(of_its_own)
#: Another organisation.
other = pytest_asyncio.fixture(loop_scope="session")(of_its_own)


@pytest.fixture
def site(linking: Linking) -> Iterator[LocalServer]:
    """What workflows call: nothing has been asked yet."""
    linking.site.received.clear()
    yield linking.site
