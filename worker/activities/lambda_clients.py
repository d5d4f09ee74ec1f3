"""boto3 for Lambda: one client per region and scale of timeout, called from threads."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import exceptions as aws
from botocore.config import Config
from temporalio.exceptions import ApplicationError

from worker.activities.failures import call_failed
from worker.activities.threads import DaemonThreads

CONNECTIONS = 50
CONNECT_SECONDS = 5
#: Bytes of an answer that are read; the common result limit is below it.
MAX_PAYLOAD = 1_100_000
#: Read timeouts of the clients: a call gets the next longer one, and its exact time from the caller.
_SCALE = (10, 60, 300, 910)


@dataclass(frozen=True)
class Invocation:
    """One call; `client_context` is base64, `seconds` the time it may take."""

    region: str
    account: str
    function: str
    qualifier: str | None
    payload: bytes
    client_context: str
    seconds: float


@dataclass(frozen=True)
class Reply:
    """`function_error` is set if the function itself failed; the payload then describes how."""

    payload: bytes
    function_error: str | None


class LambdaClients:
    """The clients of one worker. Made on first use, from the environment as it is then."""

    def __init__(self) -> None:
        self._threads = DaemonThreads(CONNECTIONS)
        self._session = boto3.session.Session()
        self._clients: dict[tuple[str, int], Any] = {}
        self._making = threading.Lock()

    async def invoke(self, invocation: Invocation) -> Reply:
        """Invoke and wait.

        Raises `lambda-connection`, `lambda-timeout`, `lambda-credentials`, `lambda-refused` and `result-too-large`.
        """
        return await self._threads.run(lambda: self._invoke(invocation))

    def _invoke(self, call: Invocation) -> Reply:
        optional = {"Qualifier": call.qualifier} if call.qualifier else {}
        try:
            answer = self._client(call).invoke(
                FunctionName=self._arn(call),
                InvocationType="RequestResponse",
                Payload=call.payload,
                ClientContext=call.client_context,
                **optional,
            )
            payload = answer["Payload"].read(MAX_PAYLOAD + 1)
        except aws.ClientError as error:
            raise _refused(call, error) from None
        except (aws.BotoCoreError, aws.HTTPClientError) as error:
            raise _failed(call, error) from None
        if len(payload) > MAX_PAYLOAD:
            raise call_failed("result-too-large", f"{call.function} returned more than {MAX_PAYLOAD} bytes")
        return Reply(payload, answer.get("FunctionError"))

    def _arn(self, call: Invocation) -> str:
        """The full name: a bare one would mean the account of the credentials, whatever the definition says."""
        partition = self._session.get_partition_for_region(call.region)
        return f"arn:{partition}:lambda:{call.region}:{call.account}:function:{call.function}"

    def _client(self, call: Invocation) -> Any:
        scale = next((limit for limit in _SCALE if call.seconds < limit), _SCALE[-1])
        with self._making:
            if (call.region, scale) not in self._clients:
                self._clients[call.region, scale] = self._session.client(
                    "lambda",
                    region_name=call.region,
                    config=Config(
                        connect_timeout=CONNECT_SECONDS,
                        read_timeout=scale,
                        max_pool_connections=CONNECTIONS,
                        # Temporal repeats, as the step says; a second layer would multiply the attempts.
                        retries={"total_max_attempts": 1},
                        tcp_keepalive=True,
                    ),
                )
            return self._clients[call.region, scale]


def _refused(call: Invocation, error: aws.ClientError) -> ApplicationError:
    """Lambda answered, but did not run the function."""
    described = error.response.get("Error", {})
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return call_failed(
        "lambda-refused",
        f"Lambda refused to run {call.function}: {described.get('Code')}: {described.get('Message')}",
        {"status": status, "code": str(described.get("Code"))[:200]},
        retryable=status == 429 or status >= 500,
    )


_CODES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((aws.ReadTimeoutError,), "lambda-timeout"),
    ((aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError), "lambda-credentials"),
)


def _failed(call: Invocation, error: Exception) -> ApplicationError:
    code = next((code for kinds, code in _CODES if isinstance(error, kinds)), "lambda-connection")
    return call_failed(code, f"Lambda cannot be reached to run {call.function}: {error}")
