"""Runs whose time has not come: what can be read of them without waking them."""

from __future__ import annotations

from typing import Any

from temporalio.client import Client

from definitions.contract import RunInput, RunSnapshot
from definitions.model import Definition
from worker.records import read_record
from worker.rpc import RPC_SECONDS
from worker.state import RunState


async def read_scheduled(client: Client, workflow_id: str, *, seconds: float = RPC_SECONDS) -> RunSnapshot:
    """The snapshot of a run that has not begun, from its first event: its input, and nothing else yet."""
    argument = await read_record(client, workflow_id, RunInput, seconds=seconds, missing="no such run")
    data: dict[str, Any] = {}
    if argument.state is not None:  # it was woken before its time, or is resumed
        data = RunState.load(argument.state).frame.data
    elif argument.input is not None:
        place = Definition.model_validate(argument.definition).save_input
        for key in reversed(place[1:]):
            argument.input = {key: argument.input}
        data[place[0]] = argument.input
    return RunSnapshot("scheduled", None, data, [], [])
