"""What the stack serves: a Temporal server, and for each namespace a worker of either kind and an adapter."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from bench.stack import ROOT, Stack
from definitions.contract import SEARCH_ATTRIBUTES
from tidegate import ports, probes, temporal_server

#: A namespace that knows no search attribute of ours; the dev server's `default` knows all of them.
PLAIN = "plain"
TASK_QUEUE = "tidegate"
BY_HAND_QUEUE = "by-hand"
#: What makes a dev server fast, and its file safe: left out for a default server.
_TUNING = ("--dynamic-config-value", "--sqlite-pragma")


@dataclass(frozen=True)
class Site:
    """One namespace: a client of it, where its adapter serves, and which processes work there by name."""

    client: Client
    url: str
    by_hand: Mapping[str, int]
    tidegate: Mapping[str, int]
    over_http: Mapping[str, int]


def server_command(port: int, database: Path, default_server: bool) -> list[str]:
    """The dev server as `tidegate dev` starts it; a default one has the file and the search attributes only."""
    line = temporal_server.command(
        temporal_server.find_executable(),
        port=port,
        ui_port=None,
        database=database,
        search_attributes=SEARCH_ATTRIBUTES,
    )
    dropped = {i + k for i, word in enumerate(line) if default_server and word in _TUNING for k in (0, 1)}
    return [word for i, word in enumerate(line) if i not in dropped]


async def serve_temporal(stack: Stack, *, default_server: bool) -> str:
    """Start the server with both namespaces; its address."""
    port = _free_port()
    address = ports.address(temporal_server.HOST, port)
    stack.start("temporal", server_command(port, stack.folder / "temporal.db", default_server))

    async def serves() -> bool:
        return await probes.connected(address, temporal_server.NAMESPACE) is not None

    await stack.until("temporal", serves)
    client = await Client.connect(address)
    retention = Duration(seconds=int(timedelta(days=1).total_seconds()))
    request = RegisterNamespaceRequest(namespace=PLAIN, workflow_execution_retention_period=retention)
    await client.workflow_service.register_namespace(request)
    return address


async def serve_namespace(stack: Stack, address: str, namespace: str) -> Site:
    """Start what works in one namespace, and wait until all of it does."""
    temporal = {"TEMPORAL_ADDRESS": address, "TEMPORAL_NAMESPACE": namespace}
    await stack.until(f"namespace {namespace}", lambda: _knows(address, namespace))
    port = _free_port()
    url = f"http://{ports.address(temporal_server.HOST, port)}"
    by_hand = stack.start(
        f"{namespace}-by-hand", [sys.executable, "-m", "bench.by_hand"], **temporal, BENCH_TASK_QUEUE=BY_HAND_QUEUE
    )
    command = [sys.executable, str(ROOT / "tidegate" / "__main__.py")]
    worker = stack.start(f"{namespace}-worker", [*command, "worker"], **temporal)
    adapter = stack.start(
        f"{namespace}-adapter", [*command, "serve", "--port", str(port)], **temporal, TIDEGATE_PUBLIC_URL=url
    )
    client = await Client.connect(address, namespace=namespace)
    await stack.until("the worker by hand", lambda: _polls(client))
    await stack.until("the worker", lambda: probes.worker_polls(client, TASK_QUEUE))
    await stack.until("the adapter", lambda: probes.answers(f"{url}/healthz"))
    server = {"server": stack.pids["temporal"]}
    return Site(
        client,
        url,
        by_hand={**server, "worker": by_hand},
        tidegate={**server, "worker": worker},
        over_http={**server, "worker": worker, "adapter": adapter},
    )


async def _knows(address: str, namespace: str) -> bool:
    return await probes.connected(address, namespace) is not None


async def _polls(client: Client) -> bool:
    try:
        return bool(await probes.pollers(client, BY_HAND_QUEUE))
    except RPCError:
        return False


def _free_port() -> int:
    return ports.resolve([ports.Place("--port", temporal_server.HOST, 0)])[0].port
