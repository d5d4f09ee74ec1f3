"""Steps that are begun beside each other, inside each other, or left alone: none hangs, and none is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from definitions.errors import DefinitionError
from tests.worker.sandbox.calls import SHIM, Caller, handler, once
from worker.sandbox.runner import Sandbox

FAILING = "step.run('a', async () => { throw new Error('no') })"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (f"return (await Promise.allSettled([{FAILING}, step.run('b', () => 2)])).map((one) => one.status)",
         ["rejected", "fulfilled"]),
        (f"const a = {FAILING}.catch(() => 'caught'); const b = step.run('b', () => 2); return [await b, await a]",
         [2, "caught"]),
    ],
)  # fmt: skip
async def test_one_of_several_fails(sandbox: Sandbox, body: str, found: object) -> None:
    run = Caller(sandbox, handler(body))
    ended = await run.finish()
    assert (ended.kind, ended.value) == ("return", found)
    assert (list(run.done), list(run.failed)) == (["b"], ["a"])


async def test_a_wait_beside_a_step_that_fails(sandbox: Sandbox) -> None:
    run = Caller(sandbox, handler(f"await Promise.allSettled([{FAILING}, step.waitForEvent('go')])"))
    assert [(await run.call()).kind, (await run.call()).kind] == ["step", "wait"]
    assert list(run.failed) == ["a"]


async def test_the_first_of_several_to_fail_is_the_handlers(sandbox: Sandbox) -> None:
    ended = await once(sandbox, handler(f"await Promise.all([{FAILING}, step.run('b', () => 2)])"))
    assert (ended.kind, ended.id, ended.error) == ("threw", "a", "no (line 1)")


@pytest.mark.parametrize("inner", ["step.run('b', () => 1)", "step.waitForEvent('go')"])
async def test_a_step_has_no_steps(sandbox: Sandbox, inner: str) -> None:
    ended = await once(sandbox, handler(f"await step.run('a', async () => await {inner})"))
    assert (ended.kind, ended.code) == ("threw", "value-invalid")
    assert "inside step" in (ended.error or "")


@pytest.mark.parametrize("failing", [FAILING, FAILING.replace("async ", "")])
async def test_a_failure_that_nobody_looks_at_fails_the_handler(sandbox: Sandbox, failing: str) -> None:
    ended = await once(sandbox, handler(f"{failing}; return 'done'"))
    assert (ended.kind, ended.error) == ("threw", "no (line 1)")


async def test_a_failure_that_is_ignored_on_purpose_is_kept(sandbox: Sandbox) -> None:
    run = Caller(sandbox, handler(f"{FAILING}.catch(() => null); return 'done'"))
    assert (await run.finish()).value == "done"
    assert list(run.failed) == ["a"]


async def test_what_is_asked_beside_a_step_is_not_asked_by_the_step(sandbox: Sandbox) -> None:
    asked: list[tuple[str | None, str]] = []

    async def host(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
        asked.append((step, arguments["key"]))
        return 1

    body = (
        "const a = step.run('a', async () => { await state.get('in'); await state.get('in') });"
        "await state.increment('beside'); await a; return 1"
    )
    run = Caller(sandbox, handler(body), host=host)
    assert (await run.finish()).value == 1
    assert sorted(asked, key=str) == [("a", "in"), ("a", "in"), (None, "beside"), (None, "beside")]


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        ("stackshift.start('j', {})", "while the source is registered"),
        ("Promise.reject(new Error('left alone'))", "left alone"),
    ],
)
async def test_outermost_code_that_nobody_waits_for(sandbox: Sandbox, rest: str, told: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        await sandbox.inspect(SHIM, f"{handler('return 1')}; {rest}")
    assert [one.code for one in refused.value.problems] == ["code-invalid"]
    assert told in refused.value.problems[0].message


async def test_an_import_that_cannot_be_says_so_plainly(sandbox: Sandbox) -> None:
    with pytest.raises(DefinitionError, match=r"import of https://example\.com/x\.js is not allowed") as refused:
        await sandbox.inspect(SHIM, "import x from 'https://example.com/x.js'")
    assert "blocked" not in refused.value.problems[0].message


@pytest.mark.parametrize(
    "body",
    [
        "stackshift.events.send('e', 1); return 'done'",
        "await step.run('a', () => { stackshift.events.send('e', 1) }); return 'done'",
        "stackshift.events.send('e', 1); throw new Error('no')",
    ],
)
async def test_what_was_asked_without_awaiting_it_is_done(sandbox: Sandbox, body: str) -> None:
    sent: list[str] = []

    async def slowly(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
        await asyncio.sleep(0.3)
        sent.append(name)
        return {"event_id": "1", "duplicate": False}

    run = Caller(sandbox, handler(body), host=slowly)
    await run.call()
    assert sent == ["send"]


async def test_a_request_that_nobody_waits_for_holds_nothing_up(sandbox: Sandbox) -> None:
    async def never(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
        await asyncio.sleep(30)

    body = "const late = new Promise((done) => setTimeout(done, 10, 'late'));"
    body += "return await Promise.race([fetch('https://x.example'), late])"
    ended = await once(sandbox, handler(body), host=never, seconds=5.0)
    assert ended.value == "late"
