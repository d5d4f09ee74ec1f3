"""Handlers in runs on a real server: each step once, waits that park, attempts, continue-as-new, killed workers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.client import Client

from definitions.contract import CONTINUE_AS_NEW, RUN_CODE
from definitions.errors import DefinitionError, Unavailable
from tests.running import Runs, eventually, runs_on
from tests.worker.activities.local_server import LocalServer, Page
from tests.worker.http_target import BAD, Target, ok
from tests.worker.mailboxes import post
from tests.worker.run_worker import kill, start_worker
from tests.worker.sandbox.calls import SHIM, handler
from worker.client import TidegateClient
from worker.sandbox import launch


@pytest.fixture
def target() -> Iterator[Target]:
    with LocalServer() as server:
        yield Target(server)


def url(target: Target, path: str, *answers: Page) -> str:
    found: str = target.on(path, *answers)["config"]["url"]
    return found


def body(code: str, **step: Any) -> dict[str, Any]:
    """A block of one step that runs a handler with this body."""
    own = {"kind": "code", "shim": SHIM, "handler": "j", "source": handler(code), **step}
    own.setdefault("input", {"language": "passthrough", "source": {"data": "input"}})
    return {"start": "handler", "steps": {"handler": own}}


def attempts(most: int) -> dict[str, Any]:
    return {"maximum_attempts": most, "initial_interval": 0.1, "backoff_coefficient": 1.0}


def key() -> str:
    return str(uuid.uuid4())


WAITING = """
  const before = await step.run('before', () => ({ n: payload.n }))
  const event = await step.waitForEvent('go', { correlationKey: payload.key, timeout: '1h' })
  const after = await step.run('after', () => event.payload)
  return { before, after, timedOut: event.timedOut, key: event.correlationKey }
