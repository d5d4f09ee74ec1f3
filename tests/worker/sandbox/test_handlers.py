"""Handlers as they are written: steps, waits, repetition from the top, values, errors, types, logs."""

from __future__ import annotations

import pytest

from tests.worker.sandbox.calls import Caller, handler, in_step, once
from worker.sandbox.runner import Sandbox


async def test_one_new_step_for_each_call(sandbox: Sandbox) -> None:
    run = Caller(
        sandbox, handler("const a = await step.run('a', () => 1); return await step.run('b', async () => a + 1)")
    )
    first, second, last = await run.call(), await run.call(), await run.call()
    assert [(one.kind, one.id, one.value) for one in (first, second, last)] == [
        ("step", "a", 1),
        ("step", "b", 2),
        ("return", None, 2),
    ]


async def test_steps_of_one_name_are_told_apart(sandbox: Sandbox) -> None:
    run = Caller(
        sandbox,
        handler(
            "const all = []; for (const n of [1, 2, 3]) all.push(await step.run('work', () => n));"
            "all.push(await step.run('work#2', () => 'named so')); return all"
        ),
    )
    assert (await run.finish()).value == [1, 2, 3, "named so"]
    assert list(run.done) == ["work", "work#2", "work#3", "work#2#2"]


async def test_steps_at_once_take_turns(sandbox: Sandbox) -> None:
    body = "return await Promise.all(['a', 'b', 'c'].map((name) => step.run(name, async () => name + name)))"
    run = Caller(sandbox, handler(body))
    assert (await run.finish()).value == ["aa", "bb", "cc"]
    assert (list(run.done), run.calls) == (["a", "b", "c"], 4)


async def test_a_wait_is_told_and_then_given_its_event(sandbox: Sandbox) -> None:
    run = Caller(
        sandbox,
        handler(
            "const e = await step.waitForEvent('paid', { correlationKey: `order:${payload.id}`, timeout: '2d',"
            " onTimeout: 'continue' }); return e.payload"
        ),
        payload={"id": 7},
    )
    waiting = await run.call()
    assert (waiting.kind, waiting.wait) == (
        "wait",
        {"event": "paid", "key": "order:7", "timeout": 172_800, "onTimeout": "continue"},
    )
    assert (await run.call()).id == waiting.id
    assert waiting.id is not None
    run.done[waiting.id] = {"payload": {"sum": 5}, "timedOut": False}
    assert (await run.call()).value == {"sum": 5}


async def test_the_defaults_of_a_wait(sandbox: Sandbox) -> None:
    waiting = await once(sandbox, handler("await step.waitForEvent('go')"))
    assert waiting.wait == {"event": "go", "key": None, "timeout": None, "onTimeout": "fail"}


async def test_a_step_beside_a_wait_comes_first(sandbox: Sandbox) -> None:
    run = Caller(sandbox, handler("await Promise.all([step.waitForEvent('go'), step.run('a', () => 1)])"))
    assert [(await run.call()).kind, (await run.call()).kind] == ["step", "wait"]


async def test_waits_of_one_event_are_told_apart(sandbox: Sandbox) -> None:
    run = Caller(sandbox, handler("return [await step.waitForEvent('go'), await step.waitForEvent('go')]"))
    for value in (1, 2):
        waiting = await run.call()
        assert waiting.kind == "wait" and waiting.id is not None
        run.done[waiting.id] = value
    assert (await run.call()).value == [1, 2]


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("5m", 300), ("24h", 86_400), ("4w", 2_419_200)])
async def test_durations(sandbox: Sandbox, text: str, seconds: int) -> None:
    waiting = await once(sandbox, handler(f"await step.waitForEvent('go', {{ timeout: '{text}' }})"))
    assert waiting.wait is not None and waiting.wait["timeout"] == seconds


@pytest.mark.parametrize(
    "options",
    [
        "{ timeout: '24' }",
        "{ timeout: '24 hours' }",
        "{ timeout: '1.5h' }",
        "{ timeout: '-1h' }",
        "{ timeout: 86400 }",
        "{ timeout: '1h ' }",
        "{ timeout: '99999999w' }",
        "{ onTimeout: 'ignore' }",
        "{ onTimeout: 'toString' }",
        "{ correlationKey: 5 }",
        "{ correlationKey: '' }",
        "{ correlationkey: 'a' }",
        "'24h'",
    ],
)
async def test_a_bad_wait_fails_for_good(sandbox: Sandbox, options: str) -> None:
    result = await once(sandbox, handler(f"await step.waitForEvent('go', {options})"))
    assert (result.kind, result.code) == ("threw", "value-invalid")
    assert result.error


async def test_what_a_step_throws_is_the_handlers(sandbox: Sandbox) -> None:
    result = await once(sandbox, "\n" + in_step("throw new RangeError('no such card')"))
    assert (result.kind, result.id, result.code) == ("threw", "s", None)
    assert result.error == "RangeError: no such card (line 2)"


