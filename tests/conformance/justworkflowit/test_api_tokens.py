"""API tokens through both paths: issued once, used as a credential, for no more than was granted."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from adapter.keyring import read_keyring
from adapter.settings import Settings
from tests.conformance.justworkflowit.samples import GATE
from tests.conformance.justworkflowit.test_errors import ORGANISATION, entry
from tests.conformance.justworkflowit.vendor import Json, Vendor, invalid, refused, vendor_of
from tests.conformance.stack import Stack, adapter
from tests.running import eventually

PATHS = ("/api-auth-tokens", "/api-tokens")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def keyed(temporal_client: Client) -> AsyncIterator[Stack]:
    entries = [entry("boss", "*"), entry("clerk", "apitoken:create", "job:read"), entry("reader", "job:read")]
    settings = Settings(api_keys=read_keyring(json.dumps(entries)))
    async with adapter(temporal_client, settings=settings) as stack, stack.worker():
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def boss(keyed: Stack) -> AsyncIterator[Vendor]:
    async with vendor_of(keyed, ORGANISATION, token="boss") as vendor:
        yield vendor


def soon(**delta: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(**(delta or {"hours": 1}))).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def asked(*permissions: str, **changes: Any) -> Json:
    return {"name": "ci", "expiresAt": soon(), "permissions": list(permissions) or ["job:read"]} | changes


@pytest.mark.parametrize("path", PATHS)
async def test_a_token_works_for_what_it_was_granted(boss: Vendor, path: str) -> None:
    body = asked("workflow:create", "workflow:version:create", "job:submit", "job:read")
    answer = await boss.ok("POST", path, body)
    assert set(answer) == {"apiAuthTokenId", "name", "createdAt", "expiresAt", "token"}
    assert (answer["name"], answer["expiresAt"]) == ("ci", body["expiresAt"])
    ci = Vendor(boss.http, ORGANISATION, answer["token"])
    job_id = await ci.submit(await ci.publish(GATE, f"by token {path}"))
    assert (await ci.job(job_id))["submittedByUser"] == "ci"
    refused(await ci.event(job_id, "go"), 403, "AuthorizationError")
    refused(await ci.send("POST", path, asked()), 403, "AuthorizationError")
    refused(await Vendor(boss.http, "other", answer["token"]).send("GET", f"/jobs/{job_id}"), 403, "AuthorizationError")


async def test_a_token_gives_no_more_than_its_maker_has(boss: Vendor) -> None:
    clerk = Vendor(boss.http, ORGANISATION, "clerk")
    assert (await clerk.send("POST", PATHS[0], asked("job:read"))).status_code == 200
    body = refused(await clerk.send("POST", PATHS[0], asked("job:read", "job:cancel")), 403, "AuthorizationError")
    assert "job:cancel" in body["message"]
    reader = Vendor(boss.http, ORGANISATION, "reader")
    refused(await reader.send("POST", PATHS[0], asked("job:read")), 403, "AuthorizationError")


async def test_a_token_expires(boss: Vendor) -> None:
    token = (await boss.ok("POST", PATHS[0], asked("workflow:read", expiresAt=soon(seconds=0.5))))["token"]
    ci = Vendor(boss.http, ORGANISATION, token)
    assert (await ci.send("GET", "/workflows")).status_code == 200
    response = await eventually(lambda: ci.send("GET", "/workflows"), lambda response: response.status_code != 200)
    assert "expired" in refused(response, 401, "AuthenticationError")["message"]


async def test_a_changed_token_is_worth_nothing(boss: Vendor) -> None:
    token = (await boss.ok("POST", PATHS[0], asked("workflow:read")))["token"]
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    refused(await Vendor(boss.http, ORGANISATION, changed).send("GET", "/workflows"), 401, "AuthenticationError")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "$.name"),
        ({"name": None}, "$.name"),
        ({"expiresAt": None}, "$.expiresAt"),
        ({"expiresAt": "tomorrow"}, "$.expiresAt"),
        ({"expiresAt": 1893456000}, "$.expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "$.expiresAt"),
        ({"permissions": []}, "$.permissions"),
        ({"permissions": "job:read"}, "$.permissions"),
        ({"permissions": ["*"]}, "$.permissions[0]"),
        ({"permissions": ["job:read", ""]}, "$.permissions[1]"),
    ],
)
async def test_a_bad_request_for_a_token_is_refused(boss: Vendor, changes: Json, field: str) -> None:
    invalid(await boss.send("POST", PATHS[0], asked(**changes)), field)


async def test_a_server_without_keys_issues_tokens_too(vendor: Vendor) -> None:
    answer = await vendor.ok("POST", PATHS[1], asked())
    assert await Vendor(vendor.http, vendor.organisation, answer["token"]).ok("GET", "/workflows") == {"workflows": []}
