from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import free_port
from tests.lambda_endpoint import Invoked, LambdaEndpoint, Reply, function_failure, refusal
from tests.worker.activities.workbench import Bench, call
from worker.activities import lambda_clients
from worker.allow import read_aws

CONFIG = {"region": "us-east-1", "accountId": "123456789012", "functionName": "pay"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:pay"
CONTEXT = {
    "as": "__jobContext",
    "fields": {"jobId": "run_id", "organizationId": "organisation", "secrets": "secrets"},
}


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaEndpoint]:
    with LambdaEndpoint() as endpoint:
        for name, value in endpoint.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        yield endpoint


async def test_input_goes_out_and_the_answer_comes_back(bench: Bench, functions: LambdaEndpoint) -> None:
    functions.on("pay", {"paid": True})
    assert await bench.run("aws_lambda", call({**CONFIG, "qualifier": "live"}, {"prId": "7"})) == {"paid": True}
    (invoked,) = functions.invocations
    assert (invoked.name, invoked.target, invoked.qualifier) == ("pay", ARN, "live")
    assert invoked.payload == {"prId": "7"}
    assert invoked.client_context == {"custom": {"idempotencyKey": "run-1/pay/2"}}
    assert invoked.headers["authorization"].startswith("AWS4-HMAC-SHA256 ")
    assert "/us-east-1/lambda/" in invoked.headers["authorization"]


@pytest.mark.parametrize(("given", "sent"), [([], {}), ([None], None), ([[1]], [1]), (["x"], "x"), ([{}], {})])
async def test_payload_without_context(bench: Bench, functions: LambdaEndpoint, given: list[Any], sent: Any) -> None:
    functions.on("pay", None)
    assert await bench.run("aws_lambda", call(CONFIG, *given)) is None
    (invoked,) = functions.invocations
    assert (invoked.payload, invoked.qualifier) == (sent, None)


async def test_context_is_added_where_asked_for(bench: Bench, functions: LambdaEndpoint) -> None:
    bench.seal("org-token", "tok-123456")
    functions.on("pay", lambda invoked: {"echo": invoked.payload})
    the_call = call({**CONFIG, "context": CONTEXT}, {"prId": "7"}, secrets={"token": "org-token"})
    result = await bench.run("aws_lambda", the_call)
    expected = {"jobId": "run-1", "organizationId": "acme", "secrets": {"token": "tok-123456"}}
    assert functions.invocations[0].payload == {"prId": "7", "__jobContext": expected}
    assert result == {"echo": {"prId": "7", "__jobContext": {**expected, "secrets": {"token": "[secret]"}}}}


async def test_context_without_input_and_every_source(bench: Bench, functions: LambdaEndpoint) -> None:
    sources = ["definition_id", "definition_name", "step", "visit", "workflow_id", "idempotency_key", "secrets"]
    context = {"as": "ctx", "fields": {source: source for source in sources}}
    await bench.run("aws_lambda", call({**CONFIG, "context": context}))
    assert functions.invocations[0].payload == {
        "ctx": {
            "definition_id": "definition-1",
            "definition_name": "orders",
            "step": "pay",
            "visit": 2,
            "workflow_id": "toy/0/run/run-1",
            "idempotency_key": "run-1/pay/2",
            "secrets": {},
        }
    }


async def test_input_cannot_pass_for_the_context(bench: Bench, functions: LambdaEndpoint) -> None:
    forged = {"__jobContext": {"organizationId": "victim"}}
    await bench.run("aws_lambda", call({**CONFIG, "context": CONTEXT}, forged))
    assert functions.invocations[0].payload["__jobContext"]["organizationId"] == "acme"


@pytest.mark.parametrize("given", [[1], "text", 7, None])
async def test_context_needs_an_object(bench: Bench, functions: LambdaEndpoint, given: Any) -> None:
    error = await bench.failure("aws_lambda", call({**CONFIG, "context": CONTEXT}, given))
    assert (error.type, error.non_retryable) == ("input-invalid", True)
    assert "must be an object" in error.message
    assert not functions.invocations


async def test_function_that_fails(bench: Bench, functions: LambdaEndpoint) -> None:
    bench.seal("org-token", "tok-123456")
    functions.on("pay", function_failure("CardError", "declined tok-123456 " + "x" * 9000))
    the_call = call({**CONFIG, "context": CONTEXT}, secrets={"token": "org-token"})
    error = await bench.failure("aws_lambda", the_call)
    assert (error.type, error.non_retryable) == ("lambda-function-error", False)
    assert error.message.startswith("pay failed: CardError: declined [secret] xxx")
    assert len(error.message) <= 2000
    assert error.details == ({"errorType": "CardError"},)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(raw=b"", function_error="Unhandled"), "pay failed: Unhandled: no message"),
        (Reply(raw=b"<crash>", function_error="Unhandled"), "pay failed: Unhandled: <crash>"),
        (Reply([1], function_error="Handled"), "pay failed: Handled: [1]"),
        (Reply({"errorMessage": "boom"}, function_error="Unhandled"), "pay failed: Unhandled: boom"),
    ],
)
async def test_function_that_fails_oddly(bench: Bench, functions: LambdaEndpoint, reply: Reply, says: str) -> None:
    functions.on("pay", reply)
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert (error.type, error.message) == ("lambda-function-error", says)


