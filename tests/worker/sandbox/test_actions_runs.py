"""Classes and operations in runs on a real server: links that resume, stores, claims, hooks, killed workers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from definitions.contract import LINK, Event
from definitions.errors import NotFound, RunClosed
from definitions.links import Link, verify
from definitions.tokens import TokenKeys
from tests.running import Runs, eventually, runs_on, worker_settings
from tests.worker.activities.local_server import LocalServer, page
from tests.worker.run_worker import kill, start_worker
from tests.worker.sandbox.calls import CLASSES
from worker.client import TidegateClient

DAY = 86_400


@pytest.fixture
def web() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.on("/", page({}))
        yield server


def body(source: str, data: Any = None, **step: Any) -> dict[str, Any]:
    """A block of one step that runs a class, with this as its data."""
    given = {"language": "literal", "source": {"data": data, "headers": {}}}
    return {
        "start": "w",
        "steps": {"w": {"kind": "branches", "shim": CLASSES, "source": source, "input": given, **step}},
    }


def links(server: LocalServer) -> list[Link]:
    """The links that the code has sent out; their tokens are verified."""
    keys = TokenKeys(worker_settings("").token_keys)
    tokens = [one.json()["url"].rpartition("/")[2] for one in server.received if one.method == "POST"]
    return [verify(keys, token, now=datetime.now(timezone.utc)) for token in tokens]


async def call(runs: Runs, link: Link, payload: Any = None) -> str:
    event = Event(str(uuid.uuid4()), LINK, payload, has_payload=True, wait=link.wait)
    return (await runs.tidegate.deliver_link(link.workflow_id, event)).status


SENDING = "await fetch(data.web, { method: 'POST', body: JSON.stringify({ url: resumeUrl }) })"
APPROVAL = f"""
export class Workflow {{
  async start(data, headers, api) {{
    const {{ resumeUrl }} = await api.waitForEvent({{ action: 'onApproved', payload: {{ orderId: 17 }} }})
    {SENDING}
    await api.runStore.push('seen', 'start')
  }}
  async onApproved(data, headers, api) {{
    await api.runStore.push('seen', data)
    console.log('Order approved:', data.orderId)
  }}
  async onWorkflowComplete(api) {{ console.log('seen', await api.runStore.get('seen')) }}
}}
"""


async def test_a_link_resumes_the_class(runs: Runs, web: LocalServer) -> None:
    run_id = await runs.start(body(APPROVAL, {"web": web.url("/")}, completed="onWorkflowComplete"))
    await runs.parked(run_id)
    [link] = links(web)
    assert await call(runs, link, {"by": "jane"}) == "matched"
    ended = await runs.ended(run_id)
    assert [one.logs for one in ended.records if one.logs] == [
        ["Order approved: 17"],
        ['seen ["start",{"event":{"by":"jane"},"orderId":17}]'],
    ]
    with pytest.raises((NotFound, RunClosed)):
        await call(runs, link)


async def test_a_link_is_called_while_its_action_still_runs(runs: Runs, web: LocalServer) -> None:
    source = APPROVAL.replace(
        "await api.runStore.push('seen', 'start')", "await new Promise((go) => setTimeout(go, 800))"
    )
    run_id = await runs.start(body(source, {"web": web.url("/")}))
    await eventually(lambda: _received(web), lambda count: count == 1)
    [link] = links(web)
    await call(runs, link, {"early": True})
    ended = await runs.ended(run_id)
    assert [one.logs for one in ended.records if one.logs] == [["Order approved: 17"]]


async def _received(web: LocalServer) -> int:
    return len(web.received)


async def test_later_actions_share_the_store_in_parallel(runs: Runs) -> None:
    source = """
    export class Workflow {
      async start(data, headers, api) {
        for (let n = 0; n < 12; n++) await api.scheduleNextStep({ delay: 10, action: 'work', payload: { n } })
      }
      async work(data, headers, api) {
        await api.runStore.push('items', data.n)
        if (await api.runStore.increment('done') === 12) console.log((await api.runStore.get('items')).length)
      }
    }"""
    ended = await runs.ended(await _soon(runs, body(source)))
    assert [one.logs for one in ended.records if one.logs] == [["12"]]


async def _soon(runs: Runs, block: dict[str, Any]) -> str:
    run_id = await runs.start(block)
    await eventually(lambda: runs.describe(run_id), lambda found: found.closed_at is not None, 60)
    return run_id


async def test_the_same_order_twice(runs: Runs) -> None:
    source = "export class Workflow { async start(data, headers, api) { return (await api.dedupe('o:17')).locked } }"
    first, second = [await runs.ended(await runs.start(body(source))) for _ in range(2)]
    assert (first.output, second.output) == ({"value": False}, {"value": True})
    tried = await runs.ended(await runs.start(body(source, test=True)))
    assert tried.output == {"value": False}


async def test_hooks_of_a_run_that_fails(runs: Runs) -> None:
    source = """
    export class Workflow {
      start() { throw new Error('no order') }
      onWorkflowError(err) { console.log('it failed:', err.message) }
    }"""
    ended = await runs.ended(await runs.start(body(source, failed="onWorkflowError")), "failed")
    assert "no order (line 3)" in (ended.error or "")
    assert [one.logs for one in ended.records if one.logs] == [["it failed: no order (line 3)"]]


async def test_operations(runs: Runs, web: LocalServer) -> None:
    def op(kind: str, given: Any, **more: Any) -> dict[str, Any]:
        return {"op": kind, "input": {"language": "path", "source": given}, **more}

    wait = {"action": "next", "payload": {"n": "${data.n}"}, "seconds": 60}
    operations = {
        "start": [
            op("link", wait, **{"as": "made"}),
            op("call", {"url": web.url("/"), "body": {"url": "${made.resumeUrl}"}}),
        ],
        "next": [op("log", {"values": ["${data.n}", "${data.event.by}"]})],
    }
    step = {"kind": "branches", "operations": operations}
    step["input"] = {"language": "literal", "source": {"data": {"n": 5}, "headers": {}}}
    run_id = await runs.start({"start": "w", "steps": {"w": step}})
    await runs.parked(run_id)
    await call(runs, links(web)[0], {"by": "jane"})
    assert [one.logs for one in (await runs.ended(run_id)).records if one.logs] == [["5 jane"]]


async def test_secrets_are_opened_in_the_activity_only(temporal_client: Client, web: LocalServer) -> None:
    from worker.secrets import SecretBox, new_key

    key = new_key()
    async with runs_on(temporal_client, secret_keys=(key,)) as runs:
        sealed = SecretBox([key]).seal(runs.organisation, "jsw/KEY", "s3cret-value")
        await runs.tidegate.put_secret(runs.organisation, "jsw/KEY", sealed)
        source = """
        export class Workflow { async start(data, headers, api) {
          await fetch(data.web, { method: 'PUT', headers: { Authorization: env.API_KEY } })
          await api.runStore.set('kept', env.API_KEY)
          console.log(env.API_KEY); throw new Error(env.API_KEY) } }"""
        step = body(source, {"web": web.url("/")}, secrets={"API_KEY": "jsw/KEY"})
        run_id = await runs.start(step)
        await runs.ended(run_id, "failed")
        history = (await runs.handle(run_id).fetch_history()).to_json()
    assert web.received[0].headers["authorization"] == "s3cret-value"
    assert "s3cret" not in history
    import base64
    import re

    payloads = b"".join(base64.b64decode(one) for one in re.findall(r'"data": ?"([A-Za-z0-9+/=]+)"', history))
    assert b"[secret]" in payloads and b"s3cret" not in payloads


@pytest.mark.timeout(120)
async def test_a_worker_killed_in_mid_action(temporal_client: Client, temporal_address: str, web: LocalServer) -> None:
    queue = f"killed-{uuid.uuid4()}"
    runs = Runs(TidegateClient(temporal_client, queue), f"org-{uuid.uuid4()}")
    source = APPROVAL.replace(
        "await api.runStore.push('seen', 'start')",
        """
      const n = await api.runStore.increment('n')
      const { locked } = await api.dedupe('o:17')
      await fetch(data.web, { method: 'PUT', body: JSON.stringify([n, locked]) })
      await new Promise((go) => setTimeout(go, 3000))""",
    )
    process = await start_worker(temporal_address, queue)
    try:
        run_id = await runs.start(body(source, {"web": web.url("/")}))
        await eventually(lambda: _received(web), lambda count: count == 2)
        await kill(process)
        process = await start_worker(temporal_address, queue)
        await eventually(lambda: _received(web), lambda count: count == 4, 60)
        sent = [one.json() for one in web.received if one.method == "POST"]
        assert sent[0] == sent[1], "the repetition sends the same link"
        assert [one.json() for one in web.received if one.method == "PUT"] == [[1, False]] * 2
        keys = [one.headers["idempotency-key"] for one in web.received]
        assert keys[:2] == keys[2:] and len(set(keys)) == 2
        await call(runs, links(web)[0], {"by": "jane"})
        await eventually(lambda: runs.describe(run_id), lambda found: found.closed_at is not None, 60)
        snapshot = await runs.snapshot(run_id)
        assert snapshot.status == "succeeded"
        assert [one.logs for one in snapshot.records if one.logs] == [["Order approved: 17"]]
    finally:
        await kill(process)


async def test_long_times_are_those_of_the_server(skipping: tuple[WorkflowEnvironment, Runs], web: LocalServer) -> None:
    environment, runs = skipping
    source = f"""
    export class Workflow {{
      async start(data, headers, api) {{
        await api.scheduleNextStep({{ delay: '400 days', action: 'ask', payload: data }})
      }}
      async ask(data, headers, api) {{
        const {{ resumeUrl }} = await api.waitForEvent({{ action: 'next', payload: {{}}, timeout: '7 days' }})
        {SENDING}
      }}
      async next() {{}}
    }}"""
    run_id = await runs.start(body(source, {"web": web.url("/")}))
    await eventually(lambda: runs.snapshot(run_id), lambda found: len(found.records) > 0)
    await environment.fast_forward(runs.handle(run_id), timedelta(days=400, seconds=5))
    [wait] = (await runs.parked(run_id)).waits
    assert timedelta(days=6, hours=23) < _moment(wait.deadline) - _moment(wait.since) <= timedelta(days=7), wait
    assert len(links(web)) == 1
    await environment.fast_forward(runs.handle(run_id), timedelta(days=7, seconds=5))
    assert "expired" in ((await runs.ended(run_id, "failed")).error or "")


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(str(text).replace("Z", "+00:00"))
