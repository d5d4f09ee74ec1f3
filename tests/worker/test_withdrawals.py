"""A wait that ends otherwise tells its mailbox so; that this fails is nothing that the run should fail for."""

from __future__ import annotations

import pytest
from temporalio.client import Client

from definitions.contract import RegisterWait
from definitions.errors import Overloaded
from tests.running import runs_on
from tests.worker.mailboxes import correlated
from worker.mailbox_client import MailboxClient


@pytest.mark.parametrize("error", [Overloaded("less, please"), RuntimeError("a defect")])
async def test_a_run_goes_on_whose_withdrawal_is_refused(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def refuse(self: MailboxClient, request: RegisterWait) -> None:
        raise error

    monkeypatch.setattr(MailboxClient, "withdraw", refuse)
    async with runs_on(temporal_client) as runs:
        body = correlated(deadline={"after": 0.1, "then": "continue"})
        await runs.ended(await runs.start(body, {"key": "k"}))
