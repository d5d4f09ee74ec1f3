"""Our stand-in for the documented module when Tidegate is away, busy, or something else, and when answers are lost."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from temporalio.client import Client

from tests.conformance.stack import Stack
from tests.conformance.stackshift.conftest import keyed
from tests.conformance.stackshift.fronts import Lossy, adapter_at
from tests.conformance.stackshift.programs import HEAD, IMPORT, TELL, Programs, echo, printed
from tests.conformance.stackshift.vendor import Vendor
from tests.conftest import free_port
from tests.running import eventually
from worker.client import TidegateClient


async def test_an_adapter_that_is_away_and_comes_back(
    temporal_client: Client, vendor: Vendor, keyed_stack: Stack, programs: Programs
) -> None:
    """First it answers 503, since it cannot reach Temporal; then nobody listens; then all is well."""
    await echo(vendor, "echo")
    port = free_port()
    address, queue = f"http://127.0.0.1:{port}", keyed_stack.queue
    nowhere = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    text = HEAD + TELL + "await tell(() => stackshift.start('echo', { n: 1 }))"

    async def refusals() -> int:
        lines = (await http.get("/metrics")).text.splitlines()
        return sum('status="503"' in line and "requests_total" in line for line in lines)

    async with httpx.AsyncClient(base_url=address) as http, programs.started(text, address, vendor.token) as process:
        async with adapter_at(port, TidegateClient(nowhere, queue, 0.3), queue, keyed()):
            await eventually(refusals, lambda count: count > 0)
        async with adapter_at(port, TidegateClient(temporal_client, queue), queue, keyed()):
            [told] = json.loads(await printed(process))
    assert (await vendor.ended(told["ok"]["id"]))["result"] == {"n": 1}
    assert len(await eventually(lambda: vendor.runs(job="echo"), bool)) == 1


async def test_a_lost_answer_starts_no_second_run(vendor: Vendor, keyed_stack: Stack, programs: Programs) -> None:
    await echo(vendor, "echo")
    lossy = Lossy(keyed_stack.address)
    async with lossy.served() as address:
        [told] = await programs.told(
            HEAD + TELL + "await tell(() => stackshift.start('echo', 1))", address, vendor.token
        )
    sent = [json.loads(body) for body in lossy.bodies]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert sent[0]["idempotency_key"].startswith("client:")
    assert told["ok"]["created"] is False, "the first attempt had made it"
    await vendor.ended(told["ok"]["id"])
    assert len(await eventually(lambda: vendor.runs(job="echo"), bool)) == 1


async def test_a_lost_answer_sends_no_second_event(vendor: Vendor, keyed_stack: Stack, programs: Programs) -> None:
    lossy = Lossy(keyed_stack.address)
    text = HEAD + TELL + "await tell(() => stackshift.events.send('told', 1, { correlationKey: 'k' }))"
    async with lossy.served() as address:
        [told] = await programs.told(text, address, vendor.token)
    assert (len(lossy.bodies), told["ok"]["duplicate"]) == (2, True)


async def test_without_retries_a_failure_is_told_at_once(programs: Programs) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    text = (
        IMPORT + TELL + "const stackshift = new StackShift({ retries: 0 }); await tell(() => stackshift.start('a', 1))"
    )
    [told] = await programs.told(text, address, None)
    assert (told["status"], told["code"]) == (None, "unreachable")
    assert address in told["message"]


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        (b"429 Too Many Requests\r\nRetry-After: 31", b'{"error": {"code": "overloaded"}}', (429, "overloaded")),
        (b"200 OK", b"<html>", (200, "answer-invalid")),
        (b"302 Found\r\nLocation: http://127.0.0.1:1/", b"", (302, "http-302")),
        (None, b"", (None, "timeout")),
    ],
)  # fmt: skip
async def test_what_is_not_tried_again(
    programs: Programs, head: bytes | None, body: bytes, expected: tuple[int | None, str]
) -> None:
    """Too long a pause, something else than an adapter, a redirect; and an answer that does not come in time."""
    asked, over = 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        if head is None:
            await over.wait()
        else:
            length = f"\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            writer.write(b"HTTP/1.1 " + head + length + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    retries = 0 if head is None else 5
    text = f"const stackshift = new StackShift({{ retries: {retries}, timeoutMs: {300 if head is None else 20000} }})\n"
    text = IMPORT + TELL + text + "await tell(() => stackshift.events.send('e', {}))"
    try:
        [told] = await programs.told(text, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", None)
    finally:
        over.set()
        server.close()
    assert ((told["status"], told["code"]), asked) == (expected, 1)


async def test_a_base_url_may_have_a_path_and_a_slash_at_its_end(
    vendor: Vendor, keyed_stack: Stack, programs: Programs
) -> None:
    text = HEAD + TELL + "await tell(() => stackshift.events.send('e', {}), () => stackshift.start('..', {}))"
    for end, status in (("/", None), ("/elsewhere/", 404)):
        sent, dots = await programs.told(text, keyed_stack.address + end, vendor.token)
        assert sent.get("status") == status
        assert dots["type"] == "TypeError", "it would be another path"
