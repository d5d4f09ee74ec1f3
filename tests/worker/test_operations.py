"""Actions that are lists of operations: the same vocabulary as in JavaScript, without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from definitions.contract import ActionResult
from tests.worker.activities.local_server import LocalServer, Page, page
from tests.worker.sandbox.actions import PUBLIC_URL, Actions, body_of, operations_call, read
from worker.sandbox.runner import Sandbox


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.on("/", page({"hello": "world"}, X_Kind="greeting"))
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def actions(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Actions]:
    """No process of the sandbox is started for them."""

    def refuse(shim: str) -> Any:
        raise AssertionError("operations need no Deno")

    monkeypatch.setattr("worker.sandbox.launch.command", refuse)
    async with Sandbox() as sandbox:
        yield Actions(sandbox)


def op(kind: str, given: Any = None, **more: Any) -> dict[str, Any]:
    conditions: dict[str, Any] = {name: path(more.pop(name)) for name in ("when", "unless") if name in more}
    found: dict[str, Any] = {"op": kind, **more, **conditions}
    return found if given is None else {**found, "input": path(given)}


def path(source: Any) -> dict[str, Any]:
    return {"language": "path", "source": source}


async def run(actions: Actions, *operations: dict[str, Any], **call: Any) -> ActionResult:
    return await actions.call(operations_call(*operations, **call))


LINK = {"action": "next", "payload": {"orderId": "${data.id}"}, "seconds": 86_400}


async def test_the_documented_approval(actions: Actions, web: LocalServer) -> None:
    result = await run(
        actions,
        op("link", {**LINK, "redirect": "https://a.test/", "confirm": True}, **{"as": "approval"}),
        op("call", {"method": "POST", "url": web.url("/"), "body": {"text": "Approve: ${approval.resumeUrl}"}}),
        op("return", {"resumeUrl": "${approval.resumeUrl}"}),
        op("log", {"values": ["never"]}),
        data={"id": 17},
    )
    url = result.value["resumeUrl"]
    assert web.received[0].json() == {"text": f"Approve: {url}"}
    assert web.received[0].headers["idempotency-key"] == "run-1/w/start/1/1"
    link = read(url.removeprefix(f"{PUBLIC_URL}/resume/"))
    assert (link.wait, link.confirm, link.redirect) == ("w#1.1", True, "https://a.test/")
    [plan] = result.plans
    assert (plan.kind, plan.action, plan.payload, plan.seconds) == ("link", "next", {"orderId": 17}, 86_400)
    assert result.logs == []


async def test_plans_claims_and_the_store(actions: Actions) -> None:
    result = await run(
        actions,
        op("later", {"action": "next", "payload": {"n": "${data.n}"}, "seconds": 10}),
        op("claim", {"key": "o:${data.n}", "seconds": 60}, **{"as": "seen"}),
        op("claim", {"key": "o:${data.n}", "seconds": 60}, **{"as": "again"}),
        op("store", {"operation": "push", "key": "list", "value": 5}),
        op("store", {"operation": "increment", "key": "n"}, **{"as": "count"}),
        op("store", {"operation": "get", "key": "list"}, **{"as": "list"}),
        op("return", ["${seen.locked}", "${again.locked}", "${count}", "${list}"]),
        data={"n": 1},
    )
    assert result.value == [False, True, 1, [5]], result
    numbered = op("claim", {"key": "${data}", "seconds": 60}, **{"as": "seen"})
    assert (await run(actions, numbered, op("return", "${seen.locked}"), data=17)).value is False
    assert (await run(actions, numbered, op("return", "${seen.locked}"), data="17", branch="x")).value is True
    assert [(one.kind, one.payload, one.seconds) for one in result.plans] == [("later", {"n": 1}, 10.0)]


async def test_conditions(actions: Actions) -> None:
    cases = {"yes": 1, "text": "x", "list": [], "object": {}, "zero": 0, "no": False, "empty": "", "null": None}
    told = [op("log", {"values": [name]}, when=f"${{data.{name}}}") for name in [*cases, "missing"]]
    told += [op("log", {"values": [f"not {name}"]}, unless=f"${{data.{name}}}") for name in [*cases, "missing"]]
    result = await run(actions, *told, data=cases)
    absent = ["zero", "no", "empty", "null", "missing"]
    assert result.logs == ["yes", "text", "list", "object", *(f"not {name}" for name in absent)]


async def test_an_early_return(actions: Actions) -> None:
    steps = [op("return", "early", when="${data.stop}"), op("return", "late")]
    assert (await run(actions, *steps, data={"stop": True})).value == "early"
    assert (await run(actions, *steps, data={})).value == "late"
    assert (await run(actions)).value is None


async def test_logs(actions: Actions) -> None:
    result = await run(
        actions,
        op("log", {"level": "warn", "values": ["a", 1, {"b": [None, True]}, "é"]}),
        op("log", {"level": "info", "values": "i"}),
        op("log", "${data}"),
        data="bare",
    )
    assert result.logs == ['⚠️ a 1 {"b":[null,true]} é', "\u2139\ufe0f i", "bare"]


async def test_calls(actions: Actions, web: LocalServer) -> None:
    web.on("/no", Page(404, b"not here", {"Content-Type": "text/plain"}))
    result = await run(
        actions,
        op("call", {"url": web.url("/"), "headers": {"X-A": "${data}", "X-N": 5, "X-None": None}}, **{"as": "found"}),
        op("call", {"url": web.url("/no"), "body": "text"}, **{"as": "lost"}),
        op(
            "return",
            ["${found.status}", "${found.body.hello}", "${found.headers.x-kind}", "${lost.status} ${lost.body}"],
        ),
        data="a",
    )
    assert result.value == [200, "world", "greeting", "404 not here"], result
    got, sent = web.received
    assert (got.method, got.body, got.headers["x-a"], got.headers["x-n"]) == ("GET", b"", "a", "5")
    assert "x-none" not in got.headers
    assert (sent.method, sent.body, sent.headers["content-type"]) == ("POST", b"text", "text/plain; charset=utf-8")


async def test_a_response_of_its_own(actions: Actions) -> None:
    result = await run(
        actions, op("return", {"response": {"status": 202, "headers": {"X-A": "1"}, "body": {"a": "${data}"}}}), data=1
    )
    assert result.response is not None
    assert (result.response["status"], body_of(result)) == (202, b'{"a":1}')
    assert result.response["headers"] == [["Content-Type", "application/json"], ["X-A", "1"]]
    bare = await run(actions, op("return", {"response": {}}))
    assert bare.response == {"status": 200, "headers": [], "body": ""}
    value = await run(actions, op("return", {"response": "no object"}))
    assert (value.value, value.response) == ({"response": "no object"}, None)


async def test_secrets_and_oauth(actions: Actions, web: LocalServer) -> None:
    actions.services.keep_secret("jsw/KEY", "s3cret-value")
    result = await run(
        actions,
        op("oauth", {"handle": "my-slack"}, **{"as": "slack"}),
        op("call", {"url": web.url("/"), "headers": {"Authorization": "Bearer ${slack.token}"}, "body": "${env.KEY}"}),
        op("log", {"values": ["${env.KEY}", "${slack.token}"]}),
        op("later", {"action": "next", "payload": "${env.KEY}", "seconds": 10}),
        op("return", "${env.KEY}"),
        secrets={"KEY": "jsw/KEY"},
    )
    assert (web.received[0].headers["authorization"], web.received[0].body) == ("Bearer xoxb-of-slack", b"s3cret-value")
    assert (result.value, result.logs, result.plans[0].payload) == ("[secret]", ["[secret] [secret]"], "[secret]")


async def test_a_test_run(actions: Actions) -> None:
    result = await run(actions, op("link", LINK, **{"as": "made"}), op("return", "${made}"), data={"id": 1}, test=True)
    assert (result.value, result.plans) == ({"token": "test-mode", "resumeUrl": ""}, [])


WRONG = {
    "an unknown action": (op("later", {"action": "gone", "payload": {}, "seconds": 10}), "no action 'gone'"),
    "start": (op("later", {"action": "start", "payload": {}, "seconds": 10}), "may not be 'start'"),
    "too soon": (op("later", {"action": "next", "payload": {}, "seconds": 9}), "at least 10 seconds"),
    "too long": (op("link", {"action": "next", "payload": {}, "seconds": 31 * 86_400}), "at most 30 days"),
    "no number": (op("later", {"action": "next", "payload": {}, "seconds": True}), "the time"),
    "no object": (op("link", {"action": "next", "payload": [], "seconds": 60}), "must be an object"),
    "no input": (op("link"), "must be an object"),
    "nothing found": (op("log", {"values": ["${data.none}"]}), "operation 1 (log)"),
    "an unknown operation": (op("shell", {}), "no operation 'shell'"),
    "no URL": (op("call", {"method": "GET"}), "`url`"),
    "headers": (op("call", {"url": "http://a.test", "headers": ["x"]}), "headers must be"),
    "another scheme": (op("call", {"url": "file:///etc/hostname"}), "must start with http"),
    "a status": (op("return", {"response": {"status": 99}}), "from 200 to 599"),
    "a header": (op("return", {"response": {"headers": {"X": "a\r\nb"}}}), "header"),
    "too large": (op("return", {"all": "${data.large}", "again": "${data.large}"}), "larger"),
    "an unknown handle": (op("oauth", {"handle": "other"}), "no OAuth token"),
    "too much log": (op("log", {"values": ["${data.large}"] * 2}), "logged more"),
}


@pytest.mark.parametrize(("operation", "says"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_fails_the_action(actions: Actions, operation: dict[str, Any], says: str) -> None:
    first = op("later", {"action": "next", "payload": {"n": 1}, "seconds": 10})
    result = await run(actions, op("log", "before"), first, operation, data={"large": "x" * 600_000})
    assert says.replace("operation 1", "operation 3") in (result.error or ""), result
    assert result.code and result.value is None and result.logs == ["before"]
    assert len(result.plans) == 1, "what was planned until then counts"


async def test_an_action_that_is_not_there(actions: Actions) -> None:
    assert "no action 'gone'" in ((await run(actions, action="gone")).error or "")


async def test_hooks_plan_nothing(actions: Actions) -> None:
    later = op("later", {"action": "next", "payload": {}, "seconds": 10})
    result = await run(actions, op("log", {"values": ["${error}"]}), later, hook=True, error="it failed")
    assert (result.logs, result.plans) == (["it failed"], [])
    assert "cannot plan" in (result.error or "")


async def test_an_action_that_takes_too_long(actions: Actions, web: LocalServer) -> None:
    def slow(_: Any) -> Page:
        import time

        time.sleep(3)
        return Page(200)

    web.on("/slow", slow)
    began = asyncio.get_running_loop().time()
    result = await run(actions, op("call", {"url": web.url("/slow")}), timeout=0.3)
    assert (result.code, result.error) == ("code-timeout", "the action did not end within 0.3 s")
    assert asyncio.get_running_loop().time() - began < 2
