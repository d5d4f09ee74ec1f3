from __future__ import annotations

import base64
import gzip
import json
import threading
from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import free_port
from tests.worker.activities.local_server import LocalServer, Page, Received, page
from tests.worker.activities.workbench import Bench, call


async def test_sends_the_input_and_returns_status_headers_and_parsed_body(bench: Bench, web: LocalServer) -> None:
    web.on("/orders", page({"id": 7}, 201, X_Trace="t-1"))

    result = await bench.run("http", call({"method": "POST", "url": web.url("/orders")}, {"sku": "ä"}))

    assert result["status"] == 201
    assert result["headers"]["x-trace"] == "t-1"
    assert result["body"] == {"id": 7}
    (request,) = web.received
    assert request.method == "POST"
    assert request.json() == {"sku": "ä"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "run-1/pay/2"
    assert request.headers["host"] == f"127.0.0.1:{web.port}"


async def test_every_attempt_carries_the_same_key(bench: Bench, web: LocalServer) -> None:
    web.on("/", page(None, 503), page("done"))
    await bench.failure("http", call({"url": web.url()}))
    assert (await bench.run("http", call({"url": web.url()})))["body"] == "done"
    assert [request.headers["idempotency-key"] for request in web.received] == ["run-1/pay/2"] * 2


@pytest.mark.parametrize(
    ("config", "given", "body", "kind"),
    [
        ({}, [{"a": 1}], b'{"a":1}', "application/json"),
        ({}, [None], b"null", "application/json"),
        ({}, [], b"", None),
        ({}, ["plain"], b"plain", "text/plain; charset=utf-8"),
        ({"body": {"own": True}}, [{"a": 1}], b'{"own":true}', "application/json"),
        ({"body": None}, [{"a": 1}], b"null", "application/json"),
        ({"body": "a=1", "headers": {"content-type": "application/x-www-form-urlencoded"}}, [], b"a=1", "form"),
        ({"method": "GET"}, [{"a": 1}], b"", None),
        ({"method": "GET", "body": [1]}, [], b"[1]", "application/json"),
    ],
)
async def test_bodies(
    bench: Bench, web: LocalServer, config: dict[str, Any], given: list[Any], body: bytes, kind: str | None
) -> None:
    web.on("/", page(None))
    await bench.run("http", call({"url": web.url(), **config}, *given))
    (request,) = web.received
    assert request.body == body
    sent = request.headers.get("content-type")
    assert sent == kind if kind != "form" else sent == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Page(body=b'{"a": [1, null]}', headers={"Content-Type": "application/problem+json; charset=utf-8"}), "json"),
        (Page(body=b'{"a": [1, null]}'), "json"),
        (Page(body=b"<p>", headers={"Content-Type": "text/html"}), "<p>"),
        (Page(body=b"{broken", headers={"Content-Type": "application/json"}), "{broken"),
        (Page(body=b"NaN", headers={"Content-Type": "application/json"}), "NaN"),
        (Page(body=b"[" * 100_000, headers={"Content-Type": "application/json"}), "[" * 100_000),
        (Page(body="é".encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"}), "é"),
        (Page(body=b"x", headers={"Content-Type": "text/plain; charset=nonsense"}), {"base64": "eA=="}),
        (Page(body=b"\xff\xfe\x00", headers={"Content-Type": "image/png"}), {"base64": "//4A"}),
        (Page(204), None),
        (Page(body=gzip.compress(b'"packed"'), headers={"Content-Encoding": "gzip"}), "packed"),
    ],
)
async def test_answers(bench: Bench, web: LocalServer, answer: Page, body: Any) -> None:
    web.on("/", answer)
    result = await bench.run("http", call({"method": "GET", "url": web.url()}))
    assert result["body"] == ({"a": [1, None]} if body == "json" else body)


async def test_query_is_added_to_the_urls_own_and_encoded(bench: Bench, web: LocalServer) -> None:
    web.on("/find", page(None))
    query = {"q": "a&b=c", "n": 1, "ok": True, "none": None, "list": ["x", 2]}
    await bench.run("http", call({"method": "GET", "url": web.url("/find?own=1"), "query": query}))
    assert web.received[0].path == "/find?own=1&q=a%26b%3Dc&n=1&ok=true&list=x&list=2"