@pytest.mark.parametrize(
    ("reply", "retryable"),
    [
        (refusal(404, "ResourceNotFoundException", "Function not found"), False),
        (refusal(403, "AccessDeniedException"), False),
        (refusal(400, "InvalidParameterValueException"), False),
        (refusal(429, "TooManyRequestsException"), True),
        (refusal(502, "EC2ThrottledException"), True),
        (refusal(500, "ServiceException"), True),
    ],
)
async def test_refused_by_lambda_is_tried_once(
    bench: Bench, functions: LambdaEndpoint, reply: Reply, retryable: bool
) -> None:
    functions.on("pay", reply)
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert (error.type, error.non_retryable) == ("lambda-refused", not retryable)
    code = reply.headers["x-amzn-ErrorType"]
    assert error.message.startswith(f"Lambda refused to run pay: {code}: ")
    assert error.details == ({"status": reply.status, "code": code},)
    assert len(functions.invocations) == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(raw=b"not json"), "result-invalid"),
        (Reply(raw=b"[" * 100_000), "result-invalid"),
        (Reply("x" * 1_050_000), "result-too-large"),
        (Reply("x" * 1_200_000), "result-too-large"),
    ],
)
async def test_unusable_answers(bench: Bench, functions: LambdaEndpoint, reply: Reply, code: str) -> None:
    functions.on("pay", reply)
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert (error.type, error.non_retryable) == (code, True)


@pytest.mark.parametrize("by_config", [True, False])
async def test_timeout_of_the_config_or_of_the_step(bench: Bench, functions: LambdaEndpoint, by_config: bool) -> None:
    functions.on("pay", Reply(delay=1.5))
    bench.step_timeout(20 if by_config else 0.2)
    began = time.monotonic()
    error = await bench.failure("aws_lambda", call({**CONFIG, "timeoutMs": 200} if by_config else CONFIG))
    assert (error.type, error.non_retryable) == ("lambda-timeout", False)
    assert "within 0.2 s" in error.message
    assert time.monotonic() - began < 1.2


async def test_nobody_at_the_endpoint(bench: Bench, functions: LambdaEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{free_port()}")
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert (error.type, error.non_retryable) == ("lambda-connection", False)


async def test_no_credentials(bench: Bench, functions: LambdaEndpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert error.type == "lambda-credentials"
    assert not functions.invocations


@pytest.mark.parametrize(
    "wrong",
    [
        {"region": "evil.test/"},
        {"region": "us-east-1.evil.test"},
        {"region": "us-east-1\n"},
        {"accountId": "12345678901"},
        {"accountId": "*"},
        {"functionName": "pay:live"},
        {"functionName": "a/../b"},
        {"functionName": "arn:aws:lambda:us-east-1:999999999999:function:pay"},
        {"qualifier": "a b"},
        {"qualifier": ""},
        {"timeoutMs": 0},
        {"timeoutMs": "5"},
        {"context": {"as": "x", "fields": {"k": "password"}}},
        {"surprise": 1},
    ],
)
async def test_bad_config(bench: Bench, functions: LambdaEndpoint, wrong: dict[str, Any]) -> None:
    error = await bench.failure("aws_lambda", call({**CONFIG, **wrong}))
    assert (error.type, error.non_retryable) == ("config-invalid", True)
    assert not functions.invocations


async def test_partition_of_the_region_is_part_of_the_name(bench: Bench, functions: LambdaEndpoint) -> None:
    await bench.run("aws_lambda", call({**CONFIG, "region": "cn-north-1"}))
    await bench.run("aws_lambda", call({**CONFIG, "region": "us-gov-west-1"}))
    targets = [invoked.target for invoked in functions.invocations]
    assert targets == [
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:pay",
        "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:pay",
    ]


@pytest.mark.parametrize(
    ("dev", "allow", "allowed"),
    [
        (True, None, True),
        (False, None, False),
        (True, "{}", False),
        (False, '{"acme": ["123456789012:us-east-1:pay"]}', True),
        (False, '{"other": ["*:*:*"]}', False),
    ],
)
async def test_allow_list(bench: Bench, functions: LambdaEndpoint, dev: bool, allow: str | None, allowed: bool) -> None:
    bench.configure(dev=dev, aws_allow=None if allow is None else read_aws(allow))
    if allowed:
        await bench.run("aws_lambda", call(CONFIG))
        return
    error = await bench.failure("aws_lambda", call(CONFIG))
    assert (error.type, error.non_retryable) == ("target-not-allowed", True)
    assert "TIDEGATE_AWS_ALLOW" in error.message
    assert not functions.invocations


async def test_calls_run_at_once_up_to_the_bound(
    bench: Bench, functions: LambdaEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lambda_clients, "CONNECTIONS", 4)
    at_once: list[int] = []
    open_now: set[str] = set()

    def slow(invoked: Invoked) -> Reply:
        open_now.add(invoked.payload)
        at_once.append(len(open_now))
        time.sleep(0.05)
        open_now.discard(invoked.payload)
        return Reply(invoked.payload)

    functions.on("pay", slow)
    results = await asyncio.gather(*(bench.run("aws_lambda", call(CONFIG, str(n))) for n in range(12)))
    assert results == [str(n) for n in range(12)]
    assert max(at_once) == 4


async def test_cancelled_call_leaves_at_once(bench: Bench, functions: LambdaEndpoint) -> None:
    functions.on("pay", Reply(delay=1.5))
    running = asyncio.create_task(bench.run("aws_lambda", call(CONFIG)))
    await asyncio.to_thread(functions.wait_for, 1)
    began = time.monotonic()
    bench.environment.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 1
