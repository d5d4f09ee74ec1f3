"""The error envelope, who may do what, and what happens while Temporal or the workers are away."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from temporalio.client import Client

from adapter.keyring import read_keyring
from adapter.settings import Settings
from tests.conformance.justworkflowit.samples import GATE
from tests.conformance.justworkflowit.vendor import Json, Vendor, invalid, refused, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.conftest import free_port

ORGANISATION = "6f1c1a52-5b8e-4a52-9d2a-2f6f2a3c1d10"
ID = "6d2e6d75-e001-4ca8-b625-ae5043c87f82"
VERSION = {"definition": json.dumps(GATE)}
SUBMIT = {"workflowId": ID, "workflowVersion": {"tag": "$LIVE"}}
#: Every operation: what it needs, and a request that gets as far as "not found" or a success.
OPERATIONS: list[tuple[str, str, str, Json | None]] = [
    ("workflow:create", "POST", "/workflows", {"name": "of its own"}),
    ("workflow:read", "GET", "/workflows", None),
    ("workflow:read", "GET", f"/workflows/{ID}", None),
    ("workflow:version:create", "POST", f"/workflows/{ID}/versions", VERSION),
    ("workflow:version:create", "POST", f"/workflows/{ID}/versions/validate", VERSION),
    ("workflow:version:read", "GET", f"/workflows/{ID}/versions", None),
    ("workflow:version:read", "GET", f"/workflows/{ID}/versions/{ID}", None),
    ("workflow:version:create", "PUT", f"/workflows/{ID}/tags/%24LIVE", {"versionId": ID}),
    ("workflow:version:read", "GET", f"/workflows/{ID}/tags/%24LIVE", None),
    ("job:submit", "POST", "/jobs", SUBMIT),
    ("job:list", "GET", "/jobs", None),
    ("job:read", "GET", f"/jobs/{ID}", None),
    ("job:read", "GET", f"/jobs/{ID}/state", None),
    ("job:read", "GET", f"/jobs/{ID}/state/metadata", None),
    ("job:event:send", "POST", f"/jobs/{ID}/events", {"eventId": "go"}),
    ("job:cancel", "POST", f"/jobs/{ID}/cancel", None),
    ("job:submit", "POST", f"/jobs/{ID}/resume", None),
]


def entry(key: str, *permissions: str) -> Json:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"key_sha256": digest, "organisation": ORGANISATION, "permissions": permissions, "name": key}


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def keyed(temporal_client: Client) -> AsyncIterator[Stack]:
    """An adapter with keys: one for everything, and one for each permission alone."""
    permissions = sorted({permission for permission, *_ in OPERATIONS})
    entries = [entry("all", "*"), entry("none"), *(entry(one, one) for one in permissions)]
    settings = Settings(api_keys=read_keyring(json.dumps(entries)))
    async with adapter(temporal_client, settings=settings) as stack, stack.worker():
        yield stack


def test_all_operations_are_here() -> None:
    assert len(OPERATIONS) == 17


@pytest.mark.parametrize(("permission", "method", "path", "body"), OPERATIONS)
async def test_each_operation_asks_for_its_permission(
    keyed: Stack, permission: str, method: str, path: str, body: Json | None
) -> None:
    async with vendor_of(keyed, ORGANISATION, token=permission) as vendor:
        allowed = await vendor.send(method, path, body)
        assert allowed.status_code in (200, 404), allowed.text
        for other in {one for one, *_ in OPERATIONS} - {permission} | {"none"}:
            vendor.token = other
            message = refused(await vendor.send(method, path, body), 403, "AuthorizationError")["message"]
            assert permission in message
        vendor.token = "all"
        vendor.organisation = str(uuid.uuid4())
        refused(await vendor.send(method, path, body), 403, "AuthorizationError")
        for token in ("wrong", "tg1.e30.e30"):
            vendor.token = token
            response = await vendor.send(method, path, body)
            refused(response, 401, "AuthenticationError")
            assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("authorization", [None, "all", "Basic YWxsOg==", "Bearer", "Bearer all extra"])
async def test_a_credential_is_a_bearer_token(keyed: Stack, authorization: str | None) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    async with httpx.AsyncClient(base_url=keyed.address) as http:
        response = await http.get(f"/organizations/{ORGANISATION}/workflows", headers=headers)
    refused(response, 401, "AuthenticationError")


async def test_an_authorisation_is_checked_before_the_body(keyed: Stack) -> None:
    async with vendor_of(keyed, ORGANISATION, token="none") as vendor:
        refused(await vendor.send("POST", "/jobs", content=b"{"), 403, "AuthorizationError")


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/workflows/", "/jobs/x/y/z", f"/jobs/{ID}/events/", f"/workflows/{ID}/tags/"]
)
async def test_an_unknown_path_is_not_found_in_the_same_shape(vendor: Vendor, path: str) -> None:
    refused(await vendor.send("GET", path), 404, "NotFoundError")


async def test_the_root_of_the_api_is_in_the_same_shape(vendor: Vendor) -> None:
    refused(await vendor.http.get("/organizations"), 404, "NotFoundError")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/workflows", "GET, POST"),
        ("GET", f"/jobs/{ID}/events", "POST"),
        ("POST", f"/jobs/{ID}", "GET"),
        ("GET", f"/jobs/{ID}/cancel", "POST"),
        ("POST", f"/workflows/{ID}/tags/$LIVE", "GET, PUT"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(vendor: Vendor, method: str, path: str, allowed: str) -> None:
    response = await vendor.send(method, path)
    refused(response, 405, "ValidationError")
    assert response.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/workflows", "/jobs", f"/workflows/{ID}/versions"])
@pytest.mark.parametrize("content", [b"", b"[]", b"{]", b"\xff", b'{"name": NaN}'])
async def test_a_malformed_body_is_refused(vendor: Vendor, path: str, content: bytes) -> None:
    refused(await vendor.send("POST", path, content=content), 400, "ValidationError")


async def test_a_request_that_is_too_large_is_refused(vendor: Vendor) -> None:
    response = await vendor.send("POST", "/workflows", {"name": "x" * 300_000})
    refused(response, 413, "ValidationError")


async def test_while_temporal_is_away_everything_can_be_tried_again() -> None:
    away = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True)
    async with adapter(away, rpc_seconds=0.5) as stack, vendor_of(stack) as vendor:
        for _, method, path, body in OPERATIONS:
            if path.endswith(f"/versions/{ID}") or ("tags" in path and method == "PUT"):
                continue  # an id that cannot be one of ours is not found without asking
            response = await vendor.send(method, path, body)
            refused(response, 503, "UnhandledError")
            assert int(response.headers["retry-after"]) > 0


async def test_while_no_worker_is_there_what_needs_none_is_answered(temporal_client: Client) -> None:
    async with adapter(temporal_client, rpc_seconds=1.0) as stack, vendor_of(stack) as vendor:
        async with stack.worker():
            workflow_id = await vendor.publish(GATE)
        same = str(uuid.uuid4())
        path = f"/workflows/{workflow_id}/versions"
        refused(await vendor.send("POST", path, VERSION, invocation=same), 503, "UnhandledError")
        job_id = await vendor.submit(workflow_id)
        assert (await vendor.job(job_id))["status"] == "PENDING"
        assert len((await vendor.ok("GET", path))["versions"]) == 1
        assert await vendor.ok("GET", f"/workflows/{workflow_id}/tags/$LIVE")
        async with stack.worker():
            # The live version says the same, so the repetition finds it.
            again = await vendor.ok("POST", path, VERSION, invocation=same, attempt=2)
            assert again["versionNumber"] == 1
            await vendor.parked(job_id)


async def test_an_expired_date_of_a_query_is_named(vendor: Vendor) -> None:
    invalid(await vendor.send("GET", "/jobs", params={"createdAfter": "0"}), "createdAfter")
