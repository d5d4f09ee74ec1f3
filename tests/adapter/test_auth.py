"""Who may do what: keys, organisations, permissions; and a server without keys, which trusts its machine only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from adapter.app import create_app
from adapter.keyring import KeyringError, read_keyring
from adapter.settings import Settings, SettingsError, is_loopback
from tests.adapter.conftest import Serve, served


def entry(key: str, organisation: str, *permissions: str, **more: str) -> dict[str, Any]:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"key_sha256": digest, "organisation": organisation, "permissions": list(permissions), **more}


KEYS = json.dumps(
    [
        entry("key-a", "acme", "thing:read", name="reader"),
        entry("key-b", "acme", "*"),
        entry("key-c", "bolt", "*", name="bolt admin"),
    ]
)
KEYED = Settings(api_keys=read_keyring(KEYS))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def keyed() -> AsyncIterator[httpx.AsyncClient]:
    """A server with the keys above."""
    async with served(KEYED) as client:
        yield client


@pytest.mark.parametrize(
    "authorization, status, code",
    [
        (None, 401, "unauthenticated"),
        ("", 401, "unauthenticated"),
        ("Bearer", 401, "unauthenticated"),
        ("Bearer wrong", 401, "unauthenticated"),
        ("Basic a2V5LWE6", 401, "unauthenticated"),
        ("key-a", 401, "unauthenticated"),
        ("Bearer key-c", 403, "forbidden"),
        ("Bearer key-a", 200, None),
        ("bearer   key-a", 200, None),
        ("Bearer key-b", 200, None),
    ],
)
async def test_reading_with_a_key(
    keyed: httpx.AsyncClient, authorization: str | None, status: int, code: str | None
) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await keyed.get("/toy/acme/things/1", headers=headers)
    assert (answer.status_code, answer.json().get("toy")) == (status, code)
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_a_permission_is_needed_and_named(keyed: httpx.AsyncClient) -> None:
    refused = await keyed.delete("/toy/acme/things/1", headers={"authorization": "Bearer key-a"})
    taken = await keyed.delete("/toy/acme/things/1", headers={"authorization": "Bearer key-b"})
    assert (refused.status_code, taken.status_code) == (403, 204)
    assert "thing:remove" in refused.json()["why"]


async def test_the_organisation_is_the_keys_where_the_path_names_none(keyed: httpx.AsyncClient) -> None:
    answer = await keyed.get("/toy-mine", headers={"authorization": "Bearer key-c"})
    assert answer.json() == {"organisation": "bolt"}


async def test_a_server_with_keys_answers_to_any_host_name_and_origin(keyed: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer key-a", "host": "api.example.com", "origin": "https://example.com"}
    answer = await keyed.get("/toy/acme/things/1", headers=headers)
    assert (answer.status_code, answer.json()["caller"]) == (200, "reader")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("authorization", [None, "Bearer anything", "Basic x", "nonsense"])
async def test_without_keys_every_credential_and_none_is_taken(http: httpx.AsyncClient, authorization: str) -> None:
    headers = {} if authorization is None else {"authorization": authorization}
    answer = await http.get("/toy/any/things/1", headers=headers)
    assert answer.json() == {"name": "1", "organisation": "any", "caller": "anonymous"}
    assert (await http.get("/toy-mine", headers=headers)).json() == {"organisation": "default"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080"])
async def test_without_keys_a_loopback_host_is_taken(http: httpx.AsyncClient, host: str) -> None:
    assert (await http.get("/toy-page", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "localhost.example.com",
        "127.0.0.1.example.com",
        "10.0.0.1",
        "0.0.0.0",
        "",
        "[::1",
        "@",
        "example.com@localhost",
        "example.com\\\\@localhost",
        "[::1].example.com",
        "[::1]example.com",
        "localhost:x",
        "127.0.0.1:80:example.com",
        "localhost/",
        "[::1%25eth0]",
        "127.0.0.1, example.com",
    ],
)
async def test_without_keys_a_foreign_host_is_refused(http: httpx.AsyncClient, host: str) -> None:
    for path in ("/toy-page", "/healthz"):
        assert (await http.get(path, headers={"host": host})).status_code == 403
    assert (await http.get("/toy-page", headers={"host": host})).json()["toy"] == "forbidden"


@pytest.mark.parametrize(
    "origin, status",
    [
        ("https://example.com", 403),
        ("null", 403),
        ("http://127.0.0.1.example.com", 403),
        ("http://localhost@example.com", 403),
        ("http://example.com@localhost", 403),
        ("http://example.com\\@localhost", 403),
        ("//localhost", 403),
        ("", 403),
        ("http://localhost:3000", 200),
        ("http://127.0.0.1:8080", 200),
    ],
)
async def test_without_keys_a_foreign_page_is_refused(http: httpx.AsyncClient, origin: str, status: int) -> None:
    answer = await http.post("/toy-echo", content=b"1", headers={"origin": origin})
    assert answer.status_code == status


async def test_without_keys_one_line_says_so(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", "tidegate.adapter"):
        async with serve():
            pass
        async with serve(KEYED):
            pass
    assert [record.message for record in caplog.records if "no API keys" in record.message] == [
        "no API keys are set: every program on this machine is trusted, and no other is served"
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_without_keys_an_open_address_is_refused_at_start(host: str) -> None:
    with pytest.raises(SettingsError, match="without API keys"):
        create_app(Settings(host=host))
    create_app(Settings(host=host, api_keys=KEYED.api_keys))


async def test_operations_routes_are_open_on_loopback_and_need_a_key_elsewhere(serve: Serve) -> None:
    guarded = ("/metrics", "/readyz", "/docs", "/openapi.json")
    async with serve(KEYED) as http:
        assert 401 not in [(await http.get(path)).status_code for path in guarded]
    async with serve(Settings(host="0.0.0.0", api_keys=KEYED.api_keys)) as http:
        assert [(await http.get(path)).status_code for path in guarded] == [401] * 4
        key = {"authorization": "Bearer key-a"}
        assert 401 not in [(await http.get(path, headers=key)).status_code for path in guarded]
        assert (await http.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize(
    "text, reason",
    [
        ("{", "not JSON"),
        ("{}", "not a JSON list"),
        ('["x"]', "entry 0 must be an object"),
        (json.dumps([entry("k", "o") | {"permission": []}]), "entry 0 must be an object"),
        (json.dumps([entry("k", "o"), entry("l", "o") | {"key_sha256": "l"}]), "entry 1: key_sha256"),
        (json.dumps([entry("k", "")]), "entry 0: organisation"),
        (json.dumps([entry("k", "o") | {"permissions": "*"}]), "entry 0: permissions"),
        (json.dumps([entry("k", "o", name="")]), "entry 0: name"),
        (json.dumps([entry("k", "o"), entry("k", "p")]), "the same key twice"),
    ],
)
def test_a_bad_key_list_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(KeyringError, match=reason):
        read_keyring(text)


def test_every_key_is_found_and_none_is_kept() -> None:
    keyring = read_keyring(json.dumps([entry(f"long key {n}", "acme", name=f"n{n}") for n in range(3)]))
    found = [keyring.find(f"long key {n}") for n in range(4)]
    assert [one and one.name for one in found] == ["n0", "n1", "n2", None]
    assert keyring.find("\ud800") is None
    assert "long key" not in repr(keyring)


@pytest.mark.parametrize(
    "host, local",
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("::", False), ("", False)],
)
def test_what_counts_as_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local
