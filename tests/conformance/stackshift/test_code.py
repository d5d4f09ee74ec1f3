"""The documented examples as code: handlers run as written, against the shim of the documented module."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.conformance.stackshift.samples import ann, job
from tests.conformance.stackshift.site import DOWN, Site
from tests.conformance.stackshift.vendor import Json, Vendor, refused, steps
from tests.running import eventually
from tests.worker.activities.local_server import page

HEAD = """import { StackShift } from '@stackshift-cloud/jobs'

const stackshift = new StackShift({ apiKey: process.env.STACKSHIFT_API_KEY })

async function call(path: string, body: unknown): Promise<any> {
  const response = await fetch('SITE/' + path, { method: 'POST', body: JSON.stringify(body ?? {}) })
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return await response.json()
}
"""

ONBOARDING = """
stackshift.job<{ userId: string; email: string }>('userOnboarding', async ({ payload, step }) => {
  const user = await step.run('create-user', async () => call('create-user', payload))
  await step.run('send-verification-email', async () => call('send-verification-email', { to: payload.email }))
  const event = await step.waitForEvent<{ userId: string }>('email.verified', {
    correlationKey: `user:${payload.userId}`,
    timeout: '24h',
    onTimeout: 'fail',
  })
  await step.run('unlock-account', async () => call('unlock-account', { user, event }))
  return { onboarded: true }
})
"""


def code(site: Site, text: str, **more: Any) -> Json:
    return {"source": HEAD.replace("SITE/", site.url("/")) + text, **more}


@pytest.fixture
def open_site(site: Site) -> Site:
    """A site of which every path that is named here answers."""
    for name in ("create-user", "send-verification-email", "unlock-account", "verify-payment", "enable-plan",
                 "provision-customer-resources", "send-receipt", "charge-card", "provision-plan", "load-order",
                 "send-receipt-email", "mark-complete"):  # fmt: skip
        site.on(name, page({"done": name}))
    return site


async def test_s1_onboarding(vendor: Vendor, open_site: Site) -> None:
    assert await vendor.register(code(open_site, ONBOARDING)) == {"name": "userOnboarding", "version": 1}
    run_id = await vendor.start("userOnboarding", ann())
    await vendor.waits(run_id, "email.verified")
    await vendor.event("email.verified", {"userId": "123"}, "user:123", idempotency_key="email.verified:user:123")
    run = await vendor.ended(run_id)
    assert run["result"] == {"onboarded": True}
    assert steps(run)[:2] == ["create-user", "send-verification-email"]
    assert steps(run)[-1] == "unlock-account"
    assert open_site.calls() == {"create-user": 1, "send-verification-email": 1, "unlock-account": 1}
    asked = open_site.asked("unlock-account")[0]
    assert asked["user"] == {"done": "create-user"}
    assert (asked["event"]["payload"], asked["event"]["timedOut"]) == ({"userId": "123"}, False)


async def test_s2_the_event_comes_first(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(code(open_site, ONBOARDING))
    await vendor.event("email.verified", {"userId": "123"}, "user:123")
    assert (await vendor.ended(await vendor.start("userOnboarding", ann())))["result"] == {"onboarded": True}


async def test_s3_only_the_run_of_the_key_resumes(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(code(open_site, ONBOARDING))
    first, second = await vendor.start("userOnboarding", ann("1")), await vendor.start("userOnboarding", ann("2"))
    await vendor.waits(first)
    await vendor.waits(second)
    assert (await vendor.event("email.verified", {}, "user:2", wait=True))["runs"] == [second]
    await vendor.ended(second)
    assert (await vendor.run(first))["status"] == "waiting"


@pytest.mark.parametrize(("word", "status"), [("fail", "failed"), ("continue", "completed"), ("cancel", "cancelled")])
async def test_s4_a_timeout(vendor: Vendor, open_site: Site, word: str, status: str) -> None:
    text = ONBOARDING.replace("'24h'", "'1s'").replace("'fail'", f"'{word}'")
    await vendor.register(code(open_site, text))
    run = await vendor.ended(await vendor.start("userOnboarding", ann()), status)
    assert run["attempts"] == 1
    seen = [asked["event"] for asked in open_site.asked("unlock-account")]
    late = {"timedOut": True, "payload": None, "event": "email.verified", "correlationKey": "user:123"}
    assert seen == ([late] if word == "continue" else [])


async def test_s8_a_receipt(vendor: Vendor, open_site: Site) -> None:
    open_site.on("send-receipt-email", DOWN, DOWN, page({}))
    await vendor.register(
        code(
            open_site,
            """