@pytest.mark.parametrize(
    ("status", "expect", "retryable"),
    [
        (400, None, False),
        (401, None, False),
        (404, None, False),
        (408, None, True),
        (409, None, False),
        (429, None, True),
        (500, None, True),
        (503, None, True),
        (304, None, False),
        (409, {"retry": [409]}, True),
        (500, {"retry": []}, False),
        (200, {"status": [201]}, False),
        (404, {"retry": ["4xx"]}, True),
    ],
)
async def test_status_that_is_not_expected(
    bench: Bench, web: LocalServer, status: int, expect: dict[str, Any] | None, retryable: bool
) -> None:
    web.on("/thing", Page(status, b"" if status == 304 else b"why not"))
    config = {"url": web.url("/thing?token=t0ken"), **({"expect": expect} if expect else {})}
    error = await bench.failure("http", call(config))
    assert (error.type, error.non_retryable, error.details) == ("http-status", not retryable, ({"status": status},))
    assert error.message.startswith(f"POST {web.url('/thing')} answered {status}")
    assert "t0ken" not in error.message


async def test_expected_status_is_a_result(bench: Bench, web: LocalServer) -> None:
    web.on("/", Page(404, b"none"))
    config = {"method": "GET", "url": web.url(), "expect": {"status": ["2xx", 404]}}
    assert (await bench.run("http", call(config)))["status"] == 404


@pytest.mark.parametrize(
    ("value", "delay"), [("7", 7), ("999999999999", 300), ("-1", None), ("Wed, 21 Oct 2015 07:28:00 GMT", None)]
)
async def test_retry_after_puts_off_the_next_attempt(
    bench: Bench, web: LocalServer, value: str, delay: int | None
) -> None:
    web.on("/", Page(503, headers={"Retry-After": value}))
    error = await bench.failure("http", call({"url": web.url()}))
    assert error.next_retry_delay == (None if delay is None else timedelta(seconds=delay))


async def test_secret_travels_in_a_header_and_nowhere_else(bench: Bench, web: LocalServer) -> None:
    secret = 'tok-"é\\/+ 1'
    bench.seal("api-token", secret)

    def echo(request: Received) -> Page:
        seen = request.headers["authorization"].encode("latin-1").decode()
        return page({"seen": seen, seen: [seen]})

    web.on("/", echo)
    config = {"url": web.url(), "headers": {"Authorization": {"secret": "token", "prefix": "Bearer "}}}
    result = await bench.run("http", call(config, {}, secrets={"token": "api-token"}))

    assert web.received[0].headers["authorization"].encode("latin-1").decode() == f"Bearer {secret}"
    assert result["body"] == {"seen": "Bearer [secret]", "Bearer [secret]": ["Bearer [secret]"]}

    web.on("/", lambda request: Page(400, json.dumps({"bad": secret}).encode()))
    error = await bench.failure("http", call(config, {}, secrets={"token": "api-token"}))
    assert "[secret]" in error.message
    assert secret not in error.message and json.dumps(secret)[1:-1] not in error.message


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "'url' is a required property"),
        ({"url": 1}, "$.url"),
        ({"url": "http://h/", "method": "BREW"}, "$.method"),
        ({"url": "http://h/", "headers": {"X-A": "a\r\nX-B: b"}}, "X-A"),
        ({"url": "http://h/", "headers": {"X-A": "a\n"}}, "X-A"),
        ({"url": "http://h/", "headers": {"X A": "a"}}, "X A"),
        ({"url": "http://h/", "headers": {"X-A\n": "a"}}, "X-A"),
        ({"url": "http://h/", "headers": {"Host": "other"}}, "is set by Tidegate"),
        ({"url": "http://h/", "headers": {"IDEMPOTENCY-KEY": "mine"}}, "is set by Tidegate"),
        ({"url": "http://h/", "headers": {"X-A": {"secret": "absent"}}}, "unbound secret slot"),
        ({"url": "http://h/", "timeout": 0}, "$.timeout"),
        ({"url": "http://h/", "expect": {"status": [99]}}, "$.expect.status[0]"),
        ({"url": "http://h/", "surprise": 1}, "surprise"),
        ({"url": "h/path"}, "http://"),
        ({"url": "file:///etc/passwd"}, "http://"),
        ({"url": "http://user:pass@h/"}, "no user name"),
        ({"url": "http:///x"}, "a host"),
        ({"url": "http://h:99999/"}, "port"),
    ],
)
async def test_bad_config_is_refused_for_good(bench: Bench, config: dict[str, Any], says: str) -> None:
    error = await bench.failure("http", call(config))
    assert (error.type, error.non_retryable) == ("config-invalid", True)
    assert says in error.message
    assert "pass@" not in error.message


