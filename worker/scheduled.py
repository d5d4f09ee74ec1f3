"""Runs whose time has not come: what can be read of them without waking them."""

from __future__ import annotations

from temporalio.client import Client

from definitions.contract import RunInput, RunSnapshot
from worker.records import read_record
from worker.rpc import RPC_SECONDS
from worker.state import RunState
from worker.unbegun import Unbegun


async def read_scheduled(client: Client, workflow_id: str, *, seconds: float = RPC_SECONDS) -> RunSnapshot:
    """The snapshot of a run that has not begun, from its first event: its input, and nothing else yet."""
    argument = await read_record(client, workflow_id, RunInput, seconds=seconds, missing="no such run")
    if argument.state is None:
        return Unbegun(argument).snapshot("scheduled")
    # It was woken before its time, or is resumed.
    return RunSnapshot("scheduled", None, RunState.load(argument.state).frame.data, [], [])
