"""Events that start runs: every live listener once, nobody else, whatever is repeated."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.running import Runs, eventually
from tests.worker.listening import ended, publish, runs_in, toy, toy_language


@pytest.fixture(autouse=True, scope="module")
def language() -> Iterator[None]:
    with toy_language():
        yield


@pytest.fixture
def org(runs: Runs) -> Runs:
    """An organisation of its own."""
    return replace(runs, organisation=f"org-{uuid.uuid4()}")


async def test_every_live_listener_gets_one_run_with_the_payload(org: Runs) -> None:
    listening = [await toy(org, ["reorder"]) for _ in range(3)]
    await toy(org, ["other"])
    await toy(org, ["reorder"], live=False)
    switched_off = await toy(org, ["reorder"])
    await switched_off.go_live(None)
    published = await publish(org, "reorder", {"sku": 1})
    assert {run.definition_id for run in published.started} == {one.definition_id for one in listening}
    assert {run.definition_name for run in published.started} == {one.name for one in listening}
    assert not published.duplicate and not published.refused
    for run in published.started:
        assert (await ended(org, run.run_id)).output == {"sku": 1}
    assert await eventually(lambda: runs_in(org), lambda seen: seen >= 3) == 3
