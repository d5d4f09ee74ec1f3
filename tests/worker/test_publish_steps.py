"""Steps that publish: each once, whatever is repeated; to a key and to a run; loops are stopped, others are not."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions import ids
from definitions.contract import PUBLISH, PublishRequest, PublishResult, RunFacts
from definitions.model import Block
from tests.running import DIALECT, Runs, eventually, runs_on
from tests.worker.listening import ended, publish, runs_in, runs_of, toy
from tests.worker.mailboxes import correlated
from tests.worker.test_interpreter import block, literal, path, wait
from worker.client import TidegateClient
from worker.interpreter import TidegateRun
from worker.lineage import LINEAGE_LIMIT, extended
from worker.publish_activity import PublishActivities

pytestmark = pytest.mark.usefixtures("toys")


def publishing(event: Any = "e", **more: Any) -> dict[str, Any]:
    return {"kind": "publish", "event": event, **more}


async def output(runs: Runs, step: dict[str, Any], input: Any = None) -> Any:
    return (await runs.ended(await runs.start(block("p", p=step), input))).output


@pytest.mark.parametrize("payload", [{"sku": 1}, [1], "text", False, 0])
async def test_a_step_starts_every_listener(org: Runs, payload: Any) -> None:
    listening = {(await toy(org, ["e"])).definition_id for _ in range(2)}
    given = await output(org, publishing(payload=path("${input.payload}")), {"payload": payload})
    assert set(given) == {"event_id", "started"} and len(given["started"]) == 2
    for run_id in given["started"]:
        assert (await ended(org, run_id)).output == payload
        assert (await org.describe(run_id)).facts.definition_id in listening


async def test_the_name_may_be_computed_and_the_payload_left_out(org: Runs) -> None:
    await toy(org, ["order.made"])
    given = await output(org, publishing(path("order.${input.what}")), {"what": "made"})
    assert (await ended(org, given["started"][0])).output == {}


@pytest.mark.parametrize("name", ["${input.n}", "${input.empty}", "${input.long}"])
async def test_a_name_that_is_none_fails_the_step(org: Runs, name: str) -> None:
    run_id = await org.start(
        block("p", p=publishing(path(name), on_error="end"), end={"kind": "assign", "value": path("${error.code}")}),
        {"n": 5, "empty": "", "long": "x" * 201},
    )
    assert (await org.ended(run_id)).output == "event-invalid"


async def test_listeners_that_the_payload_does_not_fit_are_in_the_output(org: Runs) -> None:
    strict = await toy(org, {"e": {"type": "string"}})
    given = await output(org, publishing(payload=literal(5)))
    (refused,) = given["refused"]
    assert given["started"] == [] and refused["definition_id"] == strict.definition_id and "5" in refused["reason"]


async def test_a_dry_one_only_shows_what_it_would_publish(org: Runs) -> None:
    await toy(org, ["e"])
    assert await output(org, publishing(payload=literal([1]), dry=True)) == {
        "event": "e",
        "payload": [1],
        "emitted": False,
    }
    assert await output(org, publishing(dry=True)) == {"event": "e", "emitted": False}
    run_id = await org.start(block("p", p=publishing(dry=True)))
    await org.ended(run_id)
    history = str((await org.handle(run_id).fetch_history()).to_json_dict())
    assert PUBLISH not in history


# --- to a key, to a run ---


async def test_with_a_key_it_also_reaches_the_run_that_waits(org: Runs) -> None:
    await toy(org, ["go"])
    waiting = await org.start(correlated(), {"key": "k"})
    await org.parked(waiting)
    given = await output(org, publishing("go", key=path("${input.key}"), payload=literal({"n": 1})), {"key": "k"})
    assert len(given["started"]) == 1 and given["posted"]["outcome"] == "accepted"
    assert (await org.ended(waiting)).output == {"n": 1}
    early = await output(org, publishing("go", key=literal("later"), payload=literal(2)))
    assert (await org.ended(await org.start(correlated(), {"key": "later"}))).output == 2, early


async def test_with_a_target_it_reaches_that_run_and_starts_nothing(org: Runs) -> None:
    await toy(org, ["go"])
    waiting = await org.start(block("w", w=wait("go", output="first")))
    await org.parked(waiting)
    given = await output(org, publishing("go", target=path("${input}"), payload=literal({"n": 1})), waiting)
    assert set(given) == {"event_id", "delivered"}
    assert given["delivered"] == {"status": "matched", "step": "w", "completed": True}
    assert (await org.ended(waiting)).output == {"n": 1}
    assert await runs_in(org) <= 2


@pytest.mark.parametrize("gone", [True, False])
async def test_a_target_that_is_not_there_fails_the_step(org: Runs, gone: bool) -> None:
    target = str(uuid.uuid4())
    if gone:
        target = await org.start(block("a", a={"kind": "assign"}))
        await org.ended(target)
    body = block(
        "p",
        p=publishing(target=path("${input}"), on_error="end"),
        end={"kind": "assign", "value": path("${error.code}")},
    )
    assert (await org.ended(await org.start(body, target))).output == ("run-closed" if gone else "not-found")


def test_a_key_and_a_target_are_one_too_many() -> None:
    body = block("p", p=publishing(key=literal("k"), target=literal("t")))
    with pytest.raises(ValueError, match="either `key` or `target`"):
        Block.model_validate(body)


# --- repeated ---


async def test_a_step_whose_worker_died_after_it_had_published_counts_once(
    temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a listener has gone, and the payload is computed otherwise, by the time of the repetition."""
    async with runs_on(temporal_client) as org:
        listening = [await toy(org, ["e"]) for _ in range(2)]
        results: list[PublishResult] = []
        lonely = Runs(TidegateClient(temporal_client, f"alone-{uuid.uuid4()}"), org.organisation)
        real = PublishActivities(org.tidegate, 10)

        @activity.defn(name=PUBLISH)
        async def dies(request: PublishRequest) -> PublishResult:
            request.event.payload = len(results)
            results.append(await real.publish(request))
            if len(results) < 3:
                await listening[0].go_live(None if len(results) == 1 else 1)
                raise RuntimeError("died before the result was reported")
            return results[-1]

        async with Worker(
            temporal_client,
            task_queue=lonely.tidegate.task_queue,
            workflows=[TidegateRun],
            activities=[dies],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            given = await output(lonely, publishing(payload=literal(0)))
        assert len(results) == 3 and all(one.started == given["started"] for one in results)
        assert len(given["started"]) == 2
        for run_id in given["started"]:
            assert (await ended(org, run_id)).output == 0
        for one in listening:
            assert await eventually(lambda one=one: runs_of(org, one.definition_id), lambda seen: seen >= 1) == 1  # type: ignore[misc]


async def test_every_visit_publishes_its_own_event(org: Runs) -> None:
    await toy(org, ["e"])
    each = {"kind": "each", "items": literal([1, 2, 3]), "body": block("p", p=publishing(payload=path("${item}")))}
    given = (await org.ended(await org.start(block("x", x=each)))).output
    outputs = [(await ended(org, one["started"][0])).output for one in given]
    assert sorted(outputs) == [1, 2, 3]


# --- loops ---


LIMIT = 3


def counting(event: str, *, watch: bool = True, until: int | None = None) -> dict[str, Any]:
    """Publishes the next event with the number it got plus one; not beyond `until`."""
    add = {"language": "json-logic", "source": {"+": [{"var": "input.n"}, 1]}}
    following: Any = "p"
    if until is not None:
        test = {"if": [{"<": [{"var": "input.n"}, until]}, "p", None]}
        following = {"language": "json-logic", "source": test}
    return block(
        "n",
        n={"kind": "assign", "value": add, "save": {"output": ["next"]}, "next": following},
        p=publishing(event, payload=path({"n": "${next}"}), watch=watch),
    )


async def settled(runs: Runs, total: int) -> list[RunFacts]:
    """The facts of all runs once there are `total`, all ended, and no more come."""

    async def counts() -> tuple[int, int]:
        head = f"WorkflowId STARTS_WITH '{ids.prefix(DIALECT, runs.organisation)}run/'"
        count = runs.tidegate.temporal.count_workflows
        return (await count(head)).count, (await count(f"{head} AND ExecutionStatus = 'Running'")).count

    assert await eventually(counts, lambda seen: seen[0] >= total and seen[1] == 0) == (total, 0)
    head = f"WorkflowId STARTS_WITH '{ids.prefix(DIALECT, runs.organisation)}run/'"
    rows = [row async for row in runs.tidegate.temporal.list_workflows(head)]
    return [(await runs.describe(row.id.rpartition("/")[2])).facts for row in rows]


@pytest.fixture
async def careful(temporal_client: Client) -> Any:
    async with runs_on(temporal_client, event_loop_limit=LIMIT) as org:
        yield org


async def test_a_workflow_that_triggers_itself_is_stopped_past_the_limit(careful: Runs) -> None:
    one = await toy(careful, ["e"], counting("e"))
    await publish(careful, "e", {"n": 0})
    facts = await settled(careful, LIMIT + 1)
    lineages = sorted(one_of.lineage.get(one.definition_id, 0) for one_of in facts)
    assert lineages == list(range(LIMIT + 1))
    last = next(one_of for one_of in facts if one_of.lineage.get(one.definition_id) == LIMIT)
    snapshot = await careful.ended(last.run_id, "failed")
    assert "4 runs of this workflow" in str(snapshot.error) and "3 may" in str(snapshot.error)
    failed = await careful.handle(last.run_id).describe()
    assert failed.status is not None and failed.status.name == "FAILED"


async def test_two_workflows_that_trigger_each_other_are_stopped(careful: Runs) -> None:
    await toy(careful, ["a"], counting("b"))
    await toy(careful, ["b"], counting("a"))
    await publish(careful, "a", {"n": 0})
    facts = await settled(careful, 2 * LIMIT + 1)
    assert max(sum(one.lineage.values()) for one in facts) == 2 * LIMIT


async def test_a_loop_through_a_child_is_stopped(careful: Runs) -> None:
    """The lineage goes on through children, whoever of both it is that publishes."""
    child = await toy(careful, [], counting("e"))
    ref = {"id": "c", "definition": {"name": child.name, "tag": "active"}}
    parent = await toy(careful, ["e"], block("c", c={"kind": "children", "children": [ref], "input": path("${input}")}))
    await publish(careful, "e", {"n": 0})
    facts = await settled(careful, 2 * (LIMIT + 1))
    deepest = max(facts, key=lambda one: sum(one.lineage.values()))
    assert deepest.lineage == {parent.definition_id: LIMIT + 1, child.definition_id: LIMIT}
    assert "endless loop" in str((await careful.ended(deepest.run_id, "failed")).error)


async def test_a_loop_that_ends_by_itself_passes(careful: Runs) -> None:
    await toy(careful, ["e"], counting("e", until=LIMIT))
    await publish(careful, "e", {"n": 0})
    facts = await settled(careful, LIMIT + 1)
    assert [(await careful.describe(one.run_id)).status for one in facts] == ["succeeded"] * (LIMIT + 1)


async def test_a_loop_that_is_not_watched_goes_on(careful: Runs) -> None:
    await toy(careful, ["e"], counting("e", watch=False, until=3 * LIMIT))
    await publish(careful, "e", {"n": 0})
    await settled(careful, 3 * LIMIT + 1)


async def test_another_chain_of_the_same_workflow_is_no_loop(careful: Runs) -> None:
    await toy(careful, ["e"], counting("nobody"))
    for n in range(3 * LIMIT):
        await publish(careful, "e", {"n": n})
    facts = await settled(careful, 3 * LIMIT)
    assert all(one.lineage == {} for one in facts)


def test_a_lineage_is_bounded_and_keeps_what_comes_again() -> None:
    facts = RunFacts("o", "d", "r", "loop", "l", "v", 1, "")
    for n in range(3 * LINEAGE_LIMIT):
        facts.definition_id = "loop" if n % 10 == 0 else f"d{n}"
        facts.lineage = extended(facts)
    assert len(facts.lineage) == LINEAGE_LIMIT
    assert facts.lineage["loop"] == 3 * LINEAGE_LIMIT // 10


async def test_many_large_events_at_once_are_sent_in_several_tasks(org: Runs) -> None:
    """Temporal ends a run that asks for more than 4 MB in one of them."""
    branches = {f"b{n}": block("p", p=publishing(f"e{n}", payload=path("${input}"))) for n in range(16)}
    step = {"kind": "parallel", "branches": branches}
    given = await output(org, step, "x" * 300_000)
    assert len({one["event_id"] for one in given.values()}) == 16
