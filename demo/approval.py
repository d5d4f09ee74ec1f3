"""The approval flow from start to end, over real HTTP, on a real Temporal server. Run it with `make demo`.

It starts everything on free ports, with its data in a temporary folder, and stops all of it at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from definitions import ids  # noqa: E402
from demo.lambda_endpoint import LambdaEndpoint  # noqa: E402

DEFINITION = ROOT / "definitions" / "library" / "justworkflowit" / "approval-flow.json"
READY_SECONDS = 60.0


def say(text: str) -> None:
    print(text, flush=True)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


@contextlib.contextmanager
def tidegate(data: Path, lambda_url: str) -> Iterator[tuple[str, str]]:
    """`tidegate dev` on free ports; gives the adapter's and the Web UI's address."""
    port, temporal_port, ui_port = free_ports(3)
    command = [str(Path(sys.executable).with_name("tidegate")), "dev", "--port", str(port), "--data", str(data)]
    command += ["--temporal-port", str(temporal_port), "--ui-port", str(ui_port)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TIDEGATE_", "TEMPORAL_"))}
    aws = {
        "AWS_ENDPOINT_URL_LAMBDA": lambda_url,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    log = data / "demo.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=data, env={**environment, **aws}
        )
        try:
            yield _ready(process, log), f"http://127.0.0.1:{ui_port}"
        except BaseException:
            say(f"the log of tidegate dev:\n{log.read_text()[-8000:]}")
            raise
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


def _ready(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            return line.split()[1]
    raise SystemExit(f"tidegate dev did not start:\n{log.read_text()}")


def until(read: Callable[[], Any], ok: Callable[[Any], bool], what: str) -> Any:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        value = read()
        if ok(value):
            return value
        time.sleep(0.05)
    raise SystemExit(f"{what}: not within {READY_SECONDS:g} s; last seen: {value}")


class Client:
    """The calls of a JustWorkflowIt client; only the base URL is ours."""

    def __init__(self, base: str) -> None:
        self.organisation = str(uuid.uuid4())
        self.http = httpx.Client(base_url=f"{base}/organizations/{self.organisation}", timeout=30)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body) if body is not None else self.http.request(method, path)
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def job(self, job_id: str) -> Any:
        return self.call("GET", f"/jobs/{job_id}")["job"]

    def state(self, job_id: str) -> Any:
        return self.call("GET", f"/jobs/{job_id}/state")["state"]


def register(client: Client) -> str:
    workflow_id = client.call("POST", "/workflows", {"name": "approval-flow"})["workflowId"]
    version = client.call("POST", f"/workflows/{workflow_id}/versions", {"definition": DEFINITION.read_text()})
    client.call("PUT", f"/workflows/{workflow_id}/tags/$LIVE", {"versionId": version["versionId"]})
    say(f"registered   approval-flow, version {version['versionNumber']}, tagged $LIVE")
    return str(workflow_id)


def run(client: Client, functions: LambdaEndpoint, web_ui: str) -> None:
    workflow_id = register(client)
    submission = {"workflowId": workflow_id, "workflowVersion": {"tag": "$LIVE"}, "inputJson": {"prId": "PR-42"}}
    job_id = client.call("POST", "/jobs", submission)["jobId"]
    say(f"submitted    job {job_id}")

    parked = until(lambda: client.state(job_id), lambda state: state.get("nextStepName") == "waitForApproval", "parked")
    last = parked["executionHistory"][-1]
    say(f"parked       {client.job(job_id)['status']}, at {parked['nextStepName']} ({last['output']['status']})")
    workflow = quote(ids.run_workflow_id("justworkflowit", client.organisation, job_id), safe="")
    say(f"Web UI       {web_ui}/namespaces/default/workflows/{workflow}")

    event = {"eventId": "manager-approved", "payload": {"approved": True}}
    client.call("POST", f"/jobs/{job_id}/events", event)
    say(f"sent         {json.dumps(event)}")

    job = until(lambda: client.job(job_id), lambda job: job["status"] not in ("PENDING", "RUNNING"), "finished")
    say(f"finished     {job['status']}")
    data = client.state(job_id)["executionData"]
    deploy = next(payload for function, payload in functions.calls if function == "run-deployment")
    say(f"carried      waitForApprovalOutput = {json.dumps(data['waitForApprovalOutput'])}")
    say(f"             run-deployment got approved = {json.dumps(deploy.get('approved'))}")
    if job["status"] != "SUCCEEDED" or deploy.get("approved") is not True:
        raise SystemExit("the flow did not end as it should")


def main() -> None:
    started = time.monotonic()
    data = Path(tempfile.mkdtemp(prefix="tidegate-demo-"))
    functions = LambdaEndpoint()
    try:
        say("starting     Temporal, a worker and the adapter")
        with tidegate(data, functions.url) as (base, web_ui):
            say(f"ready        {base}")
            run(Client(base), functions, web_ui)
            say(f"done         in {time.monotonic() - started:.1f} s")
    finally:
        functions.shutdown()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    main()
