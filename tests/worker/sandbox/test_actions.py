"""Workflow classes as they are written: methods, links, later actions, hooks, logs, secrets, answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from zlib import crc32

import pytest
from temporalio.exceptions import ApplicationError

from definitions.contract import Plan
from definitions.errors import TokenExpired, Unavailable
from tests.worker.activities.local_server import LocalServer, page
from tests.worker.sandbox.actions import ASKED_AT, PUBLIC_URL, Actions, body_of, class_call, read, starting
from worker.sandbox.runner import Sandbox

APPROVAL = """
export class Workflow {
  async start(data, headers, api) {
    // Pause this branch and get a resume URL
    const { resumeUrl } = await api.waitForEvent({
      action: 'onApproved',
      payload: { orderId: data.id },
      timeout: 86400,  // 24 hours
    });

    // Send the URL to someone who needs to act
    const { token } = await api.getOAuthToken('my-slack');
    await fetch('https://slack.com/api/chat.postMessage', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Authorization': `Bearer ${token}` },
      body: JSON.stringify({
        channel: '#approvals',
        text: `Order ${data.id} needs approval. <${resumeUrl}|Approve>`,
      }),
    });
    // start() returns here. The run stays open and waits for the resume URL to be called.
  }

  async onApproved(data, headers, api) {
    console.log('Order approved:', data.orderId);
  }
}
"""


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.on("/", page({"hello": "world"}))
        server.on("/api/chat.postMessage", page({"ok": True}))
        yield server


@pytest.fixture
def actions(sandbox: Sandbox) -> Actions:
    return Actions(sandbox)


async def test_the_documented_approval(sandbox: Sandbox, web: LocalServer) -> None:
    actions = Actions(sandbox, private=False, rewrite=[("https://slack.com", web.url("").rstrip("/"))])
    result = await actions.run(APPROVAL, data={"id": 17})
    assert (result.error, result.value) == (None, None)
    [sent] = web.received
    assert (sent.headers["host"], sent.headers["authorization"]) == ("slack.com", "Bearer xoxb-of-slack")
    assert sent.headers["idempotency-key"] == "run-1/w/start/1/1"
    url = sent.json()["text"].partition("<")[2].partition("|")[0]
    assert url.startswith(f"{PUBLIC_URL}/resume/") and "?" not in url
    link = read(url.removeprefix(f"{PUBLIC_URL}/resume/"))
    assert (link.workflow_id, link.wait, link.confirm, link.redirect) == ("wf-1", "w#1.1", False, None)
    [plan] = result.plans
    assert (plan.kind, plan.number, plan.action, plan.payload) == ("link", 1, "onApproved", {"orderId": 17})
    assert plan.seconds == 86_400 and str(plan.expires_at).startswith("2031-01-02T00:00:")
    resumed = await actions.run(APPROVAL, "onApproved", data={"orderId": 17, "event": None})
    assert resumed.logs == ["Order approved: 17"]


async def test_a_repetition_makes_the_same_links(actions: Actions) -> None:
    body = """
      const first = await api.waitForEvent({ action: 'next', payload: {}, timeout: 60 })
      const redirect_url = 'https://a.test/x'
      const second = await api.waitForEvent({ action: 'next', payload: {}, get: 'confirm', redirect_url })
      return [first, second]
    """
    once, again = await actions.start(body), await actions.start(body, started=90.0)
    assert once.value == again.value
    first, second = (read(one["token"]) for one in once.value)
    assert (first.wait, second.wait) == ("w#1.1", "w#1.2")
    assert (second.confirm, second.redirect) == (True, "https://a.test/x")
    with pytest.raises(TokenExpired):
        read(once.value[0]["token"], ASKED_AT + timedelta(hours=1))


async def test_later_actions(actions: Actions) -> None:
    body = """
      for (const [delay, n] of [[10, 1], ['10 min', 2], ['400 days', 3]]) {
        await api.scheduleNextStep({ delay, action: 'next', payload: { n } })
      }
      await api.scheduleNextStep({ delay: 10, action: 'next' })
    """
    result = await actions.start(body)
    seconds = [10.0, 600.0, 34_560_000.0, 10.0]
    payloads: list[Any] = [{"n": 1}, {"n": 2}, {"n": 3}, {}]
    wanted = [Plan("later", n, "next", payloads[n - 1], seconds[n - 1]) for n in range(1, 5)]
    assert result.plans == wanted, result


async def test_what_is_not_awaited_counts_too(actions: Actions) -> None:
    body = "for (let n = 0; n < 30; n++) { api.scheduleNextStep({ delay: 10, action: 'next', payload: { n } }) }"
    body += "api.runStore.push('a', 1); return 1"
    result = await actions.start(body)
    assert [(one.number, one.payload["n"]) for one in result.plans] == [(n + 1, n) for n in range(30)]
    assert [one.key for one in actions.services.changes] == ["a"]
    actions.services.pauses = [0.2]
    thrown = await actions.start("api.runStore.push('b', 1); throw new Error('at once')")
    assert (thrown.error or "").startswith("at once")
    assert [one.key for one in actions.services.changes] == ["a", "b"]


async def test_a_refusal_that_nobody_handles_is_told(actions: Actions) -> None:
    result = await actions.start("api.scheduleNextStep({ delay: 1, action: 'next' }); return 1")
    assert "at least 10 seconds" in (result.error or "")


async def test_what_was_planned_before_a_failure_counts(actions: Actions) -> None:
    result = await actions.start("""
      console.log('before')
      await api.scheduleNextStep({ delay: 10, action: 'next', payload: { n: 1 } })
      throw new Error('afterwards')""")
    assert (result.error, len(result.plans), result.logs) == ("afterwards (line 4)", 1, ["before"])
    ended = await actions.start("await api.scheduleNextStep({ delay: 10, action: 'next' }); for (;;) {}", timeout=1.5)
    assert (ended.code, len(ended.plans)) == ("code-timeout", 1)


DURATIONS = {
    "30 sec": 30,
    "30 seconds": 30,
    "5 min": 300,
    "2 hr": 7_200,
    "2 hours": 7_200,
    "24 hours": 86_400,
    "1 day": 86_400,
    "7 days": 604_800,
    "1 week": 604_800,
    "2 weeks": 1_209_600,
    "1 Hour": 3_600,
    "1 MINUTE": 60,
    "45 second": 45,
    "3 minutes": 180,
    "86400": None,
    "1 month": None,
    "1 year": None,
    "2 hrs": None,
    "1.5 hours": None,
    "5min": None,
    "5  min": None,
    " 5 min": None,
    "5 min ": None,
    "-5 min": None,
    "5 min 3 sec": None,
    "": None,
}


async def test_durations(actions: Actions) -> None:
    body = """
      for (const timeout of data) {
        try { await api.waitForEvent({ action: 'next', payload: { timeout }, timeout }) }
        catch (error) { console.log(timeout) }
      }"""
    result = await actions.start(body, data=list(DURATIONS))
    assert {one.payload["timeout"]: one.seconds for one in result.plans} == {k: v for k, v in DURATIONS.items() if v}
    assert result.logs == [text for text, seconds in DURATIONS.items() if seconds is None]


REFUSED = {
    "no options": "waitForEvent()",
    "no payload": "waitForEvent({ action: 'next' })",
    "null as payload": "waitForEvent({ action: 'next', payload: null })",
    "a list as payload": "waitForEvent({ action: 'next', payload: [] })",
    "a payload that is no JSON": "waitForEvent({ action: 'next', payload: { a: 10n } })",
    "no action": "waitForEvent({ payload: {} })",
    "start": "waitForEvent({ action: 'start', payload: {} })",
    "no such method": "waitForEvent({ action: 'nextt', payload: {} })",
    "a method of every object": "waitForEvent({ action: 'toString', payload: {} })",
    "a hook": "waitForEvent({ action: 'onWorkflowComplete', payload: {} })",
    "the constructor": "waitForEvent({ action: 'constructor', payload: {} })",
    "more than 30 days": "waitForEvent({ action: 'next', payload: {}, timeout: '31 days' })",
    "no time": "waitForEvent({ action: 'next', payload: {}, timeout: 0 })",
    "no number": "waitForEvent({ action: 'next', payload: {}, timeout: NaN })",
    "an unknown get": "waitForEvent({ action: 'next', payload: {}, get: 'auto' })",
    "a redirect that is no URL": "waitForEvent({ action: 'next', payload: {}, redirect_url: '/approved' })",
    "a redirect that is code": "waitForEvent({ action: 'next', payload: {}, redirect_url: 'javascript:alert(1)' })",
    "a delay under 10 s": "scheduleNextStep({ delay: 9, action: 'next', payload: {} })",
    "a delay over 400 days": "scheduleNextStep({ delay: '401 days', action: 'next', payload: {} })",
    "no delay": "scheduleNextStep({ action: 'next', payload: {} })",
    "start later": "scheduleNextStep({ delay: 10, action: 'start', payload: {} })",
    "too large a payload": "scheduleNextStep({ delay: 10, action: 'next', payload: { a: 'x'.repeat(600000) } })",
    "half a character": "scheduleNextStep({ delay: 10, action: 'next', payload: { a: '\\ud800' } })",
    "text to a later action": "scheduleNextStep({ delay: 10, action: 'next', payload: 'text' })",
    "a list to a later action": "scheduleNextStep({ delay: 10, action: 'next', payload: [1] })",
    "null to a later action": "scheduleNextStep({ delay: 10, action: 'next', payload: null })",
    "an unknown handle": "getOAuthToken('another')",
    "no key": "dedupe()",
    "an unknown window": "dedupe('a', '1 month')",
    "a store's key": "runStore.get(5)",
    "a store's amount": "runStore.increment('a', '1')",
    "a sum that is no number any more": "runStore.set('a', 1e308); await api.runStore.increment('a', 1e308)",
    "no number to increment": "runStore.set('a', 'x'); await api.runStore.increment('a')",
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
async def test_what_is_wrong_throws(actions: Actions, call: str) -> None:
    result = await actions.start(
        f"let caught; try {{ await api.{call} }} catch (e) {{ caught = e }} return caught.message"
    )
    assert result.error is None and len(result.value) > 5, result
    assert result.plans == []


async def test_nothing_is_scheduled_once_the_branch_waits(actions: Actions) -> None:
    body = "await api.waitForEvent({ action: 'next', payload: {} });"
    body += "await api.scheduleNextStep({ delay: 10, action: 'next', payload: {} })"
    for test in (False, True):
        result = await actions.start(body, test=test)
        assert "already waits" in (result.error or "")
        assert len(result.plans) == (0 if test else 1)
    around = (
        "await api.scheduleNextStep({ delay: 10, action: 'next' });"
        + "await api.waitForEvent({ action: 'next', payload: {} });" * 2
    )
    assert [one.kind for one in (await actions.start(around)).plans] == ["later", "link", "link"]


async def test_a_test_run(actions: Actions) -> None:
    body = "return await api.waitForEvent({ action: 'next', payload: { a: 1 } })"
    result = await actions.start(body, test=True)
    assert (result.value, result.plans) == ({"token": "test-mode", "resumeUrl": ""}, [])


async def test_without_a_public_url_there_are_no_links(sandbox: Sandbox) -> None:
    result = await Actions(sandbox, public_url="").start("await api.waitForEvent({ action: 'next', payload: {} })")
    assert "TIDEGATE_PUBLIC_URL" in (result.error or "") and result.plans == []


async def test_a_link_that_nobody_could_read_is_refused(actions: Actions) -> None:
    body = "await api.waitForEvent({ action: 'next', payload: {} })"
    chain = "".join(f".{crc32(bytes([n % 256, n // 256]))}" for n in range(5_000))
    result = await actions.start(body, branch=f"w#1{chain}")
    assert "too long" in (result.error or "") and result.plans == []


@pytest.mark.parametrize("name", ["google.sheets", "csv.parse", "sendEmail({})", "sendToFlow({})", "getAttachment(1)"])
async def test_what_is_the_vendors_own_is_unsupported(actions: Actions, name: str) -> None:
    result = await actions.start(f"await api.{name}")
    assert result.code == "unsupported" and "unsupported: api." in (result.error or "")


async def test_dedupe(actions: Actions) -> None:
    body = """
      const calls = [await api.dedupe('o:1'), await api.dedupe('o:1', '5 min'), await api.dedupe(7)]
      return calls.map(({ locked }) => locked)"""
    assert (await actions.start(body)).value == [False, True, False]
    assert (await actions.start(body)).value == [False, True, False], "a repetition of the branch finds itself"
    assert (await actions.start(body, branch="w#1.1")).value == [True, True, True]
    assert (await actions.start(body, test=True, branch="other")).value == [False, True, False]
    assert actions.services.times[:3] == [86_400, 300, 86_400]


async def test_the_runs_store(actions: Actions) -> None:
    body = """
      const { runStore } = api
      const unset = await runStore.get('none')
      await runStore.set('a', { x: 1 })
      for (const n of [1, 2, 3]) await runStore.push('list', n)
      const numbers = []
      for (const by of [undefined, 5, -1]) numbers.push(await runStore.increment('n', by))
      await runStore.delete('a')
      return [unset, await runStore.get('a'), await runStore.get('list'), numbers]
    """
    result = await actions.start(body)
    assert result.value == [None, None, [1, 2, 3], [1, 6, 5]], result
    again = await actions.start(body)
    assert again.value[2:] == [[1, 2, 3], [1, 6, 5]], "a repetition of the branch changes nothing twice"
    assert all(one.id.startswith("w#1/") for one in actions.services.changes)
    other = await actions.start("return await api.runStore.increment('n')", branch="w#1.1")
    assert other.value == 6


async def test_what_is_pushed_at_once_keeps_its_order(actions: Actions) -> None:
    actions.services.pauses = [0.05, 0.02, 0.0]
    body = "await Promise.all(data.map((n) => api.runStore.push('all', n))); return await api.runStore.get('all')"
    assert (await actions.start(body, data=list(range(50)))).value == list(range(50))


async def test_the_store_is_used_a_hundred_times_at_most(actions: Actions) -> None:
    body = (
        "let n = 0; try { for (; n < 200; n++) await api.runStore.increment('n') } catch (e) { return [n, e.message] }"
    )
    assert (await actions.start(body)).value == [100, "one action may use the run's store at most 100 times"]


async def test_who_is_busy_is_asked_again(actions: Actions) -> None:
    actions.services.refusals = [Unavailable("later", part="worker")]
    assert (await actions.start("return await api.runStore.increment('n')")).value == 1


async def test_logs(actions: Actions) -> None:
    body = """
      console.log('a', 1, { b: [2] }, null, undefined); console.info('i')
      console.warn('w'); console.error('e', new Error('x'))
      const own = {}; own.own = own; console.log(own, 5n)"""
    logs = (await actions.start(body)).logs
    assert logs[:4] == ['a 1 {"b":[2]} null undefined', "\u2139\ufe0f i", "⚠️ w", "❌ e Error: x"]
    assert "Circular" in logs[4] and logs[4].endswith("5n")


async def test_an_unknown_option_is_told_in_the_log(actions: Actions) -> None:
    result = await actions.start("await api.waitForEvent({ action: 'next', payload: {}, redirectUrl: 'x' })")
    assert (result.error, len(result.plans)) == (None, 1)
    assert result.logs == ['⚠️ waitForEvent: there is no option "redirectUrl"']


async def test_secrets(actions: Actions, web: LocalServer) -> None:
    actions.services.keep_secret("jsw/KEY", "s3cret-value")
    body = """
      await fetch(data, { method: 'POST', body: env.API_KEY })
      console.log('the key is', env.API_KEY)
      await api.runStore.set('kept', env.API_KEY)
      await api.scheduleNextStep({ delay: 10, action: 'next', payload: { key: env.API_KEY } })
      const { token } = await api.getOAuthToken('my-slack')
      if (data.length < 9) throw new Error(env.API_KEY)
      return { key: env.API_KEY, none: env.NONE ?? null, token, names: Object.keys(process.env) }
    """
    result = await actions.start(body, data=web.url("/"), secrets={"API_KEY": "jsw/KEY"})
    assert web.received[0].body == b"s3cret-value"
    assert result.value == {"key": "[secret]", "none": None, "token": "[secret]", "names": ["API_KEY"]}, result
    assert "s3cret" not in repr([result, actions.services.changes])
    thrown = await actions.start("throw new Error('no ' + env.API_KEY)", secrets={"API_KEY": "jsw/KEY"})
    assert (thrown.error or "").startswith("no [secret]")
    answered = await actions.start("return new Response(env.API_KEY)", secrets={"API_KEY": "jsw/KEY"})
    assert body_of(answered) == b"[secret]"


async def test_a_secret_that_is_not_there(actions: Actions) -> None:
    result = await actions.start("return 1", secrets={"API_KEY": "jsw/NONE"})
    assert (result.code, result.value) == ("secret-not-found", None)
    actions.services.refusals = [Unavailable("away")]
    with pytest.raises(ApplicationError) as away:
        await actions.start("return 1", secrets={"API_KEY": "jsw/NONE"})
    assert not away.value.non_retryable


RESPONSES = {
    "text": ("new Response('hello', { status: 202 })", 202, b"hello"),
    "json": ("Response.json({ error: 'bad' }, { status: 400 })", 400, b'{"error":"bad"}'),
    "bytes": ("new Response(new Uint8Array([0, 255]))", 200, b"\x00\xff"),
    "nothing": ("new Response(null, { status: 204 })", 204, b""),
    "a redirect": ("Response.redirect('https://a.test/', 303)", 303, b""),
}


@pytest.mark.parametrize(("code", "status", "body"), RESPONSES.values(), ids=RESPONSES)
async def test_a_response_of_its_own(actions: Actions, code: str, status: int, body: bytes) -> None:
    result = await actions.start(f"return {code}")
    assert result.response is not None and result.error is None, result
    assert (result.response["status"], body_of(result)) == (status, body)


async def test_the_headers_of_a_response(actions: Actions) -> None:
    code = "const h = new Headers({ 'X-Mine': 'é' }); h.append('Set-Cookie', 'a=1'); h.append('Set-Cookie', 'b=2');"
    result = await actions.start(code + "return new Response('x', { headers: h })")
    assert result.response is not None
    headers = [(name, value) for name, value in result.response["headers"]]
    assert [value for name, value in headers if name == "set-cookie"] == ["a=1", "b=2"]
    assert ("x-mine", "é") in headers


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("return Response.error()", "status"),
        ("const r = new Response('x'); await r.text(); return r", "TypeError"),
        ("return { a: 10n }", "bigint"),
        ("return new Map()", "Map"),
        ("return 'x'.repeat(5e6)", "larger"),
        ("return new Response('x'.repeat(2e6))", "larger"),
        ("return '\\ud800'", "surrogate"),
    ],
)
async def test_an_answer_that_cannot_be_sent(actions: Actions, code: str, says: str) -> None:
    result = await actions.start(code)
    assert says in (result.error or "") and result.value is None and result.response is None, result


async def test_what_later_actions_return_matters_to_nobody(actions: Actions) -> None:
    source = starting("").replace("async next(data, headers, api) {}", "async next() { return new Map() }")
    assert await actions.run(source, "next") == await actions.run(starting(""), "next")


async def test_data_and_headers(actions: Actions) -> None:
    body = "data.more = headers['x-shop']; return data"
    result = await actions.start(body, data={"a": [1]}, headers={"x-shop": "here"})
    assert result.value == {"a": [1], "more": "here"}


HOOKS = """
export class Workflow {
  async start() {}
  async onWorkflowComplete(api) {
    console.log('done', (await api.dedupe('a')).locked, await api.runStore.get('none'))
  }
  async onWorkflowError(err, api) {
    console.log(err instanceof Error, err.message)
    for (const name of ['waitForEvent', 'scheduleNextStep']) {
      try { await api[name]({ action: 'other', payload: {}, delay: 10 }) } catch (e) { console.log(e.message) }
    }
    throw new Error('of the hook')
  }
  async other() {}
}
"""


async def test_hooks(actions: Actions) -> None:
    done = await actions.run(HOOKS, "onWorkflowComplete", hook=True)
    assert (done.error, done.logs) == (None, ["done false null"])
    failed = await actions.run(HOOKS, "onWorkflowError", hook=True, error="step start: no")
    assert (failed.error or "").startswith("of the hook") and failed.plans == []
    assert failed.logs == [
        "true step start: no",
        "waitForEvent cannot be used in onWorkflowError",
        "scheduleNextStep cannot be used in onWorkflowError",
    ]


FORMS = {
    "exported": "export class Workflow { start() { return this.helper() } helper() { return 1 } }",
    "the older form": "class Workflow { async start() { return this.helper() } helper() { return 1 } }",
    "exported as": "class Mine { start() { return this.helper() } helper() { return 1 } }; export { Mine as Workflow }",
    "inherited": "class Base { helper() { return 1 } }\n"
    "export class Workflow extends Base { start() { return this.helper() } }",
    "fields": "export class Workflow { start = async () => this.helper(); helper = () => 1 }",
    "typed": "export class Workflow { async start(data: any): Promise<number> { return this.helper() }\n"
    "helper(): number { return 1 } }",
    "a comment last": "export class Workflow { start() { return this.helper() } helper() { return 1 } } // the end",
}


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS)
async def test_forms_of_a_class(sandbox: Sandbox, actions: Actions, source: str) -> None:
    assert (await actions.run(source)).value == 1
    assert sorted(await sandbox.inspect("jsworkflows", source)) == ["helper", "start"]


async def test_a_step_that_is_no_method(actions: Actions) -> None:
    result = await actions.run(FORMS["exported"], "gone")
    assert 'no method "gone"' in (result.error or "")


async def test_a_fresh_execution_each_time(actions: Actions) -> None:
    source = "let n = 0; export class Workflow { m = 0; start() { n++; this.m++; return [n, this.m, globalThis.n] } }"
    assert (await actions.run(source)).value == [1, 1, None]
    assert (await actions.run(source)).value == [1, 1, None]


TRICKS = {
    "a function of the api": "api.waitForEvent = 1",
    "the store's functions": "api.runStore.get = () => 666",
    "a new member": "api.more = 1",
    "a definition": "Object.defineProperty(api, 'dedupe', { value: 1 })",
    "another prototype": "Object.setPrototypeOf(api, { waitForEvent: 1 })",
    "deletion": "delete api.runStore",
    "the environment": "env.MORE = 1",
    "the module": "(await import('tidegate:shim')).install({})",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
async def test_the_api_cannot_be_changed(actions: Actions, trick: str) -> None:
    result = await actions.start(f"{trick}; return 1")
    assert "TypeError" in (result.error or "") or "is installed" in (result.error or ""), result


POLLUTION = {
    "members of every object": "Object.prototype.action = 'start'; Object.prototype.toJSON = () => 1",
    "JSON": "JSON.stringify = () => '666'; JSON.parse = () => ({})",
    "texts": "String.prototype.slice = () => ''; String.prototype.toLowerCase = () => 'x'",
    "patterns": "RegExp.prototype.exec = () => null",
    "promises": "Promise.prototype.then = () => {}; globalThis.Promise = class {}",
    "numbers": "Number.isFinite = () => false; globalThis.Number = () => 5",
}


@pytest.mark.parametrize("trick", POLLUTION.values(), ids=POLLUTION)
async def test_prototypes_change_no_plan(actions: Actions, trick: str) -> None:
    body = f"{trick}; await api.scheduleNextStep({{ __proto__: null, delay: '10 sec', action: 'next' }})"
    result = await actions.start(body)
    assert [(one.action, one.seconds) for one in result.plans] == [("next", 10.0)], result


async def test_no_deno(sandbox: Sandbox, actions: Actions) -> None:
    with pytest.raises(ApplicationError) as refused:
        await actions.call(class_call("", shim="none"))
    assert (refused.value.type, refused.value.non_retryable) == ("unsupported", True)


async def test_the_plans_of_one_action_fit_into_a_message(actions: Actions) -> None:
    body = """
      let n = 0
      try { for (;; n++) await api.scheduleNextStep({ delay: 10, action: 'next', payload: { data } }) }
      catch (error) { return [n, error.message] }"""
    result = await actions.start(body, data="é" * 10_000)
    assert result.value[0] == 8 and "500000 bytes" in result.value[1]
    assert len(json.dumps([one.payload for one in result.plans])) < 500_000
    many = await actions.start(body, data=1)
    assert (many.value[0], len(many.plans)) == (1_000, 1_000)