async def test_nobody_listening(bench: Bench) -> None:
    port = free_port()
    error = await bench.failure("http", call({"url": f"http://127.0.0.1:{port}/x?key=k3y4"}))
    assert (error.type, error.non_retryable) == ("http-connection", False)
    assert error.message.startswith(f"POST http://127.0.0.1:{port}/x failed")
    assert "k3y4" not in error.message


async def test_timeout_bounds_the_whole_call(bench: Bench, web: LocalServer) -> None:
    release = threading.Event()

    def drip() -> Any:
        # Each byte is in time for a timeout of reads; all together are not.
        while not release.wait(0.05):
            yield b"x"

    web.on("/", Page(chunks=drip()))
    error = await bench.failure("http", call({"method": "GET", "url": web.url(), "timeout": 0.4}))
    release.set()
    assert (error.type, error.non_retryable) == ("http-timeout", False)
    assert "within 0.4 s" in error.message


def endless() -> Any:
    while True:
        yield b"x" * 65536


@pytest.mark.parametrize(
    "answer",
    [
        Page(body=b"x" * 1_000_001),
        Page(chunks=endless()),
        Page(body=gzip.compress(b"\0" * 50_000_000), headers={"Content-Encoding": "gzip"}),
        # Fits as text, but not as the JSON of a result.
        Page(body="ä".encode() * 400_000, headers={"Content-Type": "text/plain"}),
    ],
    ids=["long", "endless", "bomb", "escaped"],
)
async def test_too_large_an_answer(bench: Bench, web: LocalServer, answer: Page) -> None:
    web.on("/", answer)
    error = await bench.failure("http", call({"method": "GET", "url": web.url()}))
    assert (error.type, error.non_retryable) == ("result-too-large", True)


async def test_largest_answer_is_kept(bench: Bench, web: LocalServer) -> None:
    web.on("/", Page(body=b"x" * 990_000))
    assert len((await bench.run("http", call({"method": "GET", "url": web.url()})))["body"]) == 990_000


@pytest.mark.parametrize(
    "answer",
    [
        Page(body=b"not gzip at all", headers={"Content-Encoding": "gzip"}),
        Page(body=gzip.compress(b"cut short" * 99)[:-12], headers={"Content-Encoding": "gzip"}),
        Page(body=gzip.compress(b"a") * 2, headers={"Content-Encoding": "gzip"}),
        Page(body=b"x", headers={"Content-Encoding": "br"}),
        Page(body=b"x", headers={"Content-Encoding": "gzip, gzip"}),
    ],
)
async def test_broken_compression(bench: Bench, web: LocalServer, answer: Page) -> None:
    web.on("/", answer)
    assert (await bench.failure("http", call({"method": "GET", "url": web.url()}))).type == "http-connection"


async def test_nothing_is_remembered_between_calls(
    bench: Bench, web: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    web.on("/", page(None, Set_Cookie="session=1; Path=/"))
    for _ in range(2):
        await bench.run("http", call({"url": web.url()}))
    assert all("cookie" not in request.headers for request in web.received)


async def test_key_that_no_header_can_carry_is_encoded(bench: Bench, web: LocalServer) -> None:
    web.on("/", page(None))
    odd = call({"url": web.url()})
    odd.context.idempotency_key = "run/pay\r\nX-Evil: 1 ü/1"
    await bench.run("http", odd)
    assert web.received[0].headers["idempotency-key"] == "run/pay%0D%0AX-Evil: 1 %C3%BC/1"
    assert "x-evil" not in web.received[0].headers


async def test_binary_secret_is_no_header(bench: Bench, web: LocalServer) -> None:
    bench.seal("odd", "line\nbreak")
    config = {"url": web.url(), "headers": {"X-Key": {"secret": "key"}}}
    error = await bench.failure("http", call(config, secrets={"key": "odd"}))
    assert error.type == "secret-invalid"
    assert base64.b64encode(b"line\nbreak").decode() not in error.message and "break" not in error.message
    assert not web.received
