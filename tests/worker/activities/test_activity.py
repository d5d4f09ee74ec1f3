"""What is common to all executors, tried with executors made for it."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError

from definitions.contract import Call
from definitions.errors import Unavailable
from tests.worker.activities.workbench import Bench, call
from worker.activities import EXECUTORS, Executor
from worker.activities.activity import MAX_RESULT, build_activities
from worker.activities.executor import ExecutorError, Tools
from worker.activities.failures import MESSAGE_LIMIT, RETRYABLE, call_failed
from worker.secrets import SecretBox, new_key

SECRET = 's3cret "value"/ü'


async def echo(call: Call, tools: Tools) -> Any:
    return call.input if call.has_input else None


async def leak(call: Call, tools: Tools) -> Any:
    """Lets a secret out by the way that the config names."""
    secret = tools.secrets["slot"]
    ways: dict[str, Any] = {
        "result": {"text": f"is {secret}!", secret: [secret]},
        "failure": call_failed("leaky", f"saw {secret}", {"also": secret}),
        "fault": KeyError(f"saw {secret}"),
    }
    way = ways[call.config["way"]]
    if isinstance(way, Exception):
        raise way from ValueError(secret)
    return way


def with_executors(bench: Bench, **runs: Any) -> Bench:
    bench.executors = {name: Executor.of(run) for name, run in runs.items()}
    return bench


async def test_one_activity_per_executor_of_its_name(bench: Bench) -> None:
    found = build_activities(bench.tools)
    names = [activity._Definition.must_from_callable(one).name for one in found]
    assert names == sorted(EXECUTORS)


@pytest.mark.parametrize("value", [{"a": [1, None, "x"]}, None, [], 0, False, "", "ü\ud800"])
async def test_result_is_what_the_executor_returns(bench: Bench, value: Any) -> None:
    assert await with_executors(bench, echo=echo).run("echo", call({}, value)) == value


async def test_an_executor_knows_the_workflow_that_calls_though_the_call_does_not_name_it(bench: Bench) -> None:
    async def caller(call: Call, tools: Tools) -> Any:
        return call.context.workflow_id

    unnamed = call({})
    unnamed.context.workflow_id = ""
    assert await with_executors(bench, caller=caller).run("caller", unnamed) == bench.environment.info.workflow_id


async def test_opened_secrets_are_given_by_slot(bench: Bench) -> None:
    seen: list[dict[str, str]] = []

    async def look(call: Call, tools: Tools) -> None:
        seen.append(dict(tools.secrets))

    bench.seal("one", "first value")
    bench.seal("two", "second value")
    await with_executors(bench, look=look).run("look", call({}, secrets={"a": "one", "b": "two", "c": "one"}))
    assert seen == [{"a": "first value", "b": "second value", "c": "first value"}]
    assert dict(bench.tools.secrets) == {}
    assert "first value" not in repr(bench.tools.with_secrets(seen[0]))


async def test_absent_secret(bench: Bench) -> None:
    bench.seal("elsewhere", "x" * 9, org="other")
    error = await with_executors(bench, echo=echo).failure("echo", call({}, secrets={"a": "elsewhere"}))
    assert (error.type, error.non_retryable) == ("secret-not-found", True)
    assert "'elsewhere'" in error.message


async def test_sealed_text_of_another_organisation_does_not_open(bench: Bench) -> None:
    bench.seal("key", "x" * 9, org="other")
    bench.stored["acme", "key"] = bench.stored["other", "key"]
    error = await with_executors(bench, echo=echo).failure("echo", call({}, secrets={"a": "key"}))
    assert (error.type, error.non_retryable) == ("secret-invalid", True)
    bench.stored["acme", "key"] = SecretBox([new_key()]).seal("acme", "key", "x" * 9)
    assert (await bench.failure("echo", call({}, secrets={"a": "key"}))).type == "secret-invalid"


async def test_secrets_while_temporal_is_away(bench: Bench) -> None:
    async def away(organisation: str, name: str) -> str:
        raise Unavailable("the Temporal service cannot be reached")

    bench.use(Tools(bench.settings, bench.tools.http, away, bench.box))
    error = await with_executors(bench, echo=echo).failure("echo", call({}, secrets={"a": "key"}))
    assert (error.type, error.non_retryable) == ("unavailable", False)


@pytest.mark.parametrize("way", ["failure", "fault"])
async def test_no_secret_in_failures_or_logs(bench: Bench, way: str, caplog: pytest.LogCaptureFixture) -> None:
    bench.seal("key", SECRET)
    with caplog.at_level(logging.DEBUG):
        error = await with_executors(bench, leak=leak).failure("leak", call({"way": way}, secrets={"slot": "key"}))
    assert "saw [secret]" in error.message
    assert error.type == ("leaky" if way == "failure" else "executor-failed")
    assert SECRET not in error.message + repr(error.details) + caplog.text
    assert "s3cret" not in caplog.text
    if way == "fault":
        assert "test_activity.py" in caplog.text, "the operator is not told where"
        assert "File" not in error.message


async def test_no_secret_in_results(bench: Bench) -> None:
    bench.seal("key", SECRET)
    result = await with_executors(bench, leak=leak).run("leak", call({"way": "result"}, secrets={"slot": "key"}))
    assert result == {"text": "is [secret]!", "[secret]": ["[secret]"]}


async def test_config_is_held_against_the_schema_before_secrets_are_read(bench: Bench) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    bench.executors = {"strict": Executor(echo, schema)}
    error = await bench.failure("strict", call({"n": "x"}, secrets={"a": "absent"}))
    assert (error.type, error.non_retryable) == ("config-invalid", True)
    assert error.message == "config $.n: 'x' is not of type 'integer'"
    assert await bench.run("strict", call({"n": 1}, 5)) == 5


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"bytes"], ids=["object", "set", "nan", "bytes"])
async def test_result_that_is_no_json(bench: Bench, value: Any) -> None:
    async def bad(call: Call, tools: Tools) -> Any:
        return [value]

    error = await with_executors(bench, bad=bad).failure("bad", call({}))
    assert (error.type, error.non_retryable) == ("result-invalid", True)


async def test_size_of_results(bench: Bench) -> None:
    with_executors(bench, echo=echo)
    assert await bench.run("echo", call({}, "x" * (MAX_RESULT - 2)))
    error = await bench.failure("echo", call({}, "x" * (MAX_RESULT - 1)))
    assert (error.type, error.non_retryable) == ("result-too-large", True)
    assert str(MAX_RESULT + 1) in error.message


async def test_unexpected_fault_may_be_retried_and_is_bounded(bench: Bench) -> None:
    async def faulty(call: Call, tools: Tools) -> Any:
        raise RuntimeError("x" * 10_000)

    error = await with_executors(bench, faulty=faulty).failure("faulty", call({}))
    assert (error.type, error.non_retryable) == ("executor-failed", False)
    assert len(error.message) == MESSAGE_LIMIT


async def test_executors_own_failure_keeps_its_meaning(bench: Bench) -> None:
    async def failing(call: Call, tools: Tools) -> Any:
        raise ApplicationError("no", 1, type="mine", non_retryable=True) from ValueError("cause")

    async def later(call: Call, tools: Tools) -> Any:
        raise call_failed("mine", "later", retry_after=9)

    with_executors(bench, failing=failing, later=later)
    error = await bench.failure("failing", call({}))
    assert (error.message, error.type, error.non_retryable, error.details) == ("no", "mine", True, (1,))
    error = await bench.failure("later", call({}))
    assert (error.non_retryable, error.next_retry_delay) == (False, timedelta(seconds=9))


async def test_heartbeats_go_on_while_the_executor_works_and_then_stop(bench: Bench) -> None:
    beats: list[tuple[Any, ...]] = []
    enough = asyncio.Event()

    def beat(*details: Any) -> None:
        beats.append(details)
        if len(beats) == 3:
            enough.set()

    async def slow(call: Call, tools: Tools) -> str:
        await enough.wait()
        return "done"

    bench.environment.on_heartbeat = beat
    bench.heartbeat_seconds = 0.01
    assert await with_executors(bench, slow=slow).run("slow", call({})) == "done"
    assert beats == [(1,), (1,), (1,)]
    beating = [task for task in asyncio.all_tasks() if "_heartbeats.<locals>" in repr(task.get_coro())]
    if beating:
        _, still = await asyncio.wait(beating, timeout=1)
        assert not still


async def test_cancellation_reaches_the_executor_and_is_no_failure(bench: Bench) -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def endless(call: Call, tools: Tools) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    running = asyncio.create_task(with_executors(bench, endless=endless).run("endless", call({})))
    await started.wait()
    bench.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert stopped.is_set()


def test_what_an_executor_makes_once_is_kept_over_calls() -> None:
    made: list[int] = []

    def make() -> list[int]:
        made.append(1)
        return made

    bench = Bench()
    first, second = bench.tools.with_secrets({"a": "b"}), bench.tools.with_secrets({})
    assert first.kept(make) is second.kept(make) is made
    assert made == [1]


def test_what_is_no_executor() -> None:
    with pytest.raises(ExecutorError, match="async function"):
        Executor.of(lambda call, tools: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(ExecutorError, match="JSON Schema"):
        Executor(echo, {"type": "nonsense"})


def test_permanent_failures_are_never_repeated() -> None:
    for code in ("target-not-allowed", "secret-not-found", "secret-invalid", "config-invalid", "result-too-large"):
        assert RETRYABLE[code] is False
        assert call_failed(code, "x").non_retryable
