"""Lists of runs on a real server: filters, order, one row per run, pages."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.client import Client

from definitions.contract import MEMO, ParentRef
from definitions.errors import InputInvalid, TooLarge
from definitions.ids import definition_id, run_workflow_id
from tests.worker.puppets import DIALECT, Stage, new_stage
from worker.listing import list_children, list_runs
from worker.run_filter import MAX_DEFINITIONS
from worker.views import RunPage, RunQuery

NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
MICRO = timedelta(microseconds=1)


@pytest.fixture
async def stage(temporal_client: Client) -> AsyncIterator[Stage]:
    stage = new_stage(temporal_client)
    async with stage.worker():
        yield stage


async def test_every_status_is_found_by_its_name(stage: Stage) -> None:
    running, completed, failed, terminated = [stage.facts() for _ in range(4)]
    await stage.start(running, "stay")
    await stage.finish(completed, "complete")
    await stage.finish(failed, "fail")
    await stage.finish(terminated, "terminated")
    await stage.visible(3, "ExecutionStatus != 'Running'")
    expected = {"running": running, "succeeded": completed, "failed": failed, "cancelled": terminated}
    for status, facts in expected.items():
        page = await stage.page(status=status)
        assert [(run.facts, run.status) for run in page.runs] == [(facts, status)]
        assert (page.runs[0].closed_at is None) == (status == "running")
        assert page.total == 1
    assert len(await stage.run_ids()) == 4
    assert (await stage.page(status="pending")).runs == []


async def test_filters_and_their_combinations(stage: Stage) -> None:
    wanted = {
        ("a", 1, False): stage.facts("a", 1),
        ("a", 2, False): stage.facts("a", 2),
        ("a", 1, True): stage.facts("a", 1, child=True),
        ("b", 1, False): stage.facts("b", 1),
    }
    await asyncio.gather(*(stage.start(facts) for facts in wanted.values()))
    await stage.visible(4)
    ids = {name: definition_id(DIALECT, stage.organisation, name) for name in "abc"}

    def expected(
        names: str = "ab", versions: tuple[int, ...] = (1, 2), children: tuple[bool, ...] = (False, True)
    ) -> set[str]:
        return {
            facts.run_id
            for (name, version, child), facts in wanted.items()
            if name in names and version in versions and child in children
        }  # fmt: skip

    assert set(await stage.run_ids()) == expected()
    assert set(await stage.run_ids(child=True)) == expected(children=(True,))
    assert set(await stage.run_ids(child=False)) == expected(children=(False,))
    assert set(await stage.run_ids(definition_ids=[ids["a"]])) == expected("a")
    assert set(await stage.run_ids(definition_ids=[ids["a"], ids["b"], ids["c"]])) == expected("ab")
    assert set(await stage.run_ids(definition_ids=[ids["a"]], version_number=1)) == expected("a", (1,))
    one = {"definition_ids": [ids["a"]], "version_number": 1, "child": False, "status": "running"}
    assert set(await stage.run_ids(**one)) == expected("a", (1,), (False,))
    assert await stage.run_ids(definition_ids=[ids["a"]], status="failed") == []
    assert await stage.run_ids(definition_ids=[]) == []
    assert await stage.run_ids(definition_ids=[ids["a"]], version_number=65537) == [], "the id holds 16 bits of it"


async def test_creation_bounds_are_inclusive_and_the_order_is_newest_created_first(stage: Stage) -> None:
    made = [stage.facts(created=NOON + step * SECOND) for step in (2, 0, 1)]
    await asyncio.gather(*(stage.start(facts) for facts in made))
    await stage.visible(3)
    at = {NOON + step * SECOND: facts.run_id for step, facts in zip((2, 0, 1), made, strict=True)}
    first, second, third = (at[NOON + step * SECOND] for step in range(3))
    assert await stage.run_ids() == [third, second, first]
    assert await stage.run_ids(created_after=NOON + SECOND) == [third, second]
    assert await stage.run_ids(created_after=NOON + SECOND + MICRO) == [third]
    assert await stage.run_ids(created_before=NOON + SECOND) == [second, first]
    assert await stage.run_ids(created_before=NOON + SECOND - MICRO) == [first]
    assert await stage.run_ids(created_after=NOON + SECOND, created_before=NOON + SECOND) == [second]
    assert await stage.run_ids(created_after=datetime.now(timezone.utc) + timedelta(hours=1)) == []


async def test_a_continued_run_is_one_row(stage: Stage) -> None:
    facts = stage.facts(created=NOON)
    await stage.start(facts, "continue", "continue", "stay")
    await stage.visible(2, "ExecutionStatus = 'ContinuedAsNew'")
    await stage.visible(1)
    page = await stage.page()
    assert [(run.facts.run_id, run.status) for run in page.runs] == [(facts.run_id, "running")]
    assert page.total == 1


@pytest.mark.parametrize("how", ["fail", "terminated"])
async def test_a_resumed_run_is_its_latest_execution_only(stage: Stage, how: str) -> None:
    closed = "failed" if how == "fail" else "cancelled"
    resumed, twice, left = stage.facts(), stage.facts(), stage.facts()
    await stage.resume(resumed, await stage.finish(resumed, how), "stay")
    first = await stage.finish(twice, how)
    second = await stage.resume(twice, first, "fail")
    again = stage.client.get_workflow_handle(stage.workflow_id(twice))
    await asyncio.gather(again.result(), return_exceptions=True)
    await stage.resume(twice, second, "complete")
    await stage.finish(left, how)
    await stage.visible(9)  # six executions of three runs, and three claims
    await stage.visible(8, "ExecutionStatus != 'Running'")
    assert await stage.run_ids(status=closed) == [left.run_id]
    assert await stage.run_ids(status="running") == [resumed.run_id]
    assert await stage.run_ids(status="succeeded") == [twice.run_id]
    assert await stage.run_ids() == [left.run_id, twice.run_id, resumed.run_id]


async def test_children_are_shown_as_their_latest_execution(stage: Stage) -> None:
    parent, running, failed = stage.facts(), stage.facts(child=True), stage.facts(child=True)
    script = [f"child {stage.workflow_id(running)} stay", f"child {stage.workflow_id(failed)} fail"]
    await stage.start(parent, *script)
    handle = stage.client.get_workflow_handle(stage.workflow_id(failed))
    await stage.visible(3)
    closed = (await handle.describe()).run_id
    await asyncio.gather(handle.result(), return_exceptions=True)
    await stage.visible(1, "ExecutionStatus = 'Failed'")
    children = await list_children(stage.client, stage.workflow_id(parent))
    assert {run.facts.run_id: run.status for run in children} == {running.run_id: "running", failed.run_id: "failed"}
    await stage.resume(failed, closed, "complete")
    await stage.visible(2, "ExecutionStatus = 'Completed'")
    children = await list_children(stage.client, stage.workflow_id(parent))
    assert {run.facts.run_id: run.status for run in children} == {
        running.run_id: "running",
        failed.run_id: "succeeded",
    }
    of_parent = {"parent_workflow_id": stage.workflow_id(parent)}
    assert set(await stage.run_ids(**of_parent)) == {running.run_id, failed.run_id}
    assert await stage.run_ids(**of_parent, status="succeeded") == [failed.run_id]
    assert await stage.run_ids(parent_workflow_id=stage.workflow_id(running)) == []


async def test_pages_hold_every_run_once_while_new_ones_are_started(stage: Stage) -> None:
    made = [stage.facts(created=NOON + place // 3 * SECOND) for place in range(20)]  # some created at the same moment
    await asyncio.gather(*(stage.start(facts) for facts in made))
    await stage.visible(20)
    shown: list[str] = []
    token: str | None = None
    pages = 0
    while pages == 0 or token is not None:
        page = await stage.page(page_size=7, page_token=token)
        assert page.total == 20 + pages
        shown += [run.facts.run_id for run in page.runs]
        token, pages = page.next_page_token, pages + 1
        await stage.start(stage.facts(created=NOON + timedelta(hours=pages)))
        await stage.visible(20 + pages)
    assert pages == 3
    assert sorted(shown) == sorted(facts.run_id for facts in made)
    created = {facts.run_id: facts.created_at for facts in made}
    assert [created[one] for one in shown] == sorted(created.values(), reverse=True)
    assert len((await stage.page(page_size=0)).runs) == 1
    assert len((await stage.page(page_size=10**9)).runs) == 23


def altered(token: str, **changes: object) -> str:
    content = json.loads(base64.urlsafe_b64decode(token + "=="))
    return base64.urlsafe_b64encode(json.dumps({**content, **changes}).encode()).decode()


async def test_page_tokens_are_checked(stage: Stage) -> None:
    await asyncio.gather(*(stage.start(stage.facts()) for _ in range(3)))
    await stage.visible(3)
    token = (await stage.page(page_size=1)).next_page_token
    assert token is not None
    assert len((await stage.page(page_size=2, page_token=token)).runs) == 2, "the size may change"
    bad = [
        "",
        "x",
        "ä",
        "=",
        "a" * 5_000,
        "bnVsbA",
        "W10",
        "e30",
        base64.b64encode(b"[" * 100_000).decode(),
        token[:-3],
    ]
    bad += [
        altered(token, moment=-1),
        altered(token, moment=10**30),
        altered(token, moment="1"),
        altered(token, more=1),
    ]
    bad += [
        altered(token, moment=True),
        altered(token, mode="x"),
        altered(token, workflow_id=1),
        altered(token, width=1.5),
    ]
    for one in bad:
        with pytest.raises(InputInvalid):
            await stage.page(page_size=1, page_token=one)
    for conditions in ({"status": "running"}, {"child": False}, {"created_after": NOON}, {"definition_ids": ["x"]}):
        with pytest.raises(InputInvalid):
            await stage.page(page_token=token, **conditions)
    with pytest.raises(InputInvalid):
        await list_runs(stage.client, replace(stage.query(page_token=token), organisation="another"))


async def test_other_organisations_and_dialects_are_never_listed(stage: Stage) -> None:
    other = new_stage(stage.client)
    facts, foreign = stage.facts(), other.facts()
    await asyncio.gather(stage.start(facts), other.start(foreign))
    await asyncio.gather(stage.visible(1), other.visible(1))
    assert await stage.run_ids() == [facts.run_id]
    assert (await list_runs(stage.client, RunQuery("another", stage.organisation))).total == 0
    assert (await stage.page(definition_ids=[foreign.definition_id])).total == 0
    assert (await stage.page(parent_workflow_id=other.workflow_id(foreign))).total == 0


HOSTILE = ["' OR WorkflowId != '", "\\' OR WorkflowId != \\'", "'' OR 1=1 --", '" OR "a"="a', "%", "_", "\\", "'; --"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_no_text_breaks_out_of_a_query(stage: Stage, text: str) -> None:
    other = new_stage(stage.client)
    await other.start(other.facts())
    await other.visible(1)
    for query in (
        stage.query(parent_workflow_id=text),
        stage.query(parent_workflow_id=run_workflow_id(DIALECT, stage.organisation, text)),
        stage.query(definition_ids=[text], version_number=1),
        RunQuery(DIALECT, text),
        RunQuery(text, stage.organisation),
    ):
        assert await list_runs(stage.client, query) == RunPage()


@pytest.mark.parametrize("text", ["x\x00y", "\ud800", "ä"])
async def test_what_can_be_no_id_is_refused_before_temporal_sees_it(stage: Stage, text: str) -> None:
    with pytest.raises(InputInvalid):
        await stage.page(parent_workflow_id=text)
    assert await list_runs(stage.client, RunQuery(DIALECT, text)) == RunPage(), "an organisation is hashed"


async def test_what_is_no_run_of_ours_does_not_spoil_a_list(stage: Stage) -> None:
    facts, broken = stage.facts(), stage.facts()
    await stage.start(facts)
    broken.created_at = "yesterday"
    await stage.start(broken)
    shapes: list[Any] = [None, 1, [], "x", {}, {**asdict(stage.facts()), "version_number": "1"}, {"run_id": 1}]
    for memo in shapes:
        await stage.client.start_workflow(
            "TidegateRun", id=stage.workflow_id(stage.facts()), task_queue="nobody", memo={MEMO: memo}
        )
    await stage.client.start_workflow("TidegateRun", id=stage.workflow_id(stage.facts()), task_queue="nobody")
    await stage.client.start_workflow("Other", id=stage.workflow_id(stage.facts()), task_queue="nobody")
    await stage.visible(11)
    assert await stage.run_ids() == [facts.run_id]


async def test_all_facts_come_back(stage: Stage) -> None:
    facts = replace(
        stage.facts(child=True),
        submitted_by="somebody",
        root_run_id="root",
        parent=ParentRef("workflow", "run", "step", "definition"),
        request_id="request",
        resumed_from="closed",
        started_at="2026-01-31T12:00:00.000000Z",
    )
    await stage.start(facts)
    await stage.visible(1)
    assert (await stage.page()).runs[0].facts == facts


async def test_limits_are_clear_errors(stage: Stage) -> None:
    of = [definition_id(DIALECT, stage.organisation, str(n)) for n in range(MAX_DEFINITIONS + 1)]
    assert (await stage.page(definition_ids=of[:-1], version_number=3)).total == 0
    with pytest.raises(TooLarge):
        await stage.page(definition_ids=of)
    with pytest.raises(InputInvalid):
        await stage.page(version_number=1)
