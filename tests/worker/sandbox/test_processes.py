"""Processes of the sandbox: one for each call, ready beforehand, and gone in every case."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from definitions.errors import DefinitionError
from tests.running import eventually
from tests.worker.sandbox.calls import SHIM, Caller, handler, in_step, once
from worker.sandbox import launch
from worker.sandbox.process import Sandboxed
from worker.sandbox.runner import INSPECT_SECONDS, SOURCE_LIMIT, Sandbox

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")


def children(of: int) -> set[int]:
    """The processes that a process has started and that have not ended."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == of and fields[0] != "Z":
            found.add(int(status.parent.name))
    return found


def told(pid: int, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text()


async def gone(before: set[int]) -> None:
    async def left() -> set[int]:
        return children(os.getpid()) - before

    await eventually(left, lambda seen: not seen)


@linux
async def test_nothing_is_left_whatever_became_of_the_calls() -> None:
    before = children(os.getpid())
    async with Sandbox() as sandbox:
        cancelled = asyncio.ensure_future(once(sandbox, in_step("for (;;) {}")))
        await once(sandbox, in_step("return 1"))
        await once(sandbox, in_step("throw 1"))
        await once(sandbox, in_step("for (;;) {}"), seconds=0.5)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
    await gone(before)


@linux
async def test_a_cancelled_call_ends_at_once() -> None:
    async with Sandbox() as sandbox:
        before = children(os.getpid())
        call = asyncio.ensure_future(once(sandbox, in_step("for (;;) {}")))
        await eventually(lambda: _later(children(os.getpid()) - before), lambda seen: len(seen) >= 2)
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 5)
        # The one that is ready stays.
        await eventually(lambda: _later(children(os.getpid()) - before), lambda seen: len(seen) <= 1)


async def _later(value: set[int]) -> set[int]:
    return value


@linux
async def test_a_process_that_is_ready_and_dies_is_not_used() -> None:
    before = children(os.getpid())
    async with Sandbox() as sandbox:
        await once(sandbox, in_step("return 1"))
        await eventually(lambda: _later(children(os.getpid()) - before), lambda seen: len(seen) == 1)
        for process in children(os.getpid()) - before:
            os.kill(process, signal.SIGKILL)
        await gone(before)
        await asyncio.sleep(0.05)
        assert (await once(sandbox, in_step("return 2"))).value == 2


@linux
async def test_the_process_has_an_empty_environment_and_folder_and_limits() -> None:
    async with Sandbox() as sandbox:
        process = await Sandboxed.start(SHIM, sandbox._folder.name)
        pid = process._process.pid
        try:
            variables = [one.partition("=")[0] for one in told(pid, "environ").split("\0") if one]
            assert sorted(variables) == ["DENO_DIR", "DENO_NO_UPDATE_CHECK", "NO_COLOR"]
            assert os.listdir(f"/proc/{pid}/cwd") == []
            assert os.getpgid(pid) == pid
            limits = told(pid, "limits")
            for name, value in (("Max data size", launch.DATA_BYTES), ("Max file size", 0), ("Max core file size", 0)):
                assert next(line for line in limits.splitlines() if line.startswith(name)).split()[-2] == str(value)
        finally:
            await process.close()


ROOT = Path(__file__).resolve().parents[3]
WORKER = """
import asyncio
from tests.worker.sandbox.calls import in_step, once
from worker.sandbox.runner import Sandbox
async def main():
    async with Sandbox() as sandbox:
        print('ready', flush=True)
        await once(sandbox, in_step('for (;;) {}'), seconds=600)
asyncio.run(main())
"""


@linux
async def test_code_does_not_outlive_its_worker() -> None:
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert worker.stdout is not None and await worker.stdout.readline() == b"ready\n"
        # One that loops, and one that is ready.
        started = await eventually(lambda: _later(children(worker.pid)), lambda seen: len(seen) >= 2)
    finally:
        worker.kill()
        await worker.communicate()
    await eventually(lambda: _later({one for one in started if Path(f"/proc/{one}").exists()}), lambda seen: not seen)


@linux
async def test_code_does_not_outlive_its_worker_without_setpriv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    launch.command.cache_clear()
    try:
        assert launch.command(SHIM)[0] == sys.executable
        async with Sandbox() as sandbox:
            assert (await once(sandbox, in_step("return 1"))).value == 1
    finally:
        launch.command.cache_clear()


