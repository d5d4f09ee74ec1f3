"""What actions fetch goes through the worker's guard; in dev, where the operator wants it to go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.worker.activities.local_server import LocalServer, page, redirect
from tests.worker.activities.test_guard import PUBLIC, Resolver
from tests.worker.sandbox.actions import Actions
from worker.http_client import HttpClient, Outgoing
from worker.http_guard import HttpGuard, TargetNotAllowed
from worker.sandbox.runner import Sandbox

FETCH = "return (await fetch(data)).status"


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.on("/", page({"hello": "world"}))
        yield server


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://0.0.0.0:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://localhost:{port}/",
        "http://169.254.169.254/",
    ],
)
async def test_no_notation_reaches_this_machine(sandbox: Sandbox, web: LocalServer, url: str) -> None:
    result = await Actions(sandbox, private=False).start(FETCH, data=url.format(port=web.port))
    assert "not a public address" in (result.error or ""), result
    assert web.received == []


async def test_a_forbidden_host_by_dns_and_by_redirect(
    sandbox: Sandbox, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    actions = Actions(sandbox, private=False, rewrite=[("https://open.test", web.url("").rstrip("/"))])
    Resolver(monkeypatch, {"inside.test": [["10.0.0.7"]], "mixed.test": [[PUBLIC, "127.0.0.1"]]})
    for name in ("inside.test", "mixed.test"):
        result = await actions.start(FETCH, data=f"http://{name}:{web.port}/")
        assert "not a public address" in (result.error or ""), result
    web.on("/from", redirect(f"http://inside.test:{web.port}/"))
    result = await actions.start(FETCH, data="https://open.test/from")
    assert "not a public address" in (result.error or ""), result
    assert [one.path for one in web.received] == ["/from"]


async def test_an_origin_goes_elsewhere_and_only_that(web: LocalServer) -> None:
    there = web.url("").rstrip("/")
    client = HttpClient(HttpGuard((), False), rewrite=[("https://api.test", there), ("http://b.test:81", there)])
    web.on("/from", redirect("/?x=1"))
    answer = await client.send(Outgoing("GET", "https://api.test/from"))
    assert (answer.status, answer.url) == (200, "https://api.test/?x=1")
    assert {one.headers["host"] for one in web.received} == {"api.test"}
    assert (await client.send(Outgoing("GET", "http://B.test:81/"))).status == 200
    for other in ("http://127.0.0.1:81/", there + "/"):
        with pytest.raises(TargetNotAllowed):
            await client.send(Outgoing("GET", other))


async def test_the_hosts_that_are_allowed_stay_so(web: LocalServer) -> None:
    client = HttpClient(HttpGuard(("other.test",), True), rewrite=[("https://api.test", web.url("").rstrip("/"))])
    with pytest.raises(TargetNotAllowed):
        await client.send(Outgoing("GET", "https://api.test/"))
