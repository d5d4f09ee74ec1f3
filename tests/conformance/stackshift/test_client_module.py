"""Our stand-in for the documented module, used by programs in Node and Deno over real HTTP."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.conformance.processes import SECONDS
from tests.conformance.stack import Stack
from tests.conformance.stackshift.programs import HEAD, IMPORT, MODULE, NAME, TELL, Programs, deno, echo
from tests.conformance.stackshift.samples import ann, job, onboarding, wait
from tests.conformance.stackshift.site import Site
from tests.conformance.stackshift.vendor import Json, Vendor

SEND = """
await stackshift.events.send(
  'email.verified',
  { userId: '123' },
  {
    correlationKey: 'user:123',
    idempotencyKey: 'email.verified:user:123',
  }
)
"""


async def test_the_documented_event_resumes_its_run_once(
    vendor: Vendor, keyed_stack: Stack, site: Site, programs: Programs
) -> None:
    await vendor.register(onboarding(site))
    first = await vendor.start("userOnboarding", ann())
    await vendor.waits(first)
    assert await programs.run(HEAD + SEND, keyed_stack.address, vendor.token) == ""
    assert (await vendor.ended(first))["result"] == {"onboarded": True}
    assert site.asked("unlock-account")[0]["event"]["payload"] == {"userId": "123"}
    # The same program again sends the same event, which no other run gets.
    second = await vendor.start("userOnboarding", ann())
    await vendor.waits(second)
    again = HEAD + SEND.replace("await", "const sent = await") + "console.log(JSON.stringify(sent))"
    assert (await programs.told(again, keyed_stack.address, vendor.token))["duplicate"] is True
    assert (await vendor.run(second))["status"] == "waiting"


CALLS = """
const at = new Date(Date.now() + 86_400_000).toISOString()
const [verify, receipts] = ['sendVerificationEmail', stackshift.queue('emails')]
const once = { idempotencyKey: 'verify:123', idempotencyTtl: '30d' }
await tell(
  () => stackshift.start(verify, { userId: '123' }, { queueName: 'mail', ...once }),
  () => stackshift.start(verify, { userId: '123' }, once),
  () => stackshift.start(verify, { userId: '124' }, { idempotencyKey: 'verify:123' }),
  () => receipts.enqueue('sendReceipt', { orderId: 'ord_1' }, { idempotencyKey: 'receipt:1', maxAttempts: 5 }),
  () => stackshift.queue('billing').enqueue('sendReceipt', { invoiceId: 'i' }, { scheduledAt: at, maxAttempts: 8 }),
  () => stackshift.start('sendReceipt', []),
  () => stackshift.start('nobody', {}),
)
"""


async def test_the_documented_ways_to_start_runs(vendor: Vendor, keyed_stack: Stack, programs: Programs) -> None:
    await echo(vendor, "sendVerificationEmail", "sendReceipt")
    told = await programs.told(HEAD + TELL + CALLS, keyed_stack.address, vendor.token)
    first, again, conflict, receipt, later, bare, unknown = told
    assert (first["ok"]["created"], again["ok"]["created"]) == (True, False)
    assert first["ok"]["id"] == again["ok"]["id"]
    assert (conflict["status"], conflict["code"]) == (409, "conflict")
    assert "another payload" in conflict["message"]
    assert (unknown["status"], unknown["code"]) == (404, "not-found")
    ended = [await vendor.ended(one["ok"]["id"]) for one in (first, receipt, bare)]
    assert [run["result"] for run in ended] == [{"userId": "123"}, {"orderId": "ord_1"}, []]
    assert [run["queue_name"] for run in ended] == ["mail", "emails", None]
    assert (later["ok"]["status"], later["ok"]["queue_name"]) == ("scheduled", "billing")


async def test_a_wrong_key_and_none(keyed_stack: Stack, programs: Programs) -> None:
    text = HEAD + TELL + "await tell(() => stackshift.events.send('e', {}), () => stackshift.start('echo', {}))"
    for key in ("wrong", None):
        told = await programs.told(text, keyed_stack.address, key)
        assert [(one["status"], one["code"]) for one in told] == [(401, "unauthenticated")] * 2


async def test_text_of_every_script_arrives(vendor: Vendor, keyed_stack: Stack, programs: Programs) -> None:
    name, words = "größe 价/格? #1%".replace("/", "-"), 'ünï 价格 \U0001f980 \u2028 " \\ </script>'
    await echo(vendor, name)
    await vendor.register(job("listener", wait("événement 价", "key:${payload}"), returns="${event.payload}"))
    listener = await vendor.start("listener", "é🦀")
    given = json.dumps({"words": words})
    text = f"""await tell(
      () => stackshift.start({json.dumps(name)}, {given}, {{ idempotencyKey: 'clé 🦀' }}),
      () => stackshift.events.send('événement 价', {given}, {{ correlationKey: 'key:é🦀' }}))"""
    run, _ = await programs.told(HEAD + TELL + text, keyed_stack.address, vendor.token)
    assert (await vendor.ended(run["ok"]["id"]))["result"] == {"words": words}
    assert (await vendor.ended(listener))["result"] == {"words": words}


JOBS = (
    "import { StackShift } from '@stackshift-cloud/jobs'\n"
    "export const stackshift = new StackShift({ apiKey: process.env.STACKSHIFT_API_KEY })\n"
    "export const greet = stackshift.job('greet', async ({ payload, step }) =>\n"
    "  await step.run('compose', async () => `Hello ${payload.name}`))\n"
)


async def test_a_module_that_registers_a_job_starts_it_too(
    vendor: Vendor, keyed_stack: Stack, programs: Programs
) -> None:
    await vendor.register({"source": JOBS})
    programs.write("jobs.mjs", JOBS)
    text = (
        "import { greet, stackshift } from './jobs.mjs'\nconst run = await stackshift.start(greet, { name: 'Jane' })\n"
    )
    run = await programs.told(text + "console.log(JSON.stringify(run))", keyed_stack.address, vendor.token)
    assert (await vendor.ended(run["id"]))["result"] == "Hello Jane"


#: Calls, and whether they are taken; in the sandbox and outside of it alike.
TABLE = [
    ("stackshift.start('echo', { a: [1, null, 'x'] }, { queueName: 'q', maxAttempts: 100 })", True),
    ("stackshift.start('echo', 1, null)", True),
    ("stackshift.start({ name: 'echo' }, null, { idempotencyKey: null, idempotencyTtl: '1w' })", True),
    ("stackshift.start('echo', 1, { scheduledAt: new Date(0) })", True),
    ("stackshift.start('echo', 1, { scheduledAt: '2020-01-31T09:30:00+02:00' })", True),
    (
        "stackshift.queue('q').enqueue('echo', 1, { idempotencyKey: 'k', maxAttempts: 1, scheduledAt: '2020-01-31' })",
        True,
    ),
    ("stackshift.events.send('e')", True),
    ("stackshift.events.send('e', { at: new Date(0) }, { correlationKey: 'k', idempotencyKey: null })", True),
    ("stackshift.start('', 1)", False),
    ("stackshift.start('x'.repeat(201), 1)", False),
    ("stackshift.start(5, 1)", False),
    ("stackshift.start('echo', 1, [])", False),
    ("stackshift.start('echo', 1, 'options')", False),
    ("stackshift.start('echo', 1, { idempotency_key: 'k' })", False),
    ("stackshift.start('echo', 1, { correlationKey: 'k' })", False),
    ("stackshift.start('echo', 1, { idempotencyKey: 5 })", False),
    ("stackshift.start('echo', 1, { idempotencyKey: '' })", False),
    ("stackshift.start('echo', 1, { idempotencyKey: 'x'.repeat(1001) })", False),
    ("stackshift.start('echo', 1, { idempotencyTtl: '30 days' })", False),
    ("stackshift.start('echo', 1, { idempotencyTtl: 30 })", False),
    ("stackshift.start('echo', 1, { idempotencyTtl: '36501d' })", False),
    ("stackshift.start('echo', 1, { maxAttempts: 0 })", False),
    ("stackshift.start('echo', 1, { maxAttempts: 101 })", False),
    ("stackshift.start('echo', 1, { maxAttempts: '5' })", False),
    ("stackshift.start('echo', 1, { scheduledAt: 'soon' })", False),
    ("stackshift.start('echo', 1, { scheduledAt: 5 })", False),
    ("stackshift.start('echo', new Map())", False),
    ("stackshift.start('echo', { n: NaN })", False),
    ("stackshift.start('echo', 5n)", False),
    ("stackshift.start('echo', () => 1)", False),
    ("stackshift.start('nobody', 1)", False),
    ("(async () => stackshift.queue(''))()", False),
    ("stackshift.queue('q').enqueue('echo', 1, { queueName: 'r' })", False),
    ("stackshift.events.send('', 1)", False),
    ("stackshift.events.send('e', 1, { timeout: '1s' })", False),
    ("stackshift.events.send('e', 1, { correlationKey: 5 })", False),
    ("stackshift.events.send('e', new Set())", False),
    ("(async () => stackshift.job('', async () => 1))()", False),
    ("(async () => stackshift.job('a', 'no function'))()", False),
]


async def test_the_sandbox_and_the_module_take_the_same(vendor: Vendor, keyed_stack: Stack, programs: Programs) -> None:
    await echo(vendor, "echo")
    calls = ",\n".join(f"() => {text}" for text, _ in TABLE)
    told = TELL.replace("console.log(JSON.stringify(found))", "return found").replace("StackShiftError", "Error")
    source = (
        f"{told}\nstackshift.job('table', async ({{ step }}) => await step.run('all', async () => await tell({calls})))"
    )
    await vendor.register({"source": source})
    inside = (await vendor.ended(await vendor.start("table")))["result"]
    outside = await programs.told(f"{HEAD}{TELL}await tell({calls})", keyed_stack.address, vendor.token)
    for (text, taken), there, here in zip(TABLE, inside, outside, strict=True):
        assert ("ok" in there, "ok" in here) == (taken, taken), (text, there, here)
        if not taken and here.get("type") == "TypeError":
            assert here["message"] == there["message"], text


TYPED = """
import { StackShift, StackShiftError, type Run } from '@stackshift-cloud/jobs'
import standin from '@stackshift-cloud/jobs'

