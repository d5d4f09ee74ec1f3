"""Topics: who may listen to an event, whatever changes at the same time, and what nobody heard."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import types
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from definitions import ids
from definitions.contract import TOPIC_WORKFLOW, UNHEARD
from definitions.errors import InputInvalid, TooLarge
from tests.running import DIALECT, Runs, eventually, runs_on
from worker.event_client import EventClient
from worker.topic_state import LISTENERS_LIMIT, Subscription, TopicState, UnheardEvents, listeners_of

# --- the order of changes: the client's own code, over topics in memory, in every interleaving ---


@types.coroutine
def turn() -> Generator[None, None, None]:
    """Let another change go first."""
    yield


@dataclass
class Shop:
    """One definition and the topics of two events; version 1 listens to `a`, version 2 to `b`."""

    live: str | None = "a"
    topics: dict[str, TopicState] = field(default_factory=lambda: {name: TopicState(name) for name in "ab"})

    async def listeners(self, dialect: str, organisation: str, event: str) -> dict[str, int]:
        await turn()
        return dict(self.topics[event].listeners)

    async def subscribe(self, dialect: str, organisation: str, event: str, definition_id: str) -> int:
        await turn()
        return self.topics[event].subscribe(Subscription(definition_id))

    async def remove(self, dialect: str, organisation: str, event: str, definition_id: str, number: int) -> bool:
        await turn()
        return self.topics[event].unsubscribe(Subscription(definition_id, number))

    async def listens(self, dialect: str, organisation: str, event: str, definition_id: str) -> bool:
        await turn()
        return self.live == event

    def knows(self, event: str | None) -> bool:
        return event is None or "d" in self.topics[event].listeners

    def changing(self, to: str | None, before: str) -> Any:
        """A change of what is live, as a dialect makes it."""
        client = EventClient.__new__(EventClient)
        client._topics = client._listeners = self  # type: ignore[assignment]

        async def change() -> None:
            await turn()
            self.live = to

        return client.listen("x", "o", "d", change, events=[to] if to else [], before=before)


@dataclass
class Street(Shop):
    """One index, in which a thing that moves is entered as `a` or as `b`."""

    entries: TopicState = field(default_factory=lambda: TopicState("index"))

    async def listeners(self, dialect: str, organisation: str, event: str) -> dict[str, int]:
        await turn()
        return dict(self.entries.listeners)

    async def subscribe(self, dialect: str, organisation: str, event: str, definition_id: str) -> int:
        await turn()
        return self.entries.subscribe(Subscription(definition_id))

    async def remove(self, dialect: str, organisation: str, event: str, definition_id: str, number: int) -> bool:
        await turn()
        return self.entries.unsubscribe(Subscription(definition_id, number))

    def knows(self, event: str | None) -> bool:
        return event is None or event in self.entries.listeners

    def changing(self, to: str | None, before: str) -> Any:
        client = EventClient.__new__(EventClient)
        client._topics = self  # type: ignore[assignment]

        async def change() -> None:
            await turn()
            self.live = to

        async def still(entry: str) -> bool:
            await turn()
            return self.live == entry

        return client.keep_index("x", "o", "index", change, entries=[to] if to else [], before=before, still=still)


def shop(kind: type[Shop] = Shop) -> Shop:
    made = kind()
    made.topics["a"].subscribe(Subscription("d"))
    if isinstance(made, Street):
        made.entries.subscribe(Subscription("a"))
    return made


def play(coroutines: Sequence[Any], order: Sequence[int]) -> None:
    """Run the coroutines a turn at a time, in this order, then each to its end."""
    ended = set()
    for who in [*order, *(n for n in range(len(coroutines)) for _ in range(50))]:
        if who not in ended:
            try:
                coroutines[who].send(None)
            except StopIteration:
                ended.add(who)
    assert len(ended) == len(coroutines)


@pytest.mark.parametrize("kind", [Shop, Street])
def test_what_is_live_in_the_end_is_known_in_every_order_of_two_changes(kind: type[Shop]) -> None:
    orders = 0
    for first in itertools.combinations(range(14), 7):
        one = shop(kind)
        changes = [one.changing("b", "a"), one.changing("a", "b")]
        play(changes, [0 if place in first else 1 for place in range(14)])
        assert one.knows(one.live), first
        orders += 1
    assert orders == 3432


@pytest.mark.parametrize("kind", [Shop, Street])
@pytest.mark.parametrize("seed", range(20))
def test_what_is_live_in_the_end_is_known_after_four_changes_at_once(seed: int, kind: type[Shop]) -> None:
    chance = random.Random(seed)
    for _ in range(500):
        one = shop(kind)
        wanted = [chance.choice(["a", "b", None]) for _ in range(4)]
        changes = [one.changing(to, "ab") for to in wanted]
        play(changes, [chance.randrange(4) for _ in range(60)])
        assert one.knows(one.live), (wanted, one)


@pytest.mark.parametrize("kind", [Shop, Street])
@pytest.mark.parametrize("to", ["b", None])
def test_a_change_that_dies_anywhere_leaves_what_is_live_known(to: str | None, kind: type[Shop]) -> None:
    for turns in range(20):
        one = shop(kind)
        change = one.changing(to, "a")
        try:
            for _ in range(turns):
                change.send(None)
                assert one.knows(one.live), turns
        except StopIteration:
            assert not one.knows("a"), "it is withdrawn from what it listens to no more"
            return
        change.close()
    raise AssertionError("it has not ended")


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 12)), max_size=40))
def test_only_the_subscription_that_is_named_is_removed(steps: list[tuple[str, int]]) -> None:
    state, model = TopicState("e"), {}
    for definition_id, number in steps:
        if number == 0:
            model[definition_id] = state.subscribe(Subscription(definition_id))
            assert model[definition_id] == max(model.values())
        else:
            removed = state.unsubscribe(Subscription(definition_id, number))
            assert removed == (model.get(definition_id) == number)
            if removed:
                del model[definition_id]
        assert state.listeners == model


@given(st.lists(st.lists(st.integers(0, 30).map(str), max_size=5), max_size=20))
def test_an_event_that_nobody_heard_counts_once(batches: list[list[str]]) -> None:
    state = TopicState("e")
    for place, batch in enumerate(batches):
        state.note(UnheardEvents(batch, f"{place:04}"))
    assert state.unheard == len({one for batch in batches for one in batch})


def test_the_memo_of_a_full_topic_fits_into_every_database_of_temporals() -> None:
    state = TopicState("e" * 200)
    for _ in range(LISTENERS_LIMIT):
        state.subscribe(Subscription(str(uuid.uuid4())))
    shown = state.shown()
    assert len(json.dumps(shown)) < 60_000
    assert listeners_of(shown) == state.listeners
    with pytest.raises(TooLarge, match="2000"):
        state.check(Subscription("one more"))
    state.check(Subscription(next(iter(state.listeners))))


# --- the entity ---


def topic(runs: Runs, event: str) -> WorkflowHandle[Any, Any]:
    workflow_id = ids.topic_workflow_id(DIALECT, runs.organisation, event)
    return runs.tidegate.temporal.get_workflow_handle(workflow_id)


async def may_hear(runs: Runs, event: str) -> list[str]:
    return await runs.tidegate.may_hear(DIALECT, runs.organisation, event)


async def subscribe(runs: Runs, event: str, *definitions: str) -> list[int]:
    return [await runs.tidegate.subscribe(DIALECT, runs.organisation, event, one) for one in definitions]


async def test_a_subscription_is_read_as_soon_as_it_is_acknowledged(org: Runs) -> None:
    assert await may_hear(org, "e") == []
    assert await subscribe(org, "e", "one", "two", "one") == [1, 2, 3]
    assert await may_hear(org, "e") == ["two", "one"]
    assert await may_hear(org, "E") == []
    assert await may_hear(Runs(org.tidegate, f"{org.organisation}x"), "e") == []


async def test_a_subscription_of_nothing_that_lives_is_removed(org: Runs) -> None:
    await subscribe(org, "e", "gone", "stays")
    assert await org.tidegate.unsubscribe(DIALECT, org.organisation, "e", "gone") is True
    assert await org.tidegate.unsubscribe(DIALECT, org.organisation, "e", "gone") is False
    assert await may_hear(org, "e") == ["stays"]


@pytest.mark.parametrize("name", ["", "x" * 201, "half \ud800", 5, None])
async def test_what_is_no_name_is_refused(org: Runs, name: Any) -> None:
    with pytest.raises(InputInvalid):
        await subscribe(org, name, "one")


async def test_a_full_topic_refuses_one_more_and_keeps_the_others(org: Runs) -> None:
    state = TopicState("full", {str(uuid.uuid4()): n for n in range(1, LISTENERS_LIMIT)}, number=LISTENERS_LIMIT)
    workflow_id = ids.topic_workflow_id(DIALECT, org.organisation, "full")
    queue = f"{org.tidegate.task_queue}-entities"
    await org.tidegate.temporal.start_workflow(TOPIC_WORKFLOW, state, id=workflow_id, task_queue=queue)
    await subscribe(org, "full", "the last")
    with pytest.raises(TooLarge):
        await subscribe(org, "full", "one too many")
    await subscribe(org, "full", "the last")
    assert len(await may_hear(org, "full")) == LISTENERS_LIMIT


async def test_topics_keep_all_over_continue_as_new(temporal_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.topic.CHANGES_PER_EXECUTION", 5)
    monkeypatch.setattr("worker.topic.YOUNG", timedelta(0))
    async with runs_on(temporal_client) as org:
        await note(org, "e", "id")
        names = [f"d{n}" for n in range(23)]
        for name in names:
            await subscribe(org, "e", name)
            assert (await may_hear(org, "e"))[-1] == name
        assert await may_hear(org, "e") == names, "in the order of their subscription"
        await note(org, "e", "id")
        await note(org, "e", "another")
        description = await topic(org, "e").describe()
        assert description.raw_description.workflow_execution_info.first_run_id != description.run_id
        (row,) = await unheard(org, 1, count=2)
        assert (row.event, row.count, row.listeners) == ("e", 2, 23)


async def test_a_topic_ends_that_nobody_needs_and_begins_anew(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.topic.LINGER", timedelta(seconds=0.5))
    async with runs_on(temporal_client) as org:
        await subscribe(org, "e", "one")
        await note(org, "e", "id")
        await note(org, "unknown", "id")

        async def status(event: str) -> WorkflowExecutionStatus | None:
            return (await topic(org, event).describe()).status

        await eventually(lambda: status("unknown"), lambda seen: seen is WorkflowExecutionStatus.COMPLETED)
        assert await status("e") is WorkflowExecutionStatus.RUNNING, "one may listen"
        await org.tidegate.unsubscribe(DIALECT, org.organisation, "e", "one")
        await eventually(lambda: status("e"), lambda seen: seen is WorkflowExecutionStatus.COMPLETED)
        assert await may_hear(org, "e") == []
        await subscribe(org, "e", "two")
        assert await may_hear(org, "e") == ["two"]


# --- what nobody heard ---


async def note(runs: Runs, event: str, event_id: str, at: str = "2026-01-01T00:00:00.000000Z") -> None:
    await runs.tidegate._topics.unheard(DIALECT, runs.organisation, event, event_id, at)


async def unheard(runs: Runs, rows: int, count: int = 1) -> list[Any]:
    async def listed() -> list[Any]:
        return (await runs.tidegate.list_unheard(DIALECT, runs.organisation))[0]

    return await eventually(listed, lambda seen: len(seen) == rows and all(one.count >= count for one in seen))


async def test_many_at_once_are_counted_once_each_in_few_signals(org: Runs) -> None:
    await asyncio.gather(*(note(org, "e", str(n % 60)) for n in range(120)))
    (row,) = await unheard(org, 1, count=60)
    assert row.count == 60
    history = (await topic(org, "e").fetch_history()).to_json_dict()["events"]
    kinds = [event["eventType"] for event in history]
    assert kinds.count("EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED") <= 10
    assert kinds.count("EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED") <= kinds.count("EVENT_TYPE_WORKFLOW_TASK_COMPLETED")


async def test_names_are_listed_last_come_first_page_by_page(org: Runs) -> None:
    for n in range(5):
        await note(org, f"e{n}", "id", f"2026-01-0{n + 1}T00:00:00.000000Z")
    await unheard(org, 5)
    seen, cursor = [], None
    for _ in range(3):
        rows, cursor = await org.tidegate.list_unheard(DIALECT, org.organisation, limit=2, cursor=cursor)
        seen += [row.event for row in rows]
    assert seen == ["e4", "e3", "e2", "e1", "e0"] and cursor is None
    for bad in ("x", "", "W10=", "bm90IGpzb24="):
        with pytest.raises(InputInvalid):
            await org.tidegate.list_unheard(DIALECT, org.organisation, cursor=bad)


def bad_signals() -> Iterator[tuple[str, list[Any]]]:
    yield UNHEARD, []
    yield UNHEARD, ["text"]
    yield UNHEARD, [{"ids": ["x"]}]
    yield UNHEARD, [{"ids": "x", "at": 5}]
    yield UNHEARD, [{"ids": ["x" * 5000], "at": "2026"}]
    yield "anything", [1]


async def test_signals_that_are_none_of_ours_do_no_harm(org: Runs) -> None:
    await subscribe(org, "e", "one")
    for name, args in bad_signals():
        await topic(org, "e").signal(name, args=args)
    await topic(org, "e").cancel()
    await subscribe(org, "e", "two")
    assert await may_hear(org, "e") == ["one", "two"]
    assert (await topic(org, "e").describe()).status is WorkflowExecutionStatus.RUNNING