async def test_without_deno(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise launch.SandboxUnavailable("unsupported: no Deno")

    monkeypatch.setattr(launch, "deno", absent)
    launch.command.cache_clear()
    async with Sandbox() as sandbox:
        with pytest.raises(launch.SandboxUnavailable, match="no Deno"):
            await once(sandbox, in_step("return 1"))
        with pytest.raises(DefinitionError) as refused:
            await sandbox.inspect(SHIM, in_step("return 1"))
    problem = refused.value.problems[0]
    assert (problem.code, problem.unsupported) == ("code-unsupported", True)


async def test_a_deno_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(launch, "command", lambda shim: (str(tmp_path / "deno"), "run"))
    async with Sandbox() as sandbox:
        with pytest.raises(launch.SandboxUnavailable):
            await once(sandbox, in_step("return 1"))


@pytest.mark.parametrize("shim", ["none", "boot/../stackshift", "../stackshift", ""])
async def test_an_unknown_shim(sandbox: Sandbox, shim: str) -> None:
    with pytest.raises(launch.SandboxUnavailable):
        await sandbox.run(shim, {}, _nothing, _limits())


async def _nothing(name: str, step: str | None, arguments: dict[str, Any]) -> Any:
    return None


def _limits() -> Any:
    from worker.sandbox.runner import Limits

    return Limits()


async def test_more_calls_than_places(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once, most = 0, 0
    run = Sandboxed.run

    async def counted(self: Sandboxed, *args: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        try:
            return await run(self, *args)
        finally:
            at_once -= 1

    monkeypatch.setattr(Sandboxed, "run", counted)
    async with Sandbox(at_once=2) as sandbox:
        results = await asyncio.gather(*(once(sandbox, in_step(f"return {n}")) for n in range(8)))
    assert [result.value for result in results] == list(range(8))
    assert most == 2


async def test_what_a_source_registers(sandbox: Sandbox) -> None:
    source = "import { StackShift } from '@stackshift-cloud/jobs'\nconst s = new StackShift({ apiKey: 'x' })\n"
    source += "for (const n of ['a', 'b']) s.job(n, async () => 1)\nconsole.log('loaded')"
    assert await sandbox.inspect(SHIM, source) == ["a", "b"]
    assert await sandbox.inspect(SHIM, "") == []


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("const a = 1\nconst b: = 2\n", "(line 2)"),
        ("\n\nnull.x", "(line 3)"),
        ("stackshift.job('a', 5)", "not a function"),
        ("stackshift.job('a', () => 1); stackshift.job('a', () => 1)", "twice"),
        ("stackshift.job(5, () => 1)", "name"),
        ("await fetch('http://a.test/')", "'fetch' cannot be used"),
        ("await stackshift.start('a', {})", "'start' cannot be used"),
        ("import { Nothing } from '@stackshift-cloud/jobs'; new Nothing()", "Nothing"),
        ("import x from 'left-pad'", "left-pad"),
        ("process.exit()", "not a function"),
    ],
)
async def test_what_is_wrong_with_a_source(sandbox: Sandbox, source: str, message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        await sandbox.inspect(SHIM, source)
    problem = refused.value.problems[0]
    assert (problem.code, problem.path, problem.unsupported) == ("code-invalid", "$.source", False)
    assert message in problem.message


async def test_a_source_that_never_ends_to_load(sandbox: Sandbox) -> None:
    with pytest.raises(DefinitionError) as refused:
        await sandbox.inspect(SHIM, "await new Promise(() => {})")
    assert f"{INSPECT_SECONDS:g} s" in refused.value.problems[0].message


async def test_a_source_that_is_too_long(sandbox: Sandbox) -> None:
    with pytest.raises(DefinitionError) as refused:
        await sandbox.inspect(SHIM, "/" * (SOURCE_LIMIT + 1))
    assert refused.value.problems[0].code == "code-too-large"
    assert await sandbox.inspect(SHIM, "//" + "x" * (SOURCE_LIMIT - 2)) == []


async def test_a_large_payload_goes_in_and_out(sandbox: Sandbox) -> None:
    text = "é" * 400_000
    run = Caller(sandbox, handler("return payload"), payload=text)
    assert (await run.call()).value is None, "as JSON it is larger than what is kept"
    run = Caller(sandbox, handler("return payload.length"), payload=text)
    assert (await run.call()).value == 400_000
