"""What an HTTP answer means for a call: its output, or the failure it stands for."""

from __future__ import annotations

import base64
import json
from typing import Any

from worker.activities.failures import call_failed
from worker.http_client import Answer

#: What `expect` may list besides numbers.
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
STATUSES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "items": {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"enum": list(CLASSES)}]},
}
#: JSON Schema of `config.expect`: which statuses succeed, and which failing ones may be tried again.
EXPECT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"status": STATUSES_SCHEMA, "retry": STATUSES_SCHEMA},
    "additionalProperties": False,
}
DEFAULT_EXPECT: dict[str, list[int | str]] = {"status": ["2xx"], "retry": [408, 429, "5xx"]}

#: Characters of an answer that a failure quotes.
EXCERPT = 500
#: Seconds that a Retry-After may put off the next attempt.
MAX_RETRY_AFTER = 300


def output_of(answer: Answer) -> dict[str, Any]:
    """A step's output: {status, headers, body}; headers that came more than once are joined by ", "."""
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return {"status": answer.status, "headers": headers, "body": read_body(answer)}


def read_body(answer: Answer) -> Any:
    """The body: parsed if it is JSON, else text, else {"base64": …}; None if empty."""
    if not answer.body:
        return None
    kind, _, parameters = answer.header("content-type").lower().partition(";")
    kind = kind.strip()
    if kind.endswith(("/json", "+json")) or not kind:
        try:
            return json.loads(answer.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            pass
    try:
        return answer.body.decode(_charset(parameters))
    except (UnicodeDecodeError, LookupError):
        return {"base64": base64.b64encode(answer.body).decode("ascii")}


def check_status(answer: Answer, what: str, expect: dict[str, Any] | None = None) -> None:
    """Raise `http-status` unless the status is an expected one. `what` names the call in the message."""
    wanted = {**DEFAULT_EXPECT, **(expect or {})}
    if _listed(answer.status, wanted["status"]):
        return
    body = answer.body.decode("utf-8", "replace")
    excerpt = body if len(body) <= EXCERPT else body[:EXCERPT] + "…"
    raise call_failed(
        "http-status",
        f"{what} answered {answer.status}" + (f": {excerpt}" if excerpt.strip() else ""),
        {"status": answer.status},
        retryable=_listed(answer.status, wanted["retry"]),
        retry_after=_retry_after(answer),
    )


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"


def _listed(status: int, statuses: list[int | str]) -> bool:
    return status in statuses or f"{status // 100}xx" in statuses


def _retry_after(answer: Answer) -> float | None:
    text = answer.header("retry-after").strip()
    if not (text.isascii() and text.isdigit()):
        return None
    return float(min(int(text[:9]), MAX_RETRY_AFTER))
