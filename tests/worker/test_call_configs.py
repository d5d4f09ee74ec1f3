"""What an executor is given: a config that is written out, computed, or the step's own input."""

from __future__ import annotations

from typing import Any

import pytest

from tests.running import Runs
from tests.worker.activities.local_server import LocalServer, page


async def test_a_config_that_is_the_steps_input(runs: Runs) -> None:
    with LocalServer() as web:
        web.on("/a", page({"ok": True}))
        config: dict[str, Any] = {"method": "POST", "url": web.url("/a")}
        given = {"language": "literal", "source": config}
        step = {"kind": "call", "executor": "http", "input": given, "config_from": "input"}
        found = await runs.ended(await runs.start({"start": "a", "steps": {"a": step}}))
        # The input is shown, and is not sent as the body that a call without one has.
        assert (found.records[0].input, web.received[0].body) == (config, b"")


@pytest.mark.parametrize("given", [{"language": "literal", "source": 5}, None])
async def test_a_config_that_is_none(runs: Runs, given: Any) -> None:
    step = {"kind": "call", "executor": "http", "input": given, "config_from": "input"}
    found = await runs.ended(await runs.start({"start": "a", "steps": {"a": step}}), "failed")
    assert found.error_code == "config-invalid"
