"""How executors fail: stable codes, messages for people, and whether another attempt makes sense."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError

from definitions.errors import Overloaded, TidegateError, Unavailable

#: Characters of a message, so that no answer of a foreign service fills the history.
MESSAGE_LIMIT = 2000

#: Code of a failed call -> whether Temporal may try again, as the step's retry policy says.
RETRYABLE: dict[str, bool] = {
    # The definition or the worker's settings have to change first.
    "config-invalid": False,
    "input-invalid": False,
    "target-not-allowed": False,
    "secret-not-found": False,
    "secret-invalid": False,
    # An answer came, and would be the same again.
    "result-too-large": False,
    "result-invalid": False,
    "http-redirects": False,
    # The other side, or the way to it.
    "http-connection": True,
    "http-timeout": True,
    "http-status": True,
    "chat-answer-invalid": True,
    "chat-refused": False,
    "lambda-connection": True,
    "lambda-credentials": True,
    "lambda-function-error": True,
    "lambda-refused": False,
    "lambda-timeout": True,
    "gcp-credentials": True,
    "unavailable": True,
    # An executor raised what it should not: a fault in it.
    "executor-failed": True,
}


def call_failed(
    code: str, message: str, *details: Any, retryable: bool | None = None, retry_after: float | None = None
) -> ApplicationError:
    """What an executor raises to fail a call.

    `code` is kebab-case: one of `RETRYABLE`, or an executor's own (retryable unless said otherwise). `details` are JSON
    values. `retry_after` is in seconds and replaces the retry policy's next interval.
    """
    may_retry = RETRYABLE.get(code, True) if retryable is None else retryable
    return ApplicationError(
        message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…",
        *details,
        type=code,
        non_retryable=not may_retry,
        next_retry_delay=timedelta(seconds=retry_after) if retry_after is not None and may_retry else None,
    )


def of_error(error: TidegateError) -> ApplicationError:
    """The failure for one of our own errors."""
    if isinstance(error, (Unavailable, Overloaded)):
        return call_failed("unavailable", error.message)
    return call_failed(error.code, error.message, retryable=RETRYABLE.get(error.code, False))
