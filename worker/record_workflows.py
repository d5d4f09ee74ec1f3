"""The workflows of records (`worker.records`), which are never meant to run.

Should something wake one, a stray signal perhaps, it waits on: only a termination ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue

from definitions.contract import CLAIM_WORKFLOW, SECRET_WORKFLOW, VERSION_WORKFLOW


async def stand_until(condition: Callable[[], bool]) -> None:
    """Wait, whatever asks this execution to stop: what the catalog holds ends by termination only."""
    while not condition():
        try:
            await workflow.wait_condition(condition)
        except asyncio.CancelledError:
            workflow.logger.warning("a cancellation was ignored: terminate to delete")


@workflow.defn(name=VERSION_WORKFLOW)
class VersionRecord:
    """An immutable version of a definition; its argument holds it."""

    @workflow.run
    async def run(self, record: Any) -> None:
        await stand_until(lambda: False)

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """A record stands still."""


@workflow.defn(name=SECRET_WORKFLOW)
class SecretRecord:
    """A sealed secret; its argument holds it."""

    @workflow.run
    async def run(self, record: Any) -> None:
        await stand_until(lambda: False)

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """A record stands still."""


@workflow.defn(name=CLAIM_WORKFLOW)
class ClaimRecord:
    """The claim of an idempotency key; its memo says by which run. Its execution timeout ends it."""

    @workflow.run
    async def run(self) -> None:
        await stand_until(lambda: False)

    @workflow.signal(dynamic=True)
    def ignore(self, name: str, args: Sequence[RawValue]) -> None:
        """A record stands still."""