"""


async def test_a_handler_waits_and_goes_on(runs: Runs) -> None:
    where = key()
    run_id = await runs.start(body(WAITING), {"n": 1, "key": where})
    snapshot = await runs.parked(run_id)
    assert [(wait.step, wait.events) for wait in snapshot.waits] == [("handler/go", ["go"])]
    assert snapshot.waits[0].deadline is not None
    await post(runs, where, {"hello": "there"})
    ended = await runs.ended(run_id)
    assert ended.output == {"before": {"n": 1}, "after": {"hello": "there"}, "timedOut": False, "key": where}
    done = [(one.step, one.status) for one in ended.records if one.source == "engine" and one.status != "incomplete"]
    assert [step for step, status in done if status == "success"] == [
        "handler/before",
        "handler/go",
        "handler/after",
        "handler",
    ]


async def test_it_is_the_same_after_continue_as_new(runs: Runs, target: Target) -> None:
    where, once = key(), url(target, "/once", ok())
    code = WAITING.replace("() => ({ n: payload.n })", f"async () => (await fetch('{once}')).status")
    run_id = await runs.start(body(code), {"n": 1, "key": where})
    await runs.parked(run_id)
    first = (await runs.handle(run_id).describe()).run_id
    await runs.handle(run_id).signal(CONTINUE_AS_NEW)
    await eventually(lambda: runs.handle(run_id).describe(), lambda found: found.run_id != first)
    await runs.parked(run_id)
    await post(runs, where, 5)
    assert (await runs.ended(run_id)).output == {"before": 200, "after": 5, "timedOut": False, "key": where}
    assert target.calls("/once") == 1


async def test_a_busy_handler_continues_as_new_between_steps(runs: Runs) -> None:
    code = "let n = 0; for (let i = 0; i < 12; i++) n += await step.run('s', () => 1); return n"
    run_id = await runs.start(body(code))
    first = (await runs.handle(run_id).describe()).run_id
    await runs.handle(run_id).signal(CONTINUE_AS_NEW)
    ended = await runs.ended(run_id)
    assert ended.output == 12
    assert (await runs.handle(run_id).describe()).run_id != first


async def test_one_activity_for_each_step(runs: Runs) -> None:
    run_id = await runs.start(body("await step.run('a', () => 1); await step.run('b', () => 2)"))
    assert (await runs.ended(run_id)).output is None
    history = await runs.handle(run_id).fetch_history()
    scheduled = [e.activity_task_scheduled_event_attributes for e in history.events if e.event_type == 10]
    assert [one.activity_type.name for one in scheduled] == [RUN_CODE] * 3


async def test_attempts_keep_what_is_done(runs: Runs, target: Target) -> None:
    charge, ship = url(target, "/charge", ok()), url(target, "/ship", BAD, BAD, ok())
    code = f"""
      await step.run('charge', async () => (await fetch('{charge}')).status)
      return await step.run('ship', async () => {{
        const answer = await fetch('{ship}')
        if (!answer.ok) throw new Error('ship: ' + answer.status)
        return 'shipped'
      }})
    """
    run_id = await runs.start(body(code), attempts=attempts(3))
    ended = await runs.ended(run_id)
    assert (ended.output, ended.attempts) == ("shipped", 3)
    assert (target.calls("/charge"), target.calls("/ship")) == (1, 3)
    assert len(set(target.keys("/ship"))) == 1, "every attempt carries the step's key"
    failed = [one for one in ended.records if one.step == "handler/ship" and one.status == "failure"]
    assert [one.errors for one in failed] == [["ship: 500 (line 5)"]] * 2


async def test_a_caught_failure_is_tried_again_only_by_the_next_attempt(runs: Runs, target: Target) -> None:
    flaky, last = url(target, "/flaky", BAD), url(target, "/last", BAD, ok())
    code = f"""
      let how = 'well'
      try {{ await step.run('flaky', async () => {{ if (!(await fetch('{flaky}')).ok) throw new Error('no') }}) }}
      catch {{ how = 'badly' }}
      await step.run('last', async () => {{ if (!(await fetch('{last}')).ok) throw new Error('no') }})
      return how
    """
    run_id = await runs.start(body(code), attempts=attempts(2))
    assert (await runs.ended(run_id)).output == "badly"
    assert (target.calls("/flaky"), target.calls("/last")) == (2, 2)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("await step.waitForEvent('go', { timeout: 'soon' })", "timeout must be"),
        ("return await step.run('s', () => 10n)", "bigint"),
        ("await step.waitForEvent('go', { timeout: '0s', onTimeout: 'fail' })", "deadline"),
    ],
)
async def test_what_no_attempt_can_mend_fails_at_once(runs: Runs, code: str, message: str) -> None:
    ended = await runs.ended(await runs.start(body(code), attempts=attempts(5)), "failed")
    assert message in (ended.error or "")
    assert ended.attempts == 1


async def test_a_source_without_the_job_fails_at_once(runs: Runs) -> None:
    run_id = await runs.start(body("return 1", handler="other"), attempts=attempts(5))
    ended = await runs.ended(run_id, "failed")
    assert ended.attempts == 1 and "no job" in (ended.error or "")


@pytest.mark.parametrize(("word", "status"), [("continue", "succeeded"), ("cancel", "cancelled"), ("fail", "failed")])
async def test_deadlines(runs: Runs, word: str, status: str) -> None:
    code = f"return await step.waitForEvent('go', {{ correlationKey: payload, timeout: '1s', onTimeout: '{word}' }})"
    where = key()
    ended = await runs.ended(await runs.start(body(code), where), status)
    late = {"timedOut": True, "payload": None, "event": "go", "correlationKey": where}
    assert ended.output == (late if word == "continue" else None)


async def test_code_that_takes_too_long_fails_its_step(runs: Runs) -> None:
    run_id = await runs.start(body("for (;;) {}", timeout=1.0))
    assert "1 s" in ((await runs.ended(run_id, "failed")).error or "")


async def test_what_steps_give_counts_as_the_runs_data(runs: Runs) -> None:
    code = "for (let i = 0; i < 5; i++) await step.run('s', () => 'x'.repeat(300000)); return 1"
    assert "bytes" in ((await runs.ended(await runs.start(body(code)), "failed")).error or "")


async def test_logs_are_in_the_records(runs: Runs) -> None:
    run_id = await runs.start(body("return await step.run('s', () => { console.log('hello', 1); return 2 })"))
    records = (await runs.ended(run_id)).records
    assert [one.logs for one in records if one.step == "handler/s"] == [["hello 1"]]


@pytest.mark.parametrize("most", [1, 3])
async def test_a_cancelled_run_ends_its_code(runs: Runs, target: Target, most: int) -> None:
    entered = url(target, "/entered", ok())
    run_id = await runs.start(body(f"await fetch('{entered}'); for (;;) {{}}", timeout=20.0), attempts=attempts(most))
    await eventually(lambda: _calls(target, "/entered"), lambda calls: calls == 1)
    began = time.monotonic()
    await runs.handle(run_id).cancel()
    ended = await runs.ended(run_id, "cancelled")
    assert time.monotonic() - began < 5, "the run does not wait for its code to end"
    assert [one.status for one in ended.records if one.status == "failure"] == []
    assert target.calls("/entered") == 1, "no other attempt follows"


async def _calls(target: Target, path: str) -> int:
    return target.calls(path)


@pytest.mark.timeout(120)
async def test_a_worker_killed_in_mid_step(temporal_client: Client, temporal_address: str, target: Target) -> None:
    queue = f"killed-{uuid.uuid4()}"
    runs = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    first, slow = url(target, "/first", ok()), url(target, "/slow", ok())
    code = f"""
      await step.run('first', async () => (await fetch('{first}')).status)
      return await step.run('slow', async () => {{
        await fetch('{slow}')
        await new Promise((done) => setTimeout(done, 1500))
        return 'done'
      }})
    """
    process = await start_worker(temporal_address, queue)
    try:
        run_id = await runs.start(body(code))
        await eventually(lambda: _calls(target, "/slow"), lambda calls: calls == 1)
        await kill(process)
        process = await start_worker(temporal_address, queue)
        description = await eventually(lambda: runs.describe(run_id), lambda found: found.closed_at is not None, 60)
        assert description.status == "succeeded"
        assert (await runs.snapshot(run_id)).attempts == 1, "a lost worker is not the code's failure"
        assert target.calls("/first") == 1
        assert (target.calls("/slow"), len(set(target.keys("/slow")))) == (2, 1)
    finally:
        await kill(process)


async def test_without_deno(temporal_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise launch.SandboxUnavailable("unsupported: no Deno")

    monkeypatch.setattr(launch, "deno", absent)
    launch.command.cache_clear()
    try:
        async with runs_on(temporal_client) as runs:
            with pytest.raises(DefinitionError) as refused:
                await runs.tidegate.inspect_code(SHIM, handler("return 1"))
            ended = await runs.ended(await runs.start(body("return 1"), attempts=attempts(5)), "failed")
    finally:
        launch.command.cache_clear()
    problem = refused.value.problems[0]
    assert (problem.code, problem.unsupported) == ("code-unsupported", True)
    assert "no Deno" in (ended.error or "")
    assert ended.attempts == 1


async def test_looking_at_code(runs: Runs) -> None:
    assert await runs.tidegate.inspect_code(SHIM, handler("return 1")) == ["j"]
    with pytest.raises(DefinitionError) as refused:
        await runs.tidegate.inspect_code(SHIM, "const a = 1\nconst = 2")
    problem = refused.value.problems[0]
    assert (problem.code, problem.path, problem.unsupported) == ("code-invalid", "$.source", False)
    assert "line 2" in problem.message


async def test_looking_at_code_without_a_worker(temporal_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.code_client.INSPECT_SECONDS", 1.0)
    alone = TidegateClient(temporal_client, f"nobody-{uuid.uuid4()}")
    with pytest.raises(Unavailable) as away:
        await alone.inspect_code(SHIM, handler("return 1"))
    assert away.value.part == "worker"


async def test_many_handlers_at_once(runs: Runs) -> None:
    code = "const a = await step.run('a', () => payload); return await step.run('b', () => a * 2)"
    started = await asyncio.gather(*(runs.start(body(code), n) for n in range(12)))
    assert [(await runs.ended(run_id)).output for run_id in started] == [n * 2 for n in range(12)]
