"""The server: many requests at once, connections that stay, and a stop that lets requests finish."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from adapter.protocol import MAX_HEAD
from adapter.server import bind
from adapter.settings import Settings, SettingsError
from tests.conftest import free_port

PROGRAM = """
import asyncio
from adapter.app import create_app
from adapter.logs import configure_logs
from adapter.server import serve
from adapter.settings import read_settings
from tests.adapter.toy import TOY

settings = read_settings()
configure_logs(settings.log_level)
app = create_app(settings, None, (TOY,))
asyncio.run(serve(app, settings, lambda: print("ready", flush=True)))
"""


@asynccontextmanager
async def process(port: int, grace: int = 5) -> AsyncIterator[Process]:
    """The adapter in a process of its own, its Temporal absent."""
    environ = {
        **os.environ,
        "TIDEGATE_PORT": str(port),
        "TIDEGATE_SHUTDOWN_GRACE": str(grace),
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
    }
    root = Path(__file__).parents[2]
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=environ, cwd=root, stdout=PIPE, stderr=PIPE
    )
    try:
        assert started.stdout is not None
        assert await asyncio.wait_for(started.stdout.readline(), 20) == b"ready\n"
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.communicate()


async def test_200_requests_at_once(http: httpx.AsyncClient) -> None:
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=http.base_url, timeout=20, limits=limits) as many:
        began = time.monotonic()
        answers = await asyncio.gather(*(many.get("/toy-slow/0.5") for _ in range(200)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 200
    assert time.monotonic() - began < 10  # one after the other they would take 100 s


async def test_a_connection_is_kept_after_answers_and_errors(http: httpx.AsyncClient) -> None:
    port = http.base_url.port
    assert port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path, status in (
        ("/healthz", b"200"),
        ("/toy-raise/defect", b"500"),
        ("/nowhere", b"404"),
        ("/healthz", b"200"),
    ):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert head.split()[1] == status
        assert b"\r\ndate: " in head.lower()
        assert b"\r\nserver: " not in head.lower()
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
    writer.close()
    await writer.wait_closed()


async def raw(http: httpx.AsyncClient, sent: bytes, *, most: int = 65536) -> bytes:
    """What the server says to raw bytes."""
    assert http.base_url.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    try:
        for start in range(0, len(sent), 16384):
            writer.write(sent[start : start + 16384])
            await writer.drain()
        return await asyncio.wait_for(reader.read(most), 5)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 2_000_000,
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + b"X-Many: x\r\n" * 200_000,
    ],
    ids=["target", "one header", "many headers"],
)
async def test_a_head_without_end_is_cut(http: httpx.AsyncClient, head: bytes) -> None:
    answer = await raw(http, head)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")
    assert (await http.get("/healthz")).status_code == 200


async def test_a_large_head_within_the_bound_is_taken(http: httpx.AsyncClient) -> None:
    answer = await http.get("/healthz", headers={"x-large": "x" * (MAX_HEAD - 1000)})
    assert answer.status_code == 200


async def test_what_is_no_http_is_refused(http: httpx.AsyncClient) -> None:
    assert (await raw(http, b"\x16\x03\x01 nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_a_request_without_host_is_refused_on_a_server_without_keys(http: httpx.AsyncClient) -> None:
    assert b" 403 " in await raw(http, b"GET /healthz HTTP/1.0\r\n\r\n")


async def test_who_asks_before_sending_too_much_is_told_before_it_sends(http: httpx.AsyncClient) -> None:
    head = b"POST /toy-echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 300000\r\nExpect: 100-continue\r\n\r\n"
    assert (await raw(http, head)).startswith(b"HTTP/1.1 413 ")


async def test_a_caller_who_leaves_in_the_middle_of_a_body_does_no_harm(http: httpx.AsyncClient) -> None:
    assert http.base_url.port is not None
    _, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write(b'POST /toy-echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"a"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    gone = 'tidegate_http_requests_total{method="POST",route="/toy-echo",status="499"} 1.0'
    deadline = time.monotonic() + 5
    while gone not in (await http.get("/metrics")).text:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_lets_requests_finish_and_takes_no_new_ones(number: signal.Signals) -> None:
    port = free_port()
    async with process(port) as server, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
        await http.get("/healthz")  # an idle connection must not hold the stop
        slow = asyncio.create_task(http.get("/toy-slow/1.5"))
        await in_flight(http, 2)
        server.send_signal(number)
        answer = await slow
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert await asyncio.wait_for(server.wait(), 5) == 0
        with pytest.raises(httpx.ConnectError):
            await http.get("/healthz")


async def test_a_request_that_outlasts_the_grace_period_gets_a_503() -> None:
    port = free_port()
    async with process(port, grace=1) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as http:
            slow = asyncio.create_task(http.get("/toy-slow/60"))
            await in_flight(http, 2)
            server.terminate()
            answer = await slow
        assert (answer.status_code, answer.json()["toy"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert await asyncio.wait_for(server.wait(), 5) == 0


async def in_flight(http: httpx.AsyncClient, number: int) -> None:
    """Wait until the server answers this many requests at once, the asking one included."""
    deadline = time.monotonic() + 5
    while f"in_flight {number}.0" not in (await http.get("/metrics")).text:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_a_taken_port_and_a_foreign_address_are_one_line() -> None:
    with bind(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
            bind(Settings(port=port))
    with pytest.raises(SettingsError, match=r"^cannot listen on 203\.0\.113\.9:"):
        bind(Settings(host="203.0.113.9"))
    with pytest.raises(SettingsError, match=r"^cannot listen on no-such-host"):
        bind(Settings(host="no-such-host.invalid"))
