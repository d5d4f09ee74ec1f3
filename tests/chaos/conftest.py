"""One stack of processes for all chaos tests; each test begins with all of it up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.chaos.client import Client
from tests.chaos.parts import Stack
from tests.lambda_endpoint import LambdaEndpoint


@pytest.fixture(scope="package")
def lambdas() -> Iterator[LambdaEndpoint]:
    """Where the Lambda calls of the workers go; a function answers `{}` unless a test says otherwise."""
    with LambdaEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="package")
def processes(tmp_path_factory: pytest.TempPathFactory, lambdas: LambdaEndpoint) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("chaos"), lambdas)
    try:
        yield stack
    finally:
        stack.end()


@pytest_asyncio.fixture(loop_scope="session")
async def stack(processes: Stack) -> Stack:
    """All up, whatever the test before has left down."""
    await processes.all_up()
    for function in ("send-approval-request", "run-deployment"):
        processes.lambdas.on(function, {})
    return processes


@pytest_asyncio.fixture(loop_scope="session")
async def client(stack: Stack) -> AsyncIterator[Client]:
    """An organisation of its own."""
    made = Client(stack.url)
    async with made.http:
        yield made
