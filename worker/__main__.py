"""The worker process: connect, run until SIGTERM or SIGINT, drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from definitions.errors import Unavailable
from definitions.tokens import token_keys
from worker.action_activity import ActionActivities
from worker.action_host import Means
from worker.activities import load_executors
from worker.activities.activity import build_activities
from worker.activities.executor import ExecutorError, Tools
from worker.catalog import ENTITY_WORKFLOWS, entity_activities
from worker.client import TidegateClient, entity_task_queue, mailbox_task_queue
from worker.code_activity import CodeActivities
from worker.code_inspection import TidegateInspect
from worker.fan_out_activity import FanOutActivities
from worker.hand_over import HandOverActivities
from worker.http_client import HttpClient
from worker.http_guard import HttpGuard
from worker.interpreter import TidegateRun
from worker.mailbox import TidegateMailbox
from worker.mailbox_client import MailboxActivities
from worker.publish_activity import PublishActivities
from worker.resume import TidegateResume
from worker.run_activities import RunActivities
from worker.sandbox.runner import Sandbox
from worker.secrets import SecretBox
from worker.settings import Settings, SettingsError, read_settings, refuse_incomplete

log = logging.getLogger("tidegate.worker")

#: What a stopping worker gives its activities to end.
GRACE = timedelta(seconds=10)
CONNECT_RETRY_SECONDS = 1.0


@contextlib.asynccontextmanager
async def running(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Workers for runs and for entities, polling until the block is left; then they drain."""
    tidegate = TidegateClient(client, settings.task_queue)
    guard = HttpGuard(settings.http_allow_hosts, settings.http_allow_private)
    http = HttpClient(guard, rewrite=settings.http_rewrite)
    tools = Tools(settings, http, tidegate.get_secret, SecretBox(settings.secret_keys))
    registering = MailboxActivities(tidegate.mailboxes).all()
    sandbox = Sandbox(settings.code_at_once)
    memory = settings.code_memory_mb * 1_000_000
    coding = CodeActivities(sandbox, http, tidegate, memory).all()
    keys = token_keys(settings.token_keys) if settings.token_keys else None
    means = Means(http, tidegate, keys, settings.public_url, dict(settings.oauth_handle))
    acting = ActionActivities(sandbox, tools, means, memory).all()
    publishing = PublishActivities(tidegate, settings.event_loop_limit).all()
    own = [*RunActivities(tidegate, client).all(), *publishing, *registering]
    runs = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[TidegateRun, TidegateResume, TidegateInspect],
        activities=[*build_activities(tools), *own, *coding, *acting],
        # Our workflows are reviewed and linted; Temporal's sandbox would cost two to nine times the CPU.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=settings.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout),
        graceful_shutdown_timeout=GRACE,
    )
    entities = Worker(
        client,
        task_queue=entity_task_queue(settings.task_queue),
        workflows=ENTITY_WORKFLOWS,
        activities=[*entity_activities(client), *FanOutActivities(tidegate).all()],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout),
        graceful_shutdown_timeout=GRACE,
    )
    mailboxes = Worker(
        client,
        task_queue=mailbox_task_queue(settings.task_queue),
        workflows=[TidegateMailbox],
        activities=[HandOverActivities(client).hand_over],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=settings.sticky_timeout),
        graceful_shutdown_timeout=GRACE,
    )
    async with sandbox, runs, entities, mailboxes:
        yield


async def connected(settings: Settings) -> Client:
    """A connection, as soon as Temporal can be reached."""
    told = False
    while True:
        try:
            return (await TidegateClient.connect(task_queue=settings.task_queue, lazy=False)).temporal
        except Unavailable:
            if not told:
                log.warning("Temporal cannot be reached yet; trying again until it can")
                told = True
            await asyncio.sleep(CONNECT_RETRY_SECONDS)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    connecting = asyncio.ensure_future(connected(settings))
    await asyncio.wait({connecting, asyncio.ensure_future(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if not connecting.done():
        connecting.cancel()
        return
    async with running(connecting.result(), settings):
        log.info("worker polls task queue %s", settings.task_queue)
        await stopping.wait()
        log.info("worker drains")


def main() -> int:
    """Run the worker with the environment's settings; the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = read_settings()
        refuse_incomplete(settings)
        load_executors()
    except (SettingsError, ExecutorError) as error:
        print(f"tidegate worker: {error}", file=sys.stderr)
        return 2
    logging.getLogger().setLevel(settings.log_level.upper())
    with contextlib.suppress(KeyboardInterrupt):
        if sys.platform == "win32":
            asyncio.run(serve(settings))
        else:
            import uvloop

            uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
