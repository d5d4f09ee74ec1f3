"""A client of the vendor's API for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.conformance.justworkflowit.vendor import Vendor, vendor_of
from tests.conformance.stack import Stack


@pytest_asyncio.fixture(loop_scope="session")
async def vendor(stack: Stack) -> AsyncIterator[Vendor]:
    """An organisation of its own on the shared stack."""
    async with vendor_of(stack) as client:
        yield client
