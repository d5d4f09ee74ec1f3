"""What is compared with, as somebody who knows Temporal well writes it by hand: the approval flow, which is one
workflow, two activities and one update; and a workflow that waits for one signal.

It shares nothing with Tidegate. Everything that makes such a flow fast is done: no sandbox, an update for the event,
uvloop, one pooled client for the calls, no attribute written that nobody asked for.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import uvloop
from botocore.config import Config
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

WAITING_FOR = SearchAttributeKey.for_keyword_list("TidegateWaitingFor")
WAIT_SINCE = SearchAttributeKey.for_datetime("TidegateWaitSince")

ACCOUNT = "arn:aws:lambda:us-east-1:123456789012:function"
EVENT = "manager-approved"
THREADS = 100
CALL_TIMEOUT = timedelta(seconds=30)


@dataclass
class ApprovalRequest:
    """The workflow's argument. `attributes`: whether what it waits for is kept in search attributes."""

    pr_id: str
    organisation: str
    attributes: bool


@dataclass
class Approval:
    approved: bool


@dataclass
class Deployment:
    approval: Approval
    organisation: str


class Functions:
    """The two activities: each one call of a Lambda function, from a thread."""

    def __init__(self) -> None:
        self._lambda: Any = boto3.client(
            "lambda",
            region_name="us-east-1",
            config=Config(max_pool_connections=THREADS, retries={"total_max_attempts": 1}, tcp_keepalive=True),
        )

    @activity.defn
    def send_approval_request(self, request: ApprovalRequest) -> None:
        self._invoke("send-approval-request", {"prId": request.pr_id}, request.organisation)

    @activity.defn
    def run_deployment(self, deployment: Deployment) -> None:
        payload = {"approved": deployment.approval.approved}
        self._invoke("run-deployment", payload, deployment.organisation)

    def _invoke(self, function: str, payload: dict[str, Any], organisation: str) -> None:
        info = activity.info()
        context: dict[str, Any] = {"jobId": info.workflow_id, "organizationId": organisation, "secrets": {}}
        custom = {"custom": {"idempotencyKey": f"{info.workflow_id}/{info.activity_id}"}}
        answer = self._lambda.invoke(
            FunctionName=f"{ACCOUNT}:{function}",
            InvocationType="RequestResponse",
            Payload=json.dumps({**payload, "__jobContext": context}).encode(),
            ClientContext=base64.b64encode(json.dumps(custom).encode()).decode(),
        )
        body = answer["Payload"].read()
        if "FunctionError" in answer:
            raise RuntimeError(f"{function} failed: {body[:500]!r}")


@workflow.defn
class ApprovalFlow:
    def __init__(self) -> None:
        self._approval: Approval | None = None

    @workflow.run
    async def run(self, request: ApprovalRequest) -> None:
        await workflow.execute_activity_method(
            Functions.send_approval_request,
            request,
            start_to_close_timeout=CALL_TIMEOUT,
            summary="requestApproval",
        )
        if request.attributes:
            workflow.upsert_search_attributes([WAITING_FOR.value_set([EVENT]), WAIT_SINCE.value_set(workflow.now())])
        workflow.set_current_details(f"waits for {EVENT}")
        await workflow.wait_condition(lambda: self._approval is not None)
        workflow.set_current_details("")
        if request.attributes:
            workflow.upsert_search_attributes([WAITING_FOR.value_unset(), WAIT_SINCE.value_unset()])
        assert self._approval is not None
        await workflow.execute_activity_method(
            Functions.run_deployment,
            Deployment(self._approval, request.organisation),
            start_to_close_timeout=CALL_TIMEOUT,
            summary="deploy",
        )

    @workflow.update
    def approve(self, approval: Approval) -> None:
        self._approval = approval

    @approve.validator
    def _only_once(self, approval: Approval) -> None:
        if self._approval is not None:
            raise ValueError("the approval has been given already")


@workflow.defn
class SignalFlow:
    """Waits for one signal, and gives what it carries."""

    def __init__(self) -> None:
        self._payload: dict[str, Any] | None = None

    @workflow.run
    async def run(self) -> dict[str, Any]:
        await workflow.wait_condition(lambda: self._payload is not None)
        assert self._payload is not None
        return self._payload

    @workflow.signal
    def go(self, payload: dict[str, Any]) -> None:
        self._payload = payload


async def serve() -> None:
    """Work on the task queue that the environment names, until SIGTERM."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], namespace=os.environ["TEMPORAL_NAMESPACE"])
    functions = Functions()
    with ThreadPoolExecutor(THREADS) as threads:
        async with Worker(
            client,
            task_queue=os.environ["BENCH_TASK_QUEUE"],
            workflows=[ApprovalFlow, SignalFlow],
            activities=[functions.send_approval_request, functions.run_deployment],
            activity_executor=threads,
            max_concurrent_activities=THREADS,
            workflow_runner=UnsandboxedWorkflowRunner(),
        ):
            await stopping.wait()


if __name__ == "__main__":
    uvloop.run(serve())
