"""The documented calls, with curl: what is written is what works."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.jsworkflows.vendor import Vendor, named

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


def documented() -> list[str]:
    """The lines of the documentation that call the API."""
    text = (ROOT / "docs" / "jsworkflows.md").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith("curl ")]


def line_of(part: str) -> str:
    (line,) = [line for line in documented() if re.search(part, line)]
    return line


async def curl(line: str, **variables: str) -> Any:
    """Run a line in a shell: its answer's JSON, with the run's id if there is one."""
    process = await asyncio.create_subprocess_shell(
        line.replace("curl ", "curl -sS --noproxy '*' -D /dev/stderr ", 1),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT / "definitions" / "library" / "jsworkflows",
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", **variables},
    )
    body, head = await asyncio.wait_for(process.communicate(), 40)
    assert process.returncode == 0, head
    run = re.search(rb"(?i)x-run-id: (\S+)", head)
    answer = json.loads(body)
    return answer | ({"$run": run[1].decode()} if run else {})


async def test_every_documented_call(vendor: Vendor) -> None:
    given = {"T": str(vendor.http.base_url).rstrip("/"), "K": vendor.token}
    assert (await curl(line_of(r"/validate"), **given))["valid"] is True
    made = await curl(line_of(r"-X POST \$T/jsworkflows/workflows "), **given)
    given["W"] = made["id"]
    assert (made["name"], made["active"]) == ("order-approval", False)
    assert [one["id"] for one in (await curl(line_of(r"curl \$T/jsworkflows/workflows "), **given))["workflows"]] == [
        made["id"]
    ]
    assert (await curl(line_of(r"curl \$T/jsworkflows/workflows/\$W "), **given))["name"] == "order-approval"
    assert (await curl(line_of(r"-X PUT \$T/jsworkflows/workflows/\$W "), **given))["version"] == 1
    assert (await curl(line_of(r"/activate"), **given))["active"] is True
    assert (await curl(line_of(r"/deactivate"), **given))["active"] is False
    assert (await curl(line_of(r"/secrets/"), **given))["ok"] is True
    assert (await curl(line_of(r"/test "), **given))["test"] is True
    await curl(line_of(r"/activate"), **given)
    rotated = await curl(line_of(r"/rotate-trigger"), **given)
    waits = {"waitForEvent": {"action": "onApproved", "payload": {"orderId": "${data.id}"}}, "as": "approval"}
    workflow = json.loads((ROOT / "definitions/library/jsworkflows/order-approval.json").read_text(encoding="utf-8"))
    workflow["steps"]["start"] = [waits, {"return": {"resumeUrl": "${approval.resumeUrl}", "by": "${data.source}"}}]
    await vendor.ok("PUT", f"/workflows/{made['id']}", workflow)
    answer = await curl(line_of(r"TRIGGER_URL"), TRIGGER_URL=rotated["triggerUrl"])
    assert answer["by"] == "shop"
    assert await curl(line_of(r"RESUME_URL"), RESUME_URL=answer["resumeUrl"]) == {"ok": True}
    await vendor.ended(answer["$run"])
    run = await curl(line_of(r"/runs/\$RUN"), RUN=answer["$run"], **given)
    assert (named(run), run["steps"][1]["logs"]) == (["start", "onApproved"], ["approved by jane@example.com"])
    assert "runs" in await curl(line_of(r"/runs\?"), **given)
    assert await curl(line_of(r"-X DELETE"), **given) == {"ok": True, "id": made["id"]}
    assert len(documented()) == 15, "a call has been added: try it here"
