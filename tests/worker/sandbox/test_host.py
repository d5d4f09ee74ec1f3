"""What code asks of the worker: HTTP through the guard, state, events; each request under a key that stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from definitions.contract import PostEvent, PostOutcome, UseStore
from definitions.errors import NotANumber, Overloaded
from tests.worker.activities.local_server import LocalServer, Page, page, redirect
from tests.worker.activities.test_guard import PUBLIC, Resolver
from tests.worker.sandbox.calls import CONTEXT, Caller, handler, in_step, once
from worker.http_client import HttpClient
from worker.http_guard import HttpGuard
from worker.sandbox.host import CallHost, StartRun
from worker.sandbox.runner import Sandbox


class Services:
    """Keeps what was asked, and answers as an organisation of one would."""

    def __init__(self) -> None:
        self.changes: list[UseStore] = []
        self.events: list[tuple[str, str | None, PostEvent]] = []
        self.starts: list[StartRun] = []
        self.refusals: list[Exception] = []

    async def use_store(self, request: UseStore) -> Any:
        if self.refusals:
            raise self.refusals.pop(0)
        self.changes.append(request)
        return {"get": "kept", "increment": len(self.changes)}.get(request.operation)

    async def post_event(
        self, dialect: str, organisation: str, name: str, key: str | None, event: PostEvent
    ) -> PostOutcome:
        assert (dialect, organisation) == (CONTEXT.dialect, CONTEXT.organisation)
        self.events.append((name, key, event))
        return PostOutcome(event.id, "accepted")

    async def start(self, context: Any, asked: StartRun) -> dict[str, Any]:
        self.starts.append(asked)
        return {"id": "run-2", "job": asked.name, "status": "running", "created": True}


def host_of(services: Services, *, private: bool = True, hosts: tuple[str, ...] = ()) -> CallHost:
    return CallHost(CONTEXT, HttpClient(HttpGuard(hosts, private)), services, services.start)


@pytest.fixture
def services() -> Services:
    return Services()


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.on("/", page({"hello": "world"}, X_Kind="greeting"))
        yield server


async def test_fetch(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    source = in_step(
        "const r = await fetch(new URL(payload), { method: 'PUT', headers: { 'X-Mine': 'é', Host: 'evil.test' },"
        " body: JSON.stringify({ a: 1 }) });"
        "return [r.status, r.ok, r.url === payload, r.redirected, r.headers.get('x-kind'), await r.json()]"
    )
    result = await once(sandbox, source, payload=web.url("/"), host=host_of(services))
    assert result.value == [200, True, True, False, "greeting", {"hello": "world"}], result
    asked = web.received[0]
    assert (asked.method, asked.json(), asked.headers["host"]) == ("PUT", {"a": 1}, f"127.0.0.1:{web.port}")
    assert asked.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("body", "kind", "sent"),
    [
        ("new URLSearchParams({ a: '1 2' })", "application/x-www-form-urlencoded", b"a=1+2"),
        ("new Uint8Array([0, 255])", "", b"\x00\xff"),
        ("new Blob(['x'], { type: 'a/b' })", "a/b", b"x"),
    ],
)
async def test_bodies(
    sandbox: Sandbox, services: Services, web: LocalServer, body: str, kind: str, sent: bytes
) -> None:
    source = in_step(f"return (await fetch(payload, {{ method: 'POST', body: {body} }})).status")
    assert (await once(sandbox, source, payload=web.url("/"), host=host_of(services))).value == 200
    assert web.received[0].body == sent
    assert web.received[0].headers.get("content-type", "").startswith(kind)


async def test_an_answer_of_bytes(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    web.on("/", Page(200, bytes(range(256)) * 400))
    source = in_step("const b = await (await fetch(payload)).bytes(); return [b.length, b[255], b[256]]")
    assert (await once(sandbox, source, payload=web.url("/"), host=host_of(services))).value == [102_400, 255, 0]


async def test_redirects(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    web.on("/from", redirect("/"))
    source = in_step(
        "const followed = await fetch(payload), kept = await fetch(payload, { redirect: 'manual' });"
        "const refused = await fetch(payload, { redirect: 'error' }).catch((error) => error.name);"
        "return [followed.redirected, followed.url.slice(-1), kept.status, kept.headers.get('location'), refused]"
    )
    result = await once(sandbox, source, payload=web.url("/from"), host=host_of(services))
    assert result.value == [True, "/", 302, "/", "TypeError"], result


async def test_an_aborted_fetch(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    def slow(_: Any) -> Page:
        import time

        time.sleep(3)
        return Page(200)

    web.on("/", slow)
    source = in_step("try { await fetch(payload, { signal: AbortSignal.timeout(50) }) } catch (e) { return e.name }")
    result = await once(sandbox, source, payload=web.url("/"), host=host_of(services))
    assert result.value == "TimeoutError", result


FORBIDDEN = [
    "http://127.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://localhost:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://169.254.169.254/",
]


@pytest.mark.parametrize("url", FORBIDDEN)
async def test_no_notation_reaches_this_machine(
    sandbox: Sandbox, services: Services, web: LocalServer, url: str
) -> None:
    source = in_step("return (await fetch(payload)).status")
    host = host_of(services, private=False)
    result = await once(sandbox, source, payload=url.format(port=web.port), host=host)
    assert result.kind == "threw" and "not a public address" in (result.error or ""), result
    assert web.received == []


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "data:text/plain,x", "ftp://a.test/", "http://u:p@a.test/", "blob:x"]
)
async def test_only_plain_http_is_fetched(sandbox: Sandbox, services: Services, url: str) -> None:
    result = await once(sandbox, in_step("return (await fetch(payload)).status"), payload=url, host=host_of(services))
    assert result.kind == "threw" and (result.error or "").startswith("TypeError"), result


async def test_a_forbidden_host_by_name_by_redirect_and_by_dns(
    sandbox: Sandbox, services: Services, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = in_step("return (await fetch(payload)).status")
    only = host_of(services, hosts=("api.example.com",))
    by_name = await once(sandbox, source, payload="http://other.example.com/", host=only)
    assert "TIDEGATE_HTTP_ALLOW_HOSTS" in (by_name.error or "")
    web.on("/", redirect("http://other.example.com/"))
    by_redirect = await once(sandbox, source, payload=web.url("/"), host=host_of(services, hosts=("127.0.0.1",)))
    assert "TIDEGATE_HTTP_ALLOW_HOSTS" in (by_redirect.error or "")
    Resolver(monkeypatch, {"inside.test": [["10.0.0.7"]], "mixed.test": [[PUBLIC, "127.0.0.1"]]})
    for name in ("inside.test", "mixed.test"):
        guarded = host_of(services, private=False)
        by_dns = await once(sandbox, source, payload=f"http://{name}:{web.port}/", host=guarded)
        assert "not a public address" in (by_dns.error or "")
    assert len(web.received) == 1


async def test_an_answer_that_is_too_large(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    web.on("/", Page(200, b"x" * 5_000_000))
    result = await once(
        sandbox, in_step("return (await fetch(payload)).status"), payload=web.url("/"), host=host_of(services)
    )
    assert "larger than" in (result.error or "")


async def test_the_keys_of_calls_are_the_same_on_every_attempt(
    sandbox: Sandbox, services: Services, web: LocalServer
) -> None:
    source = handler(
        "await fetch(payload); await step.run('pay', async () => { await fetch(payload); await fetch(payload) });"
        "await fetch(payload, { headers: { 'Idempotency-Key': 'my own' } })"
    )
    await once(sandbox, source, payload=web.url("/"), host=host_of(services))
    run = Caller(sandbox, source, payload=web.url("/"))
    for _ in range(2):
        run.host = host_of(services)
        await run.call()
    keys = [one.headers["idempotency-key"] for one in web.received]
    first = ["run-1/handler/1/1", "run-1/handler/pay/1/1", "run-1/handler/pay/1/2"]
    assert keys == [*first, *first, "run-1/handler/1/1", "my own"]


async def test_state(sandbox: Sandbox, services: Services) -> None:
    source = in_step(
        "await state.set('a', { x: 1 }, { expiresAt: new Date(0) }); await state.delete('a');"
        "return [await state.get('a'), await state.increment('n'), await state.increment('n', -2.5)]"
    )
    result = await once(sandbox, source, host=host_of(services))
    assert result.value == ["kept", 4, 5]
    assert [(one.operation, one.key, one.value, one.expires_at) for one in services.changes] == [
        ("set", "a", {"x": 1}, "1970-01-01T00:00:00.000Z"),
        ("delete", "a", None, None),
        ("get", "a", None, None),
        ("increment", "n", 1, None),
        ("increment", "n", -2.5, None),
    ]
    assert len({one.id for one in services.changes}) == 5


async def test_changes_outside_of_steps_count_once(sandbox: Sandbox, services: Services) -> None:
    source = handler("for (const n of [1, 2]) await state.increment('n', n); await step.run('s', () => 1)")
    run = Caller(sandbox, source)
    for _ in range(2):
        run.host = host_of(services)
        await run.call()
    first, second = services.changes[:2], services.changes[2:]
    assert [one.id for one in first] == [one.id for one in second]
    assert len({one.id for one in first}) == 2


@pytest.mark.parametrize(
    "body",
    [
        "await state.get('')",
        "await state.get(5)",
        "await state.get('x'.repeat(300))",
        "await state.set('a', 10n)",
        "await state.set('a', 1, { expiresAt: 'soon' })",
        "await state.set('a', 1, { ttl: 5 })",
        "await state.increment('a', '1')",
        "await stackshift.events.send('', {})",
        "await stackshift.events.send('a', {}, { correlationKey: 5 })",
        "await stackshift.events.send('a', () => 1)",
        "await stackshift.start('', {})",
        "await stackshift.start('a', {}, { idempotencyTtl: '30 days' })",
        "await stackshift.queue('q').enqueue('a', {}, { maxAttempts: 0 })",
        "await stackshift.queue('q').enqueue('a', {}, { scheduledAt: 'tomorrow' })",
        "stackshift.queue('')",
    ],
)
async def test_bad_arguments_reach_nobody(sandbox: Sandbox, services: Services, body: str) -> None:
    result = await once(sandbox, in_step(body), host=host_of(services))
    assert result.kind == "threw" and result.error
    assert (services.changes, services.events, services.starts) == ([], [], [])


async def test_events(sandbox: Sandbox, services: Services) -> None:
    source = in_step(
        "return [await stackshift.events.send('paid', { sum: 5 }, { correlationKey: 'o:1', idempotencyKey: 'k' }),"
        " await stackshift.events.send('bare')]"
    )
    result = await once(sandbox, source, host=host_of(services))
    (name, key, event), (_, no_key, bare) = services.events
    assert (name, key, event.payload, event.has_payload, event.idempotency_key) == (
        "paid",
        "o:1",
        {"sum": 5},
        True,
        "k",
    )
    assert (no_key, bare.has_payload, bare.idempotency_key, bare.window) == (None, False, bare.id, 3_600)
    assert result.value[0] == {"eventId": event.id, "duplicate": False}
    again = Services()
    await once(sandbox, source, host=host_of(again))
    assert [one.id for _, _, one in again.events] == [event.id, bare.id]


async def test_starts(sandbox: Sandbox, services: Services) -> None:
    source = in_step(
        "const a = await stackshift.start('a', { n: 1 }, { idempotencyKey: 'k', idempotencyTtl: '30d' });"
        "await stackshift.queue('mail').enqueue('b', null, { maxAttempts: 5, scheduledAt: '2030-01-01T00:00:00Z' });"
        "return a.id"
    )
    assert (await once(sandbox, source, host=host_of(services))).value == "run-2"
    first, second = services.starts
    assert (first.name, first.input, first.idempotency_key, first.ttl) == ("a", {"n": 1}, "k", 30 * 86_400)
    assert (second.queue, second.max_attempts) == ("mail", 5)
    assert second.start_at is not None and second.start_at.year == 2030


async def test_what_the_worker_refuses_the_code_may_catch(sandbox: Sandbox, services: Services) -> None:
    services.refusals = [NotANumber("the value is no number")]
    source = in_step("try { await state.increment('a') } catch (error) { return error.message }")
    assert (await once(sandbox, source, host=host_of(services))).value == "the value is no number"


async def test_who_is_busy_is_asked_again(sandbox: Sandbox, services: Services) -> None:
    services.refusals = [Overloaded("later"), Overloaded("later")]
    assert (await once(sandbox, in_step("return await state.get('a')"), host=host_of(services))).value == "kept"


async def test_one_call_may_not_ask_without_end(sandbox: Sandbox, services: Services) -> None:
    source = in_step(
        "let refused = 0; const all = [];"
        "for (let i = 0; i < 2500; i++) all.push(state.get('a').catch(() => refused++));"
        "await Promise.all(all); return refused"
    )
    assert (await once(sandbox, source, host=host_of(services))).value == 500
    assert len(services.changes) == 2_000


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("shell", {}),
        ("fetch", {}),
        ("fetch", {"method": "GET", "url": "http://a.test", "headers": "x"}),
        ("fetch", {"method": "GET", "url": "http://a.test", "headers": [], "body": 5}),
        ("fetch", {"method": "GET\r\nX: y", "url": "http://a.test", "headers": []}),
        ("fetch", {"method": "GET", "url": "http://a.test", "headers": [["a\r\nb", "c"]]}),
        ("store", {"operation": "drop", "key": "a"}),
        ("store", {"operation": "get", "key": ["a"]}),
        ("send", {"event": 5}),
        ("start", {"name": "a", "maxAttempts": True}),
        ("start", {"name": "a", "ttl": "x"}),
        ("start", {"name": "a", "startAt": "2030-01-01"}),
    ],
)
async def test_forged_requests_are_refused(services: Services, name: str, arguments: dict[str, Any]) -> None:
    """Code cannot send these as long as it cannot forge frames; nothing depends on that."""
    from definitions.errors import TidegateError

    with pytest.raises(TidegateError):
        await host_of(services)(name, None, arguments)
    assert (services.changes, services.events, services.starts) == ([], [], [])


async def test_many_calls_at_once(sandbox: Sandbox, services: Services, web: LocalServer) -> None:
    source = in_step("return (await Promise.all([1, 2, 3].map(() => fetch(payload)))).length")
    host = host_of(services)
    results = await asyncio.gather(*(once(sandbox, source, payload=web.url("/"), host=host) for _ in range(8)))
    assert [result.value for result in results] == [3] * 8
