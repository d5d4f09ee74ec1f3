"""A tiny run of the benchmark: everything starts, flows and ends; and what must hold however fast the machine is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import ActivityTaskStartedEventAttributes, HistoryEvent

from bench import history, processes
from bench.__main__ import BARE, BY_HAND, COMPARED, DIRECT, OVER_HTTP, lines, measure
from bench.load import Turn
from bench.options import Options, parse
from bench.report import quantile

FLOWS = 5
ROWS = [BY_HAND, OVER_HTTP, DIRECT, BY_HAND + BARE, OVER_HTTP + BARE]

Turns = Mapping[str, Sequence[Turn]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def turns() -> Turns:
    return await measure(Options(rounds=1, flows=FLOWS, concurrency=3, samples=1, warm_up=1))


# The first test waits for a server and six processes of ours to start.
@pytest.mark.timeout(180)
async def test_every_row_runs_its_flows_to_their_end(turns: Turns) -> None:
    assert list(turns) == ROWS
    for rounds in turns.values():
        assert [turn.flows for turn in rounds] == [FLOWS]
        assert all(turn.rate > 0 and len(turn.latencies) == 1 and turn.latencies[0] > 0 for turn in rounds)


async def test_a_flow_as_data_costs_no_more_events_and_actions_than_one_by_hand(turns: Turns) -> None:
    for suffix in ("", BARE):
        mine, theirs = (turns[name + suffix][0].costs for name in (OVER_HTTP, BY_HAND))
        assert len(mine) == len(theirs) == FLOWS
        # A server under load may add events to any flow (a task that times out), never leave one out.
        assert min(cost.events for cost in mine) <= min(cost.events for cost in theirs)
        assert min(cost.actions for cost in mine) <= min(cost.actions for cost in theirs)


async def test_every_flow_was_parked_before_its_event_came(turns: Turns) -> None:
    for rounds in turns.values():
        for cost in rounds[0].costs:
            accepted = cost.names.index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
            before, after = cost.names[:accepted], cost.names[accepted:]
            assert before.count("ACTIVITY_TASK_COMPLETED") == after.count("ACTIVITY_TASK_COMPLETED") == 1
            assert cost.names[-1] == "WORKFLOW_EXECUTION_COMPLETED"


async def test_attributes_are_written_in_the_rows_that_say_so_and_in_no_other(turns: Turns) -> None:
    for name, rounds in turns.items():
        written = {cost.names.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") for cost in rounds[0].costs}
        assert written == ({0} if name.endswith(BARE) else {2}), name


async def test_the_report_names_every_row_and_comparison(turns: Turns) -> None:
    text = "\n".join(lines(turns))
    assert all(f"\n{name}  " in text for name in ROWS)
    assert all(f"{row} / {base}: rate " in text for row, base in COMPARED)
    assert "HTTP front: " in text and "other programs used " in text


def test_a_retried_activity_is_billed_once_for_every_attempt() -> None:
    started = HistoryEvent(
        event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED,
        activity_task_started_event_attributes=ActivityTaskStartedEventAttributes(attempt=3),
    )
    assert history.actions(started) == 2
    assert history.actions(HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)) == 1
    assert history.actions(HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)) == 0


def test_quantiles_are_values_that_were_measured() -> None:
    values = [float(number) for number in range(100)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([7.0], 0.99)) == (50.0, 99.0, 7.0)


def test_a_window_shows_what_a_process_has_used() -> None:
    meter = processes.Meter({"me": os.getpid()}, [os.getpid()])
    before = processes.used(os.getpid())
    while processes.used(os.getpid()) - before < 0.05:
        sum(range(10_000))
    window = meter.stop()
    assert window.cpu["me"] >= 0.05
    assert 0 <= window.others <= 1


def test_options_are_counts() -> None:
    assert parse(["--rounds", "2", "--flows", "7", "--default-server"]) == Options(
        rounds=2, flows=7, default_server=True
    )
    for bad in ("0", "-1", "many", ""):
        with pytest.raises(SystemExit):
            parse(["--flows", bad])
