"""What hostile code tries: each attempt ends as a clear error of its own step, and the next call is served as ever."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from tests.worker.sandbox.calls import SHIMS, handler, in_step, once
from worker.sandbox.runner import Limits, Sandbox

SECRET = "the-secret-of-this-test"
both = pytest.mark.parametrize("shim", SHIMS)


@pytest.fixture
def local_file(tmp_path: Path) -> Path:
    path = tmp_path / "local.json"
    path.write_text(json.dumps({"secret": SECRET}))
    (tmp_path / "local.js").write_text(f"export default {SECRET!r}")
    return path


READERS = {
    "static import": "import found from 'FILE' with { type: 'json' };\n" + handler("return found"),
    "static import of text": "import found from 'FILE' with { type: 'text' };\n" + handler("return found"),
    "static import of code": "import found from 'FOLDER/local.js';\n" + handler("return found"),
    "dynamic import": in_step("return (await import('FILE', { with: { type: 'json' } })).default"),
    "dynamic import of text": in_step("return (await import('FILE', { with: { type: 'text' } })).default"),
    "computed import": in_step(
        "const name = ['FILE'][0]; return (await import(name, { with: { type: 'json' } })).default"
    ),
    "import inside a module of its own": in_step(
        "const text = `import found from 'FILE' with { type: 'json' }; export default found`;"
        "return (await import('data:text/javascript,' + encodeURIComponent(text))).default"
    ),
    "import inside a blob": in_step(
        "const text = `import found from 'FILE' with { type: 'json' }; export default found`;"
        "return (await import(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })))).default"
    ),
    "node:fs": in_step("return (await import('node:fs')).readFileSync('PATH', 'utf8')"),
    "node:fs/promises": in_step("return await (await import('node:fs/promises')).readFile('PATH', 'utf8')"),
    "require": in_step("return (await import('node:module')).createRequire('file:///')('PATH')"),
    "node:sqlite": in_step("const { DatabaseSync } = await import('node:sqlite'); new DatabaseSync('PATH'); return 1"),
}


@both
@pytest.mark.parametrize("source", READERS.values(), ids=READERS)
async def test_no_file_is_read(sandbox: Sandbox, local_file: Path, source: str, shim: str) -> None:
    folder = local_file.parent.as_uri()
    source = source.replace("FILE", local_file.as_uri()).replace("FOLDER", folder).replace("PATH", str(local_file))
    result = await once(sandbox, source, shim=shim)
    assert result.kind == "threw" and result.error
    assert SECRET not in repr(result)


FORBIDDEN = {
    "a remote module": "import 'https://deno.land/std/version.ts';\n" + handler("return 1"),
    "a remote module, dynamically": in_step("return await import('https://' + 'deno.land/std/version.ts')"),
    "an npm module": in_step("return await import('npm:' + 'lodash')"),
    "a jsr module": in_step("return await import('jsr:' + '@std/path')"),
    "the environment": in_step("return (await import('node:process')).default.env.PATH.length"),
    "a subprocess": in_step("return (await import('node:child_process')).execSync('id').toString()"),
    "Deno itself": in_step("return new Deno.Command('id').outputSync()"),
    "a foreign library": in_step("return Deno.dlopen('libc.so.6', {})"),
    "a socket": in_step(
        "const net = await import('node:net');"
        "return await new Promise((yes, no) => net.connect(80, '1.1.1.1').on('connect', yes).on('error', no))"
    ),
    "a websocket": in_step("new WebSocket('ws://127.0.0.1:1')"),
    "a name server": in_step("return await (await import('node:dns/promises')).lookup('example.com')"),
    "another process": in_step(f"return (await import('node:process')).default.kill({os.getpid()}, 0)"),
    "its own group": in_step("const p = (await import('node:process')).default; return p.kill(0, 0)"),
    "the host's name": in_step("return (await import('node:os')).hostname()"),
    "storage": in_step("localStorage.setItem('a', 'b')"),
    "a cache": in_step("return await caches.open('a')"),
}


@both
@pytest.mark.parametrize("source", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_nothing_outside_is_reached(sandbox: Sandbox, source: str, shim: str) -> None:
    result = await once(sandbox, source, shim=shim)
    assert result.kind == "threw" and result.error, result


async def test_the_environment_is_the_shims(sandbox: Sandbox) -> None:
    result = await once(sandbox, in_step("return [Object.keys(process.env), process.env.PATH ?? null]"))
    assert result.value == [["STACKSHIFT_API_KEY"], None]


GREEDY = {
    "an endless loop": (in_step("for (;;) {}"), "code-timeout"),
    "an endless loop outside": ("for (;;) {}", "code-timeout"),
    "a promise that never settles": (in_step("await new Promise(() => {})"), "code-timeout"),
    "a backtracking pattern": (in_step("return /^(a+)+$/.test('a'.repeat(40) + 'b')"), "code-timeout"),
    "timers that multiply": (
        in_step("const more = () => { setTimeout(more); setTimeout(more) }; more(); await new Promise(() => {})"),
        "code-timeout or code-memory",
    ),
    "buffers of 2 GB": (
        in_step("const all = []; for (let i = 0; i < 20; i++) all.push(new Uint8Array(1e8).fill(1)); return 1"),
        "code-memory",
    ),
    "strings of 2 GB": (
        in_step("const all = []; for (let i = 0; i < 2e6; i++) all.push(('x' + i).repeat(500)); return all.join()"),
        "code-memory",
    ),
    "objects without end": (in_step("const all = []; for (;;) all.push({ x: [1, 2, 3] })"), "code-memory"),
    "logs of 50 MB": (in_step("for (let i = 0; i < 50; i++) console.log('x'.repeat(1e6))"), "code-output"),
    "output of 50 MB": (
        in_step("const fs = await import('node:fs'); for (let i = 0; i < 50; i++) fs.writeSync(1, 'x'.repeat(1e6))"),
        "code-output",
    ),
    "errors of 50 MB": (
        in_step("const fs = await import('node:fs'); for (let i = 0; i < 50; i++) fs.writeSync(2, 'x'.repeat(1e6))"),
        "code-output",
    ),
    "a result of 50 MB": (in_step("return 'x'.repeat(5e7)"), "code-output"),
    "a result of 5 MB": (in_step("return 'x'.repeat(5e6)"), "result-too-large"),
}


@both
@pytest.mark.parametrize(("source", "code"), GREEDY.values(), ids=GREEDY)
async def test_what_takes_too_much_is_ended(sandbox: Sandbox, source: str, code: str, shim: str) -> None:
    # Generous for what must be found out by its size, since a busy machine is slow at filling memory.
    result = await once(sandbox, source, seconds=2.0 if "code-timeout" in code else 40.0, shim=shim)
    # V8 may notice its own limit, and say so in its way, before the watchdog looks.
    assert result.kind == "threw" and result.code in code.split(" or "), result
    assert result.error


@both
@pytest.mark.parametrize(
    "source",
    [
        in_step("const a = new ArrayBuffer(2e9); new Uint8Array(a).fill(1); return a.byteLength"),
        in_step("const m = new WebAssembly.Memory({ initial: 30000 }); new Uint8Array(m.buffer).fill(1); return 1"),
        in_step("const b = new SharedArrayBuffer(2e9); new Uint8Array(b).fill(1); return 1"),
    ],
)
async def test_one_allocation_of_2_gb_is_refused(sandbox: Sandbox, source: str, shim: str) -> None:
    result = await once(sandbox, source, shim=shim)
    assert result.kind == "threw"
    assert result.code == "code-memory" or "llocat" in (result.error or "")


ENDERS = {
    "kill": in_step("const p = (await import('node:process')).default; p.kill(p.pid, 'SIGKILL')"),
    "exit": in_step("(await import('node:process')).default.exit(0)"),
    "abort": in_step("(await import('node:process')).default.abort()"),
    "Deno.exit": in_step("Deno.exit(0)"),
    "closing stdin": in_step("(await import('node:fs')).closeSync(0); await fetch('http://a.test/')"),
    "closing stdout": in_step("(await import('node:fs')).closeSync(1)"),
    "reading stdin": in_step(
        "const fs = await import('node:fs'); fetch('http://a.test/'); fs.readSync(0, new Uint8Array(9)); for (;;) {}"
    ),
    "threads": in_step(
        "const { Worker } = await import('node:worker_threads');"
        "for (let i = 0; i < 50; i++) new Worker('for (;;) {}', { eval: true });"
        "await new Promise(() => {})"
    ),
    "an exception later": handler("setTimeout(() => { throw new Error('later') }); await new Promise(() => {})"),
    "a rejection that nobody handles": handler("Promise.reject(new Error('lost')); await new Promise(() => {})"),
    "recursion without end": in_step("const f = () => f() + 1; return f()"),
}


@both
@pytest.mark.parametrize("source", ENDERS.values(), ids=ENDERS)
async def test_whoever_breaks_the_process_breaks_its_own_call(sandbox: Sandbox, source: str, shim: str) -> None:
    result = await once(sandbox, source, seconds=2.0, shim=shim)
    assert result.kind == "threw" and result.error, result
    assert (await once(sandbox, in_step("return 7"), shim=shim)).value == 7


FORGED = '{"kind":"end","result":{"kind":"return","id":null,"error":null,"code":null,"value":666,"wait":null}}'


@pytest.mark.parametrize("nonce", ["", "0123456789abcdef0123456789abcdef ", " "])
async def test_a_forged_frame_is_a_log_line(sandbox: Sandbox, nonce: str) -> None:
    frame = json.dumps(f"\n{nonce}{FORGED}\n")
    source = in_step(f"(await import('node:fs')).writeSync(1, {frame}); console.log({frame}); return 'true'")
    result = await once(sandbox, source)
    assert (result.kind, result.value) == ("step", "true")
    assert any("666" in line for line in result.logs)


TRICKS = {
    "toJSON": ("Object.prototype.toJSON = () => 'mine'", "mine"),
    "members of every object": ("Object.prototype.kind = 'return'; Object.prototype.value = '1'", {"a": 1}),
    "JSON": ("JSON.stringify = () => '666'; JSON.parse = () => ({})", {"a": 1}),
    "promises": ("Promise.prototype.then = () => {}; globalThis.Promise = class {}", {"a": 1}),
    "arrays": ("Array.prototype[Symbol.iterator] = function* () {}; Array.prototype.push = () => 0", {"a": 1}),
    "texts": ("String.prototype.indexOf = () => 0; String.prototype.slice = () => ''", {"a": 1}),
    "functions": ("Function.prototype.call = () => 1; Function.prototype.bind = () => 1", {"a": 1}),
    "bytes": ("Uint8Array.prototype.subarray = () => new Uint8Array(0); globalThis.TextEncoder = null", {"a": 1}),
    "setters": ("Object.defineProperty(Object.prototype, 'id', { set() { throw 1 }, get: () => 'x' })", {"a": 1}),
    "the api": (
        "'use strict'; for (const trick of [() => { step.run = 1 }, () => { stackshift.events.send = 1 },"
        "() => { Object.getPrototypeOf(stackshift).start = 1 }, () => { StackShift.prototype.job = 1 }]) {"
        "let held = false; try { trick() } catch { held = true } if (!held) throw new Error('changed') }",
        {"a": 1},
    ),
    "the module": ("(await import('@stackshift-cloud/jobs')).install({})", None),
}


@pytest.mark.parametrize(("trick", "value"), TRICKS.values(), ids=TRICKS)
async def test_tricks_change_no_more_than_the_codes_own_result(sandbox: Sandbox, trick: str, value: object) -> None:
    result = await once(sandbox, in_step(f"{trick}; return {{ a: 1 }}"))
    if value is None:
        assert result.kind == "threw"
    else:
        assert (result.kind, result.id, result.value) == ("step", "s", value)
    assert (await once(sandbox, in_step("return { a: 1 }"))).value == {"a": 1}


async def test_the_same_tricks_before_the_handler(sandbox: Sandbox) -> None:
    # Without the one that spoils the next trick's own property descriptor.
    apart = ("the api", "members of every object")
    tricks = ";".join(trick for name, (trick, value) in TRICKS.items() if value == {"a": 1} and name not in apart)
    result = await once(sandbox, f"{tricks};\n" + in_step("return { a: 1 }"))
    assert (result.kind, result.value) == ("step", {"a": 1})


async def test_nothing_is_left_of_a_call(sandbox: Sandbox) -> None:
    await once(sandbox, "globalThis.left = 1;\n" + in_step("globalThis.left = 2; return 1"))
    assert (await once(sandbox, in_step("return globalThis.left ?? null"))).value is None


async def test_hostile_calls_do_not_disturb_their_neighbours(sandbox: Sandbox) -> None:
    hostile = [once(sandbox, source, seconds=5.0) for source, _ in list(GREEDY.values())[:6]]
    good = [once(sandbox, in_step(f"return {number}")) for number in range(6)]
    results = await asyncio.gather(*hostile, *good)
    assert [result.kind for result in results[:6]] == ["threw"] * 6
    assert [result.value for result in results[6:]] == list(range(6))


async def test_this_process_has_not_grown(sandbox: Sandbox) -> None:
    """What the code wrote was never held here: the worker's memory is bounded as well."""
    from worker.sandbox.launch import resident_bytes

    await once(sandbox, GREEDY["output of 50 MB"][0])
    before = resident_bytes(os.getpid())
    for name in ("output of 50 MB", "errors of 50 MB", "logs of 50 MB", "a result of 50 MB"):
        await once(sandbox, GREEDY[name][0])
    assert resident_bytes(os.getpid()) - before < 60_000_000


async def test_limits_are_the_callers(sandbox: Sandbox) -> None:
    from tests.worker.sandbox.calls import Caller

    big = Caller(sandbox, in_step("const a = new Uint8Array(1.5e8).fill(1); return a.length"))
    assert (await big.outcome(Limits(20, 150_000_000))).code == "code-memory"
    outcome = await big.outcome(Limits(20, 400_000_000))
    assert outcome.result is not None and outcome.result["value"] == 150_000_000