stackshift.job('sendReceipt', async ({ payload, step }) => {
  const order = await step.run('load-order', async () => call('load-order', { id: payload.orderId }))
  await step.run('send-receipt-email', async () => call('send-receipt-email', order))
  return { sent: true }
})
""",
        )
    )
    run = await vendor.ended(await vendor.start("sendReceipt", {"orderId": "ord_1"}, max_attempts=5))
    assert (run["result"], run["attempts"]) == ({"sent": True}, 3)
    assert open_site.calls() == {"load-order": 1, "send-receipt-email": 3}


PROVISION = """
stackshift.job('provisionAfterPayment', async ({ payload, step }) => {
  const payment = await step.run('verify-payment', async () => call('verify-payment', payload))
  if (payment.status !== 'paid') throw new Error('Payment is not complete')
  await step.run('provision-customer-resources', async () => call('provision-customer-resources', payload))
  await step.run('enable-plan', async () => call('enable-plan', payload))
  await step.run('send-receipt', async () => call('send-receipt', payload))
  return { provisioned: true }
})
"""


async def test_s10_paid(vendor: Vendor, open_site: Site) -> None:
    open_site.on("verify-payment", page({"status": "paid"}))
    await vendor.register(code(open_site, PROVISION))
    run = await vendor.ended(await vendor.start("provisionAfterPayment", {"paymentId": "p1"}, max_attempts=6))
    assert run["result"] == {"provisioned": True}
    assert open_site.calls() == dict.fromkeys(
        ("verify-payment", "provision-customer-resources", "enable-plan", "send-receipt"), 1
    )


async def test_s10_unpaid(vendor: Vendor, open_site: Site) -> None:
    open_site.on("verify-payment", page({"status": "open"}))
    await vendor.register(code(open_site, PROVISION))
    run = await vendor.ended(await vendor.start("provisionAfterPayment", {"paymentId": "p1"}, max_attempts=2), "failed")
    assert "Payment is not complete" in run["error"]
    assert (run["attempts"], run["dead_lettered"]) == (2, True)
    assert open_site.calls() == {"verify-payment": 1}, "a completed step stays so, though its run is tried again"
    assert [one["type"] for one in run["timeline"]].count("attempt.failed") == 2


async def test_s11_a_counter_of_rows(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(
        code(
            open_site,
            """
stackshift.job('processUpload', async ({ payload, step, state }) => {
  const file = await step.run('download-file', async () => 'a,b,c,d,e,f,g')
  const rows = await step.run('parse-file', async () => file.split(','))
  for (let at = 0; at < rows.length; at += 3) {
    await state.increment(`rows:${payload.fileId}`, rows.slice(at, at + 3).length)
  }
  const counted = await state.get(`rows:${payload.fileId}`)
  await step.run('mark-complete', async () => call('mark-complete', { rows: counted }))
  return { rows: rows.length }
})
""",
        )
    )
    run = await vendor.ended(await vendor.start("processUpload", {"fileId": "f1"}))
    assert run["result"] == {"rows": 7}
    assert open_site.asked("mark-complete") == [{"rows": 7}]


async def test_s12_state(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(
        code(
            open_site,
            """
stackshift.job('state', async ({ step, state }) => {
  return await step.run('all', async () => {
    await state.set('token', { a: 1 }, { expiresAt: new Date(Date.now() + 1000) })
    const before = await state.get('token')
    await new Promise((done) => setTimeout(done, 1500))
    const after = await state.get('token')
    await state.set('plan', 'pro')
    await state.delete('plan')
    const counts = [await state.increment('n'), await state.increment('n', 5)]
    return { before, after: after ?? null, deleted: (await state.get('plan')) ?? null, counts }
  })
})
""",
        )
    )
    run = await vendor.ended(await vendor.start("state"))
    assert run["result"] == {"before": {"a": 1}, "after": None, "deleted": None, "counts": [1, 6]}


async def test_s15_a_retry_by_hand_repeats_nothing(vendor: Vendor, open_site: Site) -> None:
    open_site.on("provision-plan", DOWN, page({}))
    source = """
