"""Credentials, and errors in the shape that belongs to each place."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from temporalio.client import Client

from adapter.settings import Settings
from tests.conformance.compozy.conftest import READER, keyed
from tests.conformance.compozy.samples import gate, quick
from tests.conformance.compozy.vendor import Vendor, first_shape, problem, vendor_of
from tests.conformance.stack import Stack, adapter

CHALLENGE = 'Bearer realm="compozy", charset="UTF-8"'
PATHS = ["/workflows", "/executions/workflows", "/executions/workflows/exec_123"]


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_credential(vendor: Vendor, path: str) -> None:
    response = await vendor.http.get(f"/api/v0{path}")
    first_shape(response, 401, "UNAUTHORIZED", "Authentication required")
    assert response.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize("header", ["cpzy_0", "Basic abc", "Bearer", "Token cpzy_0"])
async def test_a_credential_that_is_none(vendor: Vendor, header: str) -> None:
    response = await vendor.http.get("/api/v0/workflows", headers={"authorization": header})
    first_shape(response, 400, "BAD_REQUEST", "Authentication failed")


async def test_a_wrong_credential(vendor: Vendor) -> None:
    for header in ("Bearer cpzy_wrong", "bearer x"):
        response = await vendor.http.get("/api/v0/workflows", headers={"authorization": header})
        first_shape(response, 401, "UNAUTHORIZED", "Authentication failed")
        assert response.headers["www-authenticate"] == CHALLENGE


async def test_the_scheme_may_be_written_in_any_way(vendor: Vendor) -> None:
    for scheme in ("bearer", "BEARER"):
        response = await vendor.http.get("/api/v0/workflows", headers={"authorization": f"{scheme} {vendor.token}"})
        assert response.status_code == 200


async def test_a_key_may_do_what_it_was_made_for(keyed_stack: Stack) -> None:
    async with vendor_of(keyed_stack, READER, "org-reader") as reader:
        assert await reader.executions() == []
        for method, path, body in (
            ("PUT", "/workflows/w", quick("w")),
            ("GET", "/workflows", None),
            ("DELETE", "/workflows/w", None),
            ("POST", "/workflows/w/executions", {}),
            ("POST", "/workflows/w/executions/sync", {}),
            ("POST", "/executions/workflows/x/signals", {"signal_name": "go"}),
            ("POST", "/executions/workflows/x/cancel", None),
            ("POST", "/executions/workflows/x/pause", None),
            ("POST", "/events", {"name": "go"}),
        ):
            first_shape(await reader.send(method, path, body), 403, "FORBIDDEN")


async def test_a_server_without_keys_takes_any_credential_and_none(temporal_client: Client) -> None:
    async with adapter(temporal_client) as stack, vendor_of(stack, "", "default") as anyone:
        for header in ({}, {"authorization": "Bearer YOUR_API_KEY"}, {"authorization": "nonsense"}):
            response = await anyone.http.get("/api/v0/workflows", headers=header)
            assert response.status_code == 200, response.text


async def test_unknown_paths_and_wrong_methods(vendor: Vendor) -> None:
    for path in ("/nothing", "/executions", "/executions/workflows/x/outputs"):
        problem(await vendor.send("GET", path), 404, "UNKNOWN_ROUTE")
    response = await vendor.send("GET", "/events")
    problem(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/workflows/import"), ("POST", "/workflows/export"), ("GET", "/memory/health"), ("GET", "/mcps"),
     ("PUT", "/mcps/x"), ("GET", "/agents"), ("GET", "/tools"), ("GET", "/users/x"), ("GET", "/executions/tasks/x")],
)  # fmt: skip
async def test_what_is_documented_and_not_served_says_so(vendor: Vendor, method: str, path: str) -> None:
    body = problem(await vendor.send(method, path), 501, "UNSUPPORTED")
    assert body["error"] == "Not Implemented"
    assert body["instance"] == f"/api/v0{path}"


async def test_bodies_of_a_megabyte(vendor: Vendor) -> None:
    await vendor.put(gate())
    exec_id = await vendor.start("gate-flow")
    await vendor.waits(exec_id)
    response = await vendor.signal(exec_id, "go", {"text": "x" * 2_000_000})
    problem(response, 413, "TOO_LARGE")
    response = await vendor.send("POST", "/events", {"name": "go", "payload": {"text": "x" * 1_000_000}})
    problem(response, 413, "TOO_LARGE")
    response = await vendor.signal(exec_id, "go", {"text": "x" * 1_000_000})
    problem(response, 413, "TOO_LARGE")
    await vendor.signalled(exec_id, "go", {"text": "x" * 400_000})
    assert len((await vendor.ended(exec_id))["output"]["answer"]["text"]) == 400_000


async def test_no_worker_is_told_and_nothing_is_lost(temporal_client: Client) -> None:
    async with (
        adapter(temporal_client, settings=keyed(), rpc_seconds=1.0) as stack,
        vendor_of(stack, "cpzy_2", "org-2") as vendor,
    ):
        async with stack.worker(secret_keys=()):
            await vendor.put(gate("kept"))
            exec_id = await vendor.start("kept")
            await vendor.waits(exec_id)
        for response in (
            await vendor.send("GET", f"/executions/workflows/{exec_id}"),
            await vendor.send("PUT", "/workflows/new", gate("new")),
            await vendor.send("GET", f"/executions/workflows/{exec_id}/stream"),
        ):
            body = problem(response, 503, "UNAVAILABLE")
            assert (body["error"], "retry-after" in response.headers) == ("Service Unavailable", True)
        # A signal's fate is not its sender's to know, so it is left for the worker that comes.
        await vendor.signalled(exec_id, "go", {"n": 1})
        later = await vendor.start("kept")
        # One that is waited for has begun all the same: to be told 503 would have its caller start another.
        waited = await vendor.send("POST", "/workflows/kept/executions/sync", {"timeout": 0.2})
        assert (waited.status_code, waited.json()["error"]["code"]) == (408, "REQUEST_TIMEOUT")
        told = waited.json()["data"]
        assert told["workflow"]["workflow_exec_id"] == told["exec_id"]
        async with stack.worker(secret_keys=()):
            await vendor.waits(told["exec_id"])
            await vendor.send("POST", f"/executions/workflows/{told['exec_id']}/cancel")
            assert (await vendor.ended(exec_id))["output"] == {"answer": {"n": 1}}
            await vendor.waits(later)
            await vendor.send("POST", f"/executions/workflows/{later}/cancel")


async def test_no_temporal(temporal_client: Client) -> None:
    away = await Client.connect("127.0.0.1:1", lazy=True)
    settings = replace(Settings(), max_body=100_000)
    async with adapter(away, settings=settings, rpc_seconds=1.0) as stack, vendor_of(stack, "x", "default") as vendor:
        for method, path, body in (
            ("GET", "/workflows", None),
            ("PUT", "/workflows/w", quick("w")),
            ("POST", "/workflows/w/executions", {"input": {}}),
            ("POST", "/events", {"name": "go"}),
            ("POST", "/executions/workflows/2abYpW4gKTp1ZWQDX7RkKmS1g0a/signals", {"signal_name": "go"}),
        ):
            response = await vendor.send(method, path, body)
            problem(response, 503, "UNAVAILABLE")
            assert "retry-after" in response.headers
        hook = await vendor.http.post("/hooks/any", content=json.dumps({}))
        assert (hook.status_code, hook.json()["error"]) == (503, "internal")
