"""The documented calls, with curl: what is written is what works."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.conformance.fastgen.conftest import SECRET_KEY, keyed
from tests.conformance.fastgen.vendor import Vendor, statuses, vendor_of
from tests.conformance.stack import adapter
from tests.worker.activities.local_server import LocalServer, page
from worker.settings import read_settings

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


def documented() -> list[str]:
    """The commands of the documentation, in order; one may have several lines."""
    text = (ROOT / "docs" / "fastgen.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    lines = [line for line in block.splitlines() if not line.startswith("#")]
    return ["curl " + command for command in "\n".join(lines).split("curl ") if command]


async def curl(command: str, **variables: str) -> Any:
    """Run a command in a shell: its answer's JSON, with the run's id if there is one."""
    process = await asyncio.create_subprocess_shell(
        command.replace("curl ", "curl -sS --noproxy '*' -D /dev/stderr ", 1),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **variables},
    )
    body, head = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, head
    run = re.search(rb"(?i)x-run-id: (\S+)", head)
    return json.loads(body) | ({"$run": run[1].decode()} if run else {})


@pytest_asyncio.fixture(loop_scope="session")
async def shop(temporal_client: Client, site: LocalServer) -> AsyncIterator[Vendor]:
    """The project of the page, with a supplier that answers."""
    site.on("/orders", page({"ordered": True}))
    environ = {"TIDEGATE_HTTP_REWRITE": f"https://supplier.example.com={site.url('')}", "TIDEGATE_DEV": "1"}
    rewrite = read_settings(environ).http_rewrite
    async with (
        adapter(temporal_client, settings=keyed()) as stack,
        stack.worker(secret_keys=(SECRET_KEY,), http_rewrite=rewrite),
        vendor_of(stack.address, "fg_394", "shop") as vendor,
    ):
        yield vendor


async def test_every_documented_call(shop: Vendor) -> None:
    given = {"F": f"{str(shop.http.base_url).rstrip('/')}/fastgen/shop", "K": shop.token}
    commands = iter(documented())

    async def following() -> Any:
        return await curl(next(commands), **given)

    assert (await following())["deployedVersion"] is None  # save
    assert (await following())["deployedVersion"] == 1  # deploy
    assert (await following())["active"] is False  # switch
    debugged = await following()
    assert statuses(debugged) == {"Call supplier": "executed"} and debugged["debug"] is True
    assert (await following())["event"] == "sku_reorder"
    assert [one["name"] for one in (await following())["workflows"]] == ["Reorder"]
    assert await following() == {"name": "Reorder", "deleted": True}
    assert (await following())["url"].endswith("/fastgen/shop/api/orders/{id}")  # save the route
    assert (await following())["events"] == [{"event": "sku_reorder", "params": {"sku": "X"}, "emitted": False}]
    assert (await following())["deployedVersion"] == 1
    answer = await following()  # call it
    assert answer["ordered"] == "7"
    given |= {"ID": (await following())["id"], "RUN": answer["$run"]}
    assert [one["name"] for one in (await following())["tokens"]] == ["partner"]
    assert (await following())["revoked"] is True
    assert (await following())["event_id"] == "signup-u1"
    assert "events" in await following()
    assert "runs" in await following()
    assert (await following())["response"] == {"status": 201, "headers": {}, "body": {"ordered": "7"}}
    assert (await following())["code"] == "run-closed"  # it cannot be stopped any more
    assert list(commands) == [], "a call has been added: try it here"