stackshift.job('subscribe', async ({ step }) => {
  const charge = await step.run('charge-card', async () => call('charge-card', {}))
  await step.run('provision-plan', async () => call('provision-plan', charge))
  return charge
})
"""
    await vendor.register(code(open_site, source, maxAttempts=1))
    run_id = await vendor.start("subscribe")
    await vendor.ended(run_id, "failed")
    await vendor.ok("POST", f"/runs/{run_id}/retry")
    assert (await vendor.ended(run_id))["result"] == {"done": "charge-card"}
    assert open_site.calls() == {"charge-card": 1, "provision-plan": 2}


STARTER = """
stackshift.job('starter', async ({ payload, step }) => {
  const ids = []
  for (const key of [1, 2]) {
    ids.push(await step.run(`start-${key}`, async () => {
      const run = await stackshift.queue('emails').enqueue('echo', { n: 1 }, { idempotencyKey: 'k', maxAttempts: 2 })
      return run.id
    }))
  }
  await step.run('tell', async () => {
    await stackshift.events.send(
      'told', { ids }, { correlationKey: payload.key, idempotencyKey: 'told:' + payload.key },
    )
  })
  return ids
})
"""


async def test_a_handler_starts_runs_and_sends_events(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(job("echo", {"state": {"get": "k"}, "as": "k"}, returns="${payload}"))
    told = {"waitForEvent": "told", "as": "event", "correlationKey": "x"}
    await vendor.register(job("listener", told, returns="${event.payload}"))
    await vendor.register(code(open_site, STARTER))
    listener = await vendor.start("listener")
    run = await vendor.ended(await vendor.start("starter", {"key": "x"}))
    first, second = run["result"]
    assert first == second
    started = await vendor.ended(first)
    assert (started["result"], started["queue_name"]) == ({"n": 1}, "emails")
    assert (await vendor.ended(listener))["result"] == {"ids": [first, second]}


async def test_logs_are_in_the_timeline(vendor: Vendor, open_site: Site) -> None:
    text = """stackshift.job('talk', async ({ step }) => {
      await step.run('a', () => console.log('in a', { n: 1 }))
      console.warn('before the end')
      if (await step.run('odd', () => 1)) throw new Error('odd')
    })"""
    await vendor.register(code(open_site, text, maxAttempts=1))
    run = await vendor.ended(await vendor.start("talk"), "failed")
    logs = [(item["type"], item.get("logs")) for item in run["timeline"] if item.get("logs")]
    assert logs == [
        ("step.completed", ["in a { n: 1 }"]),
        ("step.completed", ["warn: before the end"]),
        ("attempt.failed", ["warn: before the end"]),
    ]
    await vendor.register(code(open_site, "stackshift.job('talk', async () => console.log('done'))"))
    run = await vendor.ended(await vendor.start("talk"))
    assert [(item["type"], item["logs"]) for item in run["timeline"] if "logs" in item] == [("job.logged", ["done"])]


async def test_a_handler_sees_what_a_client_sees(vendor: Vendor, open_site: Site) -> None:
    text = """stackshift.job('asks', async () => {
      const run = await stackshift.start('echo', { n: 1 }, { idempotencyKey: 'k', scheduledAt: '2999-01-01T00:00:00Z' })
      const other = await stackshift.start('echo', { n: 1 })
      try { await stackshift.start('echo', { n: 2 }, { idempotencyKey: 'k' }) }
      catch (error) { return [run.status, run.created, other.status, other.job, error.code] }
    })"""
    await vendor.register(job("echo", {"state": {"get": "k"}, "as": "k"}, returns=1))
    await vendor.register(code(open_site, text))
    found = (await vendor.ended(await vendor.start("asks")))["result"]
    assert found == ["scheduled", True, "queued", "echo", "conflict"]


async def test_a_scheduled_handler(vendor: Vendor, open_site: Site) -> None:
    await vendor.register(code(open_site, "stackshift.job('later', async () => 'now')"))
    at = datetime.now(timezone.utc) + timedelta(seconds=2)
    run_id = await vendor.start("later", scheduled_at=at.isoformat())
    assert (await vendor.run(run_id))["status"] == "scheduled"
    assert (await vendor.ended(run_id))["result"] == "now"


async def test_the_same_source_is_the_same_version(vendor: Vendor, open_site: Site) -> None:
    body = code(open_site, ONBOARDING)
    await vendor.register(body)
    assert await vendor.register(body, 200) == {"name": "userOnboarding", "version": 1}
    shown = await vendor.ok("GET", "/jobs/userOnboarding")
    assert shown["source"] == body["source"]


@pytest.mark.parametrize(
    ("text", "code_of"),
    [
        ("export const nothing = 1", "source-job-missing"),
        ("stackshift.job('a', async () => 1); stackshift.job('b', async () => 2)", "source-jobs-many"),
        ("stackshift.job('a', async () => {", "code-invalid"),
        ("throw new Error('at once')", "code-invalid"),
    ],
)
async def test_a_bad_source_is_refused(vendor: Vendor, open_site: Site, text: str, code_of: str) -> None:
    body = code(open_site, text)
    for path in ("/jobs", "/jobs?dryRun=true"):
        details = refused(await vendor.send("POST", path, body), 422, "definition-invalid")["error"]["details"]
        assert [one["code"] for one in details] == [code_of], json.dumps(details)


async def test_one_of_several_jobs_is_chosen_by_name(vendor: Vendor, open_site: Site) -> None:
    text = "for (const name of ['a', 'b']) stackshift.job(name, async () => name)"
    for name in ("a", "b"):
        assert await vendor.register({**code(open_site, text), "name": name}) == {"name": name, "version": 1}
    runs = await asyncio.gather(*(vendor.start(name) for name in ("a", "b")))
    assert [(await vendor.ended(run_id))["result"] for run_id in runs] == ["a", "b"]


async def test_a_key_that_is_no_string_fails_at_once(vendor: Vendor, open_site: Site) -> None:
    text = "stackshift.job('bad', async ({ step }) => step.waitForEvent('paid', { correlationKey: 123 as any }))"
    await vendor.register(code(open_site, text))
    run = await vendor.ended(await vendor.start("bad"), "failed")
    assert "correlationKey" in run["error"]
    assert run["attempts"] == 1
    await eventually(lambda: vendor.runs(status="failed"), lambda rows: len(rows) == 1)
