"""Hosts at whose root a dialect serves a path of its own."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from adapter.app import create_app
from adapter.dialect import Dialect, under
from adapter.failures import status_of
from adapter.keyring import Keyring, read_keyring
from adapter.settings import Settings, SettingsError
from definitions.errors import TidegateError

HOSTS = (("plots", (("garden.example.com", "garden"), ("shed.localhost", "shed"))),)
KEYS = read_keyring('[{"key_sha256": "' + "0" * 64 + '", "organisation": "o", "permissions": ["*"]}]')

router = APIRouter()
others = APIRouter()


@router.get("/plots/{plot}/at/{rest:path}")
async def at(request: Request, plot: str, rest: str) -> dict[str, str]:
    return {"plot": plot, "rest": rest, "path": request.scope["path"]}


@others.get("/other")
async def other() -> dict[str, str]:
    return {"served by": "the other"}


def refused(request: Request, error: TidegateError) -> Response:
    return JSONResponse({"refused": error.message}, status_of(error))


PLOTS = Dialect("plots", under("/plots"), router, refused, root_of=lambda name: f"/plots/{name}/at")
OTHERS = Dialect("others", under("/other"), others, refused)


def client(settings: Settings, origin: str = "http://127.0.0.1") -> httpx.AsyncClient:
    app = create_app(settings, dialects=(PLOTS, OTHERS))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=origin)


@pytest.mark.parametrize("keyed", [True, False])
@pytest.mark.parametrize("host", ["garden.example.com", "GARDEN.example.com.", "garden.example.com:8080"])
async def test_a_known_host_serves_its_dialect_at_the_root(host: str, keyed: bool) -> None:
    settings = Settings(dialect_hosts=HOSTS, api_keys=KEYS if keyed else Keyring())
    async with client(settings) as http:
        found = await http.get("/beds/a%2Fb/%7Bid%7D", headers={"host": host})
        assert found.json() == {
            "plot": "garden",
            "rest": "beds/a%2Fb/{id}",
            "path": "/plots/garden/at/beds/a%2Fb/{id}",
        }
        # All of the host is the dialect's, errors included; nothing of it is another's.
        assert (await http.get("/other", headers={"host": host})).json()["rest"] == "other"
        missing = await http.post("/other", headers={"host": host})
        assert (missing.status_code, list(missing.json())) == (405, ["refused"])
        bad = await http.get("/%ff", headers={"host": host})
        assert (bad.status_code, list(bad.json())) == (400, ["refused"])


async def test_other_hosts_are_served_as_ever() -> None:
    async with client(Settings(dialect_hosts=HOSTS)) as http:
        assert (await http.get("/other")).json() == {"served by": "the other"}
        assert (await http.get("/plots/garden/at/x")).json()["plot"] == "garden"
        assert (await http.get("/x")).status_code == 404


async def test_a_server_without_keys_takes_no_host_that_nobody_has_named() -> None:
    async with client(Settings(dialect_hosts=HOSTS)) as http:
        for host in ("evil.example.com", "garden.example.com.evil.com", "garden.example.com@evil.com"):
            assert (await http.get("/x", headers={"host": host})).status_code == 403, host
        at_home = {"host": "garden.example.com", "origin": "https://garden.example.com"}
        assert (await http.get("/x", headers=at_home)).status_code == 200
        foreign = {"host": "garden.example.com", "origin": "https://evil.example.com"}
        assert (await http.get("/x", headers=foreign)).status_code == 403


def test_a_dialect_without_public_names_has_no_hosts() -> None:
    with pytest.raises(SettingsError, match=r"garden\.example\.com"):
        create_app(Settings(dialect_hosts=HOSTS), dialects=(replace(PLOTS, root_of=None),))
