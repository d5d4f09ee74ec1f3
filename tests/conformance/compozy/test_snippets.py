"""The page's curl, axios, requests, httpx and Express snippets, each run as it is."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import httpx
import pytest

from tests.conformance.compozy import programs
from tests.conformance.compozy.programs import filled
from tests.conformance.compozy.samples import gives, wait, workflow
from tests.conformance.compozy.vendor import Json, Vendor


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with axios and express in it."""
    return programs.modules(tmp_path_factory.mktemp("node"))


async def waiting(vendor: Vendor, signal: str = "approval-decision") -> str:
    """An execution that waits for a signal, and gives its payload."""
    await vendor.put(workflow("approval", wait(signal=signal), outputs={"got": "{{ .tasks.gate.result.payload }}"}))
    exec_id = await vendor.start("approval")
    await vendor.waits(exec_id)
    return exec_id


async def listening(vendor: Vendor) -> None:
    trigger: Json = {"type": "signal", "name": "workflow.trigger"}
    await vendor.put(workflow("triggered", gives("a", {}), triggers=[trigger]))


def address(vendor: Vendor) -> str:
    return str(vendor.http.base_url).rstrip("/")


async def test_curl(vendor: Vendor, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no `curl` on PATH")
    exec_id = await waiting(vendor)
    answer = json.loads(await programs.shell(filled(programs.CURL, address(vendor), vendor.token, exec_id), tmp_path))
    assert answer["data"] == {"message": "Signal sent successfully"}
    assert (await vendor.ended(exec_id))["output"] == {"got": {"status": "approved"}}


async def test_axios(vendor: Vendor, installed: Path) -> None:
    exec_id = await waiting(vendor)
    answer = json.loads(await programs.node(filled(programs.AXIOS, address(vendor), vendor.token, exec_id), installed))
    assert (answer["status"], answer["data"]) == (200, {"message": "Signal sent successfully"})
    got = (await vendor.ended(exec_id))["output"]["got"]
    assert (got["decision"], got["approved_by"]) == ("approved", "external-system")


async def test_axios_with_the_pages_own_id_is_told_that_there_is_no_such_execution(
    vendor: Vendor, installed: Path
) -> None:
    said = await programs.node(filled(programs.AXIOS, address(vendor), vendor.token, "exec_123"), installed)
    status, _, body = said.partition(" ")
    assert (status, json.loads(body)["error"]["code"]) == ("404", "NOT_FOUND")


async def test_express(vendor: Vendor, installed: Path) -> None:
    exec_id = await waiting(vendor, "payment-status")
    (installed / "shop.js").write_text(filled(programs.EXPRESS, address(vendor), vendor.token), encoding="utf-8")
    async with programs.begun(["node", "shop.js"], installed) as shop:
        assert shop.stdout is not None
        port = int(await asyncio.wait_for(shop.stdout.readline(), 20))
        paid = {"event_type": "paid", "transaction_id": "t1", "workflow_exec_id": exec_id, "amount": 5, "status": "ok"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = await client.post("/webhooks/payment", json=paid)
            assert (answer.status_code, answer.json()) == (200, {"success": True})
            got = (await vendor.ended(exec_id))["output"]["got"]
            assert {key: got[key] for key in ("transaction_id", "status", "amount", "event_type")} == {
                "transaction_id": "t1", "status": "ok", "amount": 5, "event_type": "paid",
            }  # fmt: skip
            answer = await client.post("/webhooks/payment", json=paid)
            assert (answer.status_code, answer.json()) == (500, {"error": "Processing failed"})


@pytest.mark.parametrize("program", [programs.REQUESTS, programs.HTTPX], ids=["requests", "httpx"])
async def test_python(vendor: Vendor, program: str, tmp_path: Path) -> None:
    exec_id = await waiting(vendor)
    await listening(vendor)
    said = await programs.python(filled(program, address(vendor), vendor.token, exec_id), tmp_path)
    assert said.splitlines() == ["Signal sent successfully", "event received"]
    assert (await vendor.ended(exec_id))["output"] == {"got": {"status": "approved"}}
