"""Events that start runs: every live listener once, nobody else, whatever is repeated or changed meanwhile."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle

from definitions import ids
from definitions.contract import Published, RunFacts
from definitions.errors import Conflict, InputInvalid, NotFound, TooLarge, Unavailable
from definitions.model import Definition
from tests.conftest import free_port
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.listening import ended, plant, publish, runs_in, runs_of, toy
from worker.client import TidegateClient

pytestmark = pytest.mark.usefixtures("toys")


def fan_out(runs: Runs, name: str, event_id: str) -> WorkflowHandle[Any, Any]:
    workflow_id = ids.event_workflow_id(DIALECT, runs.organisation, name, event_id)
    return runs.tidegate.temporal.get_workflow_handle(workflow_id)


def run_ids(published: Published) -> set[str]:
    return {run.run_id for run in published.started}


async def all_started(runs: Runs, *published: Published) -> None:
    """Every run that was promised is there, and no other."""
    promised = set().union(*map(run_ids, published))
    for run_id in promised:
        await ended(runs, run_id)
    assert await eventually(lambda: runs_in(runs), lambda seen: seen >= len(promised)) == len(promised)


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


# --- repeated events ---


async def test_the_same_event_at_once_and_again_starts_nothing_twice(org: Runs) -> None:
    for _ in range(3):
        await toy(org, ["e"])
    sent = await asyncio.gather(*(publish(org, "e", {"n": 1}, event_id="x") for _ in range(20)))
    assert {frozenset(run_ids(one)) for one in sent} == {frozenset(run_ids(sent[0]))}
    assert sorted(one.duplicate for one in sent) == [False] + [True] * 19
    await all_started(org, *sent)
    assert (await publish(org, "e", {"n": 1}, event_id="x")).duplicate


async def test_an_event_that_comes_again_after_a_deploy_is_the_first_one(org: Runs) -> None:
    one = await toy(org, ["e"])
    first = await publish(org, "e", 1, event_id="x")
    await one.go_live(await one.add(["e"]))
    late = await toy(org, ["e"])
    again = await publish(org, "e", 1, event_id="x")
    assert run_ids(again) == run_ids(first) and again.started[0].version_number == 1
    await all_started(org, first)
    new = await publish(org, "e", 1, event_id="y")
    assert {(run.definition_id, run.version_number) for run in new.started} == {
        (one.definition_id, 2),
        (late.definition_id, 1),
    }


async def test_an_event_that_comes_again_after_all_have_left_is_the_first_one(org: Runs) -> None:
    one = await toy(org, ["e"])
    first = await publish(org, "e", 1, event_id="x")
    await one.go_live(None)
    again = await publish(org, "e", 1, event_id="x")
    assert again.duplicate and run_ids(again) == run_ids(first)
    with pytest.raises(Conflict):
        await publish(org, "e", 2, event_id="x")
    assert (await publish(org, "e", 1, event_id="y")).started == []


@pytest.mark.parametrize(
    ("first", "second"), [({"n": 1}, {"n": 2}), (..., None), (..., {}), ([1], [1, 1]), ("1", 1), (0, False)]
)
async def test_the_same_id_with_another_payload_is_a_conflict(org: Runs, first: Any, second: Any) -> None:
    await toy(org, ["e"])
    sent = await publish(org, "e", first, event_id="x")
    with pytest.raises(Conflict):
        await publish(org, "e", second, event_id="x")
    assert run_ids(await publish(org, "e", first, event_id="x")) == run_ids(sent)
    assert run_ids(await publish(org, "e", second, event_id="x", repeats=True)) == run_ids(sent)
    await all_started(org, sent)


async def test_the_same_id_is_another_event_under_another_name_or_organisation(org: Runs) -> None:
    other = replace(org, organisation=f"{org.organisation}2")
    for runs in (org, other):
        await toy(runs, ["e", "f"])
    sent = [await publish(*where, 1, event_id="x") for where in [(org, "e"), (org, "f"), (other, "e")]]
    assert len(set().union(*map(run_ids, sent))) == 3
    await all_started(org, *sent[:2])
    await all_started(other, sent[2])


async def test_events_without_an_id_are_all_different(org: Runs) -> None:
    await toy(org, ["e"])
    sent = [await publish(org, "e", 1) for _ in range(3)]
    assert len({one.event_id for one in sent}) == 3
    await all_started(org, *sent)


# --- what does not fit ---


async def test_a_listener_that_the_payload_does_not_fit_is_named_and_not_started(org: Runs) -> None:
    strict = await toy(org, {"e": {"type": "object", "required": ["sku"]}})
    await toy(org, ["e"])
    sent = await publish(org, "e", {"x": 1}, event_id="x")
    assert len(sent.started) == 1
    assert [(one.definition_id, one.definition_name) for one in sent.refused] == [(strict.definition_id, strict.name)]
    assert "sku" in sent.refused[0].reason and len(sent.refused[0].reason) <= 200
    assert (await publish(org, "e", {"x": 1}, event_id="x")).refused == sent.refused
    assert len((await publish(org, "e", {"sku": 1})).started) == 2
    assert [len((await publish(org, "e", odd)).started) for odd in ("no input of ours", None, ...)] == [0, 1, 1]


async def test_an_event_that_only_refuse_is_not_unheard(org: Runs) -> None:
    await toy(org, {"e": {"type": "string"}})
    sent = await publish(org, "e", 1)
    assert sent.started == [] and len(sent.refused) == 1
    await publish(org, "nobody", 1)
    assert [row.event for row in await unheard(org, 1)] == ["nobody"]


@pytest.mark.parametrize(
    ("name", "payload", "event_id", "error"),
    [
        ("", 1, "x", InputInvalid),
        ("x" * 201, 1, "x", InputInvalid),
        ("e", 1, "x" * 257, InputInvalid),
        ("e", float("nan"), "x", InputInvalid),
        ("e", "half \ud800", "x", InputInvalid),
        ("e", "x" * 600_000, "x", TooLarge),
    ],
)
async def test_what_is_no_event_is_refused(
    org: Runs, name: str, payload: Any, event_id: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await publish(org, name, payload, event_id=event_id)


# --- what nobody heard ---


async def unheard(runs: Runs, total: int) -> list[Any]:
    async def listed() -> list[Any]:
        return (await runs.tidegate.list_unheard(DIALECT, runs.organisation))[0]

    return await eventually(listed, lambda seen: sum(row.count for row in seen) >= total)


async def test_events_that_nobody_hears_are_counted_by_name(org: Runs) -> None:
    await toy(org, ["order"])
    switched_off = await toy(org, ["off"])
    await switched_off.go_live(None)
    await toy(org, ["moved"], live=False)
    await publish(org, "order", 1)
    for name, times in (("oder", 3), ("off", 2), ("moved", 1)):
        for n in range(times):
            sent = await publish(org, name, 1, event_id=f"{name} {n}")
            assert sent.started == [] and not sent.refused
    await publish(org, "oder", 1, event_id="oder 0")
    rows = await unheard(org, 6)
    assert {row.event: row.count for row in rows} == {"oder": 3, "off": 2, "moved": 1}
    assert all(row.first <= row.last and row.last.endswith("Z") for row in rows)


async def test_a_listener_that_comes_later_hears_what_comes_later(org: Runs) -> None:
    await publish(org, "e", 1, event_id="x")
    await toy(org, ["e"])
    assert len((await publish(org, "e", 2)).started) == 1
    (row,) = await unheard(org, 1)
    assert (row.count, row.listeners) == (1, 1)


# --- changes while events flow ---


async def test_a_change_is_seen_by_every_replica_as_soon_as_it_is_made(org: Runs) -> None:
    replica = replace(org, tidegate=TidegateClient(org.tidegate.temporal, org.tidegate.task_queue))
    one = await toy(org, ["e"])
    versions = [1, await one.add(["e", "f"]), await one.add(["f"])]
    for number in [*versions, None, 1, 3, 2, None, 2]:
        await one.go_live(number)
        heard = {name: [run.version_number for run in (await publish(replica, name, 1)).started] for name in "ef"}
        assert heard == {name: [number] if number and name in one.versions[number] else [] for name in "ef"}


async def test_every_event_is_served_wholly_by_one_snapshot_while_listeners_change(org: Runs) -> None:
    steady, toggled, deployed = [await toy(org, ["e"]) for _ in range(3)]
    sent: list[Published] = []
    stop = asyncio.Event()

    async def flow() -> None:
        while not stop.is_set():
            sent.append(await publish(org, "e", len(sent)))

    flowing = [asyncio.ensure_future(flow()) for _ in range(3)]
    for n in range(6):
        await toggled.go_live(None if n % 2 == 0 else 1)
        await deployed.go_live(await deployed.add(["e"]))
    await deployed.go_live(None)
    stop.set()
    await asyncio.gather(*flowing)
    assert len(sent) >= 20
    for one in sent:
        of = [run.definition_id for run in one.started]
        assert len(of) == len(set(of)), "no listener twice, in two versions"
        assert steady.definition_id in of
    await all_started(org, *sent)
    counts = {of: sum(of in {run.definition_id for run in one.started} for one in sent) for of in
              (steady.definition_id, toggled.definition_id, deployed.definition_id)}  # fmt: skip
    assert {of: await runs_of(org, of) for of in counts} == counts


async def test_a_definition_that_was_deleted_is_not_started(org: Runs) -> None:
    one = await toy(org, ["e"])
    entity = ids.definition_workflow_id(DIALECT, org.organisation, one.definition_id)
    await org.tidegate.temporal.get_workflow_handle(entity).terminate()
    assert (await publish(org, "e", 1)).started == []
    assert await org.tidegate.unsubscribe(DIALECT, org.organisation, "e", one.definition_id) is True
    assert await org.tidegate.may_hear(DIALECT, org.organisation, "e") == []


# --- trouble ---


async def test_an_event_is_accepted_without_a_worker_and_starts_its_runs_when_one_comes(
    temporal_client: Client,
) -> None:
    queue = f"alone-{uuid.uuid4()}"
    alone = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    await plant(alone, "e", 3)
    sent = await publish(alone, "e", 1, event_id="x")
    assert run_ids(await publish(alone, "e", 1, event_id="x")) == run_ids(sent)
    assert len(sent.started) == 3 and await runs_in(alone) == 0
    async with runs_on(temporal_client, queue):
        await all_started(alone, sent)


async def test_without_temporal_nothing_is_accepted() -> None:
    lazy = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    away = Runs(TidegateClient(lazy, "q", rpc_seconds=0.5), "org")
    with pytest.raises(Unavailable) as caught:
        await publish(away, "e", 1)
    assert caught.value.part == "temporal"


@pytest.mark.parametrize("listeners", [3, 60])
async def test_trouble_with_one_listener_is_not_the_others(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch, listeners: int
) -> None:
    """One cannot be started for a while, and one never."""
    calls = itertools.count()
    start = TidegateClient.start_run

    async def troubled(self: TidegateClient, definition: Definition, facts: RunFacts, *args: Any, **more: Any) -> Any:
        if facts.definition_name == "planted-1" and next(calls) < 3:
            raise Unavailable("not now")
        if facts.definition_name == "planted-2":
            raise NotFound("never")
        return await start(self, definition, facts, *args, **more)

    monkeypatch.setattr(TidegateClient, "start_run", troubled)
    async with runs_on(temporal_client) as org:
        await plant(org, "e", listeners)
        sent = await publish(org, "e", 1, event_id="x")
        with pytest.raises(WorkflowFailureError) as failed:
            await fan_out(org, "e", "x").result()
        assert "planted-2: never" in str(failed.value.cause) and "1 listener" in str(failed.value.cause)
        for run in sent.started:
            if run.definition_name != "planted-2":
                await ended(org, run.run_id)
        assert await eventually(lambda: runs_in(org), lambda seen: seen >= listeners - 1) == listeners - 1
        assert run_ids(await publish(org, "e", 1, event_id="x")) == run_ids(sent)


async def test_neither_a_cancellation_nor_a_signal_leaves_an_event_half_served(org: Runs) -> None:
    await plant(org, "e", 120)
    sent = await publish(org, "e", 1, event_id="x")
    await fan_out(org, "e", "x").cancel()
    await fan_out(org, "e", "x").signal("anything", 1)
    assert await fan_out(org, "e", "x").result() == 120
    await all_started(org, sent)
    assert (await fan_out(org, "e", "x").describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_a_terminated_fan_out_is_known_and_starts_nothing_anew(temporal_client: Client) -> None:
    alone = Runs(TidegateClient(temporal_client, f"alone-{uuid.uuid4()}"), f"org-{uuid.uuid4()}")
    await plant(alone, "e", 2)
    sent = await publish(alone, "e", 1, event_id="x")
    await fan_out(alone, "e", "x").terminate()
    again = await publish(alone, "e", 1, event_id="x")
    assert again.duplicate and run_ids(again) == run_ids(sent)