const key: string | undefined = undefined
const stackshift = new StackShift({ apiKey: key })
stackshift.job<{ userId: string }>('userOnboarding', async ({ payload, step, state }) => {
  const user: { id: string } = await step.run('create-user', async () => ({ id: payload.userId }))
  const event = await step.waitForEvent<{ userId: string }>('email.verified', {
    correlationKey: `user:${user.id}`, timeout: '24h', onTimeout: 'fail',
  })
  const count: number = await state.increment('verified')
  await state.set('last', event.payload.userId, { expiresAt: new Date() })
  return { onboarded: true, count }
})
const run: Run = await stackshift.start('a', {}, { queueName: 'q', idempotencyKey: 'k', idempotencyTtl: '30d' })
await stackshift.queue('q').enqueue(run.job, {}, { maxAttempts: 5, scheduledAt: new Date().toISOString() })
await stackshift.events.send('e', { a: 1 }, { correlationKey: 'k', idempotencyKey: 'k' })
const status: number | null = new StackShiftError('m').status
new standin({ baseUrl: `http://127.0.0.1:${status}` })
// @ts-expect-error: a misspelt option
await stackshift.start('a', {}, { idempotency_key: 'k' })
// @ts-expect-error: a key that is no text
await stackshift.events.send('e', {}, { correlationKey: 5 })
// @ts-expect-error: no such way to end a wait
stackshift.job('b', async ({ step }) => await step.waitForEvent('e', { onTimeout: 'retry' }))
"""


async def test_the_documented_calls_have_types(tmp_path: Path) -> None:
    programs = Programs("deno", tmp_path)
    program = programs.write("typed.ts", TYPED)
    map_of = next(part for part in programs.command(program) if part.startswith("--import-map"))
    process = await asyncio.create_subprocess_exec(
        deno(), "check", "--quiet", "--no-remote", "--no-npm", "--no-config", "--no-lock", map_of, program,
        cwd=tmp_path, env={"DENO_DIR": str(tmp_path / "deno"), "NO_COLOR": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, out.decode()


BAD_SETTINGS = [
    "{ apiKey: 'a b' }",
    "{ apiKey: 5 }",
    "{ baseUrl: 'ftp://x' }",
    "{ baseUrl: 'x' }",
    "{ baseUrl: 'http://a:b@x' }",
    "{ baseURL: 'http://x' }",
    "{ retries: -1 }",
    "{ timeoutMs: 0.5 }",
    "'key'",
]


async def test_bad_settings_are_refused(programs: Programs) -> None:
    calls = ", ".join(f"async () => new StackShift({text})" for text in BAD_SETTINGS)
    told = await programs.told(f"{IMPORT}{TELL}await tell({calls})", "http://127.0.0.1:1", None)
    assert [one.get("type") for one in told] == ["TypeError"] * len(BAD_SETTINGS)
    assert not any("a b" in one["message"] for one in told), "a key is not shown"


def test_the_package_says_what_it_is() -> None:
    package: Json = json.loads((MODULE / "package.json").read_text())
    assert (package["name"], package["private"], package["license"]) == (NAME, True, "Apache-2.0")
    assert not {"dependencies", "devDependencies", "scripts"} & set(package)
    assert {path.name for path in MODULE.iterdir() if path.is_file()} == {*package["files"], "package.json"}
    assert "not that\nmodule" in (MODULE / "README.md").read_text()
