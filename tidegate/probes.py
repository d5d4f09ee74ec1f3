"""Questions to running parts: does Temporal serve, does a worker poll, does the adapter answer?"""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.request
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from worker.client import entity_task_queue

#: Seconds that one question may take.
PATIENCE = 2.0
#: A poll lasts a minute at most; who has not begun one for longer is not polling.
POLL_SECONDS = 75.0


async def connected(address: str, namespace: str) -> Client | None:
    """A client of a Temporal service that serves this namespace now, or None."""
    try:
        client = await asyncio.wait_for(Client.connect(address, namespace=namespace), PATIENCE)
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=namespace), timeout=timedelta(seconds=PATIENCE)
        )
    except (RuntimeError, RPCError, asyncio.TimeoutError):
        return None
    return client


async def worker_polls(client: Client, task_queue: str, *, host: str | None = None) -> bool:
    """Whether workers poll both of our task queues; with `host`, workers on that host only."""
    try:
        found = [await pollers(client, queue) for queue in (task_queue, entity_task_queue(task_queue))]
    except RPCError:
        return False
    return all(any(host in (None, identity.rpartition("@")[2]) for identity in queue) for queue in found)


async def pollers(client: Client, task_queue: str) -> list[str]:
    """The identities, `pid@host`, of the workers that poll a task queue for workflows. Raises RPCError."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=timedelta(seconds=PATIENCE),
    )
    oldest = time.time() - POLL_SECONDS
    return [poller.identity for poller in answer.pollers if poller.last_access_time.ToSeconds() > oldest]


def this_host() -> str:
    """The host name as workers on this machine, or in this container, put it into their identity."""
    return socket.gethostname()


async def answers(url: str) -> bool:
    """Whether a GET is answered with a status below 300."""
    return await asyncio.to_thread(_answers, url)


def _answers(url: str) -> bool:
    # Without the proxies of the environment: the address is one of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=PATIENCE) as response:
            return bool(response.status < 300)
    except (OSError, ValueError):
        return False
