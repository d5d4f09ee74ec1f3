"""One adapter and one worker for all conformance tests; each test has an organisation of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.conformance.stack import Stack, adapter
from tests.lambda_endpoint import LambdaEndpoint


@pytest.fixture(scope="package")
def lambdas() -> Iterator[LambdaEndpoint]:
    """Where Lambda calls of the workers go."""
    with LambdaEndpoint() as endpoint, pytest.MonkeyPatch.context() as patch:
        for name, value in endpoint.environment().items():
            patch.setenv(name, value)
        yield endpoint


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def stack(temporal_client: Client, lambdas: LambdaEndpoint) -> AsyncIterator[Stack]:
    """The adapter without keys, and a worker."""
    async with adapter(temporal_client) as served, served.worker():
        yield served