async def test_a_handler_may_catch_what_a_step_throws(sandbox: Sandbox) -> None:
    run = Caller(
        sandbox,
        handler(
            "try { await step.run('charge', () => { throw new Error('declined') }) }"
            "catch (error) { return await step.run('refund', () => 'because ' + error.message) }"
        ),
    )
    caught = await run.call()
    assert (caught.kind, caught.id, caught.error) == ("step", "charge", "declined (line 1)")
    assert (await run.finish()).value == "because declined"
    assert run.calls == 3


async def test_a_step_that_was_begun_is_kept_though_the_handler_ends(sandbox: Sandbox) -> None:
    run = Caller(
        sandbox,
        handler(
            "step.run('slow', () => new Promise((done) => setTimeout(() => done(1), 50))); throw new Error('early')"
        ),
    )
    assert [(await run.call()).kind, (await run.call()).error] == ["step", "early (line 1)"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("undefined", None),
        ("null", None),
        ("[undefined, 1]", [None, 1]),
        ("({ a: undefined, b: new Date(0) })", {"b": "1970-01-01T00:00:00.000Z"}),
        ("'\\u{1F600}'", "\U0001f600"),
        ("2 ** 53", 2**53),
        ("0.1", 0.1),
    ],
)
async def test_values(sandbox: Sandbox, value: str, found: object) -> None:
    assert (await once(sandbox, in_step(f"return {value}"))).value == found
    assert (await once(sandbox, handler(f"return {value}"))).value == found


@pytest.mark.parametrize(
    "value", ["10n", "NaN", "[1, Infinity]", "() => 1", "Symbol('a')", "new Map()", "({ a: new Set() })", "'\\ud800'"]
)
async def test_what_is_no_json_fails_for_good(sandbox: Sandbox, value: str) -> None:
    for source in (in_step(f"return {value}"), handler(f"return {value}")):
        result = await once(sandbox, source)
        assert (result.kind, result.code) == ("threw", "value-invalid"), result
        assert "JSON" in (result.error or "")


async def test_typescript_with_more_than_types(sandbox: Sandbox) -> None:
    source = """
import { StackShift, type Step, JobContext } from '@stackshift-cloud/jobs'
enum Plan { Free, Pro }
interface Payload { userId: string; plan?: Plan }
class Account { constructor(private readonly id: string) {} get name(): string { return this.id } }
const stackshift = new StackShift({ apiKey: process.env.STACKSHIFT_API_KEY! })
export default stackshift.job<Payload>('j', async ({ payload, step }: JobContext<Payload>) => {
  const name = await step.run<string>('name', async (): Promise<string> => new Account(payload.userId as string).name)
  return { name, plan: Plan.Pro } satisfies { name: string; plan: Plan }
})
"""
    run = Caller(sandbox, source, payload={"userId": "u1"})
    assert (await run.finish()).value == {"name": "u1", "plan": 1}


async def test_lines_of_typescript_stay_where_they_are(sandbox: Sandbox) -> None:
    source = "interface A {\n  a: string\n}\n" + handler("\n\n  const a: number = (null as any).b\n")
    assert (await once(sandbox, source)).error == "TypeError: Cannot read properties of null (reading 'b') (line 6)"


async def test_logs_are_kept_in_order_and_cut(sandbox: Sandbox) -> None:
    body = "console.log('one', 1, { a: [1] }); console.error('two'); console.table([1]); console.log('x'.repeat(20000))"
    result = await once(sandbox, in_step(f"{body}; console.log('last'); return 1"))
    assert result.logs[:2] == ["one 1 { a: [ 1 ] }", "error: two"]
    assert sum(map(len, result.logs)) < 17_000
    assert "not kept" in result.logs[-1]


async def test_an_unknown_job_is_told_with_those_there_are(sandbox: Sandbox) -> None:
    result = await once(sandbox, "stackshift.job('other', async () => 1)")
    assert result.code == "code-invalid"
    assert "other" in (result.error or "")


async def test_no_message_has_a_path_of_the_machine(sandbox: Sandbox) -> None:
    for source in ("syntax error", in_step("throw new Error(new Error('x').stack)"), handler("null.x")):
        result = await once(sandbox, source)
        assert result.kind == "threw"
        for foreign in ("file:", "blob:", ".py", "/tmp", "node_modules"):
            assert foreign not in (result.error or ""), result.error


@pytest.mark.parametrize("thrown", ["null", "undefined", "'text'", "{ toString() { throw 1 } }", "new Proxy({}, {})"])
async def test_anything_may_be_thrown(sandbox: Sandbox, thrown: str) -> None:
    result = await once(sandbox, in_step(f"throw {thrown}"))
    assert result.kind == "threw" and result.error
