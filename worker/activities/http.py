"""`http`: call any HTTP endpoint that the worker's guard allows.

Output: {status, headers, body}. The body sent is `config.body`, or else the step's input (not for GET and HEAD, which
have none unless configured): a string goes as it is, anything else as JSON. A header's value may be
{"secret": SLOT, "prefix": TEXT} instead of a text, so that its secret never is in a definition.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from definitions.contract import Call
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed
from worker.activities.http_reply import EXPECT_SCHEMA, check_status, output_of
from worker.http_client import Headers, Outgoing, read_url

DEFAULT_SECONDS = 60.0
_BODILESS = ("GET", "HEAD")
#: Headers that are Tidegate's to set.
_OURS = ("host", "connection", "content-length", "transfer-encoding", "accept-encoding", "idempotency-key")

# `\Z`, not `$`: that would let a line break at the end through.
_TOKEN = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z"
_LINE = {"type": "string", "pattern": r"^[^\x00-\x08\x0a-\x1f\x7f]*\Z"}
_SCALAR = {"type": ["string", "number", "boolean", "null"]}

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "method": {"enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]},
        "url": {"type": "string", "minLength": 1, "maxLength": 8192},
        "headers": {
            "type": "object",
            "propertyNames": {"pattern": _TOKEN},
            "additionalProperties": {
                "anyOf": [
                    _LINE,
                    {
                        "type": "object",
                        "properties": {"secret": {"type": "string"}, "prefix": _LINE},
                        "required": ["secret"],
                        "additionalProperties": False,
                    },
                ]
            },
        },
        "query": {
            "type": "object",
            "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
        },
        "body": {},
        "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 3600},
        "expect": EXPECT_SCHEMA,
    },
    "required": ["url"],
    "additionalProperties": False,
}


async def run(call: Call, tools: Tools) -> Any:
    """Send the request that the config describes. Raises `http-status` and the client's errors."""
    config = call.config
    method = config.get("method", "POST")
    body, kind = _body(call, method)
    headers = request_headers(config.get("headers", {}), tools)
    if kind and not any(name.lower() == "content-type" for name, _ in headers):
        headers = (("Content-Type", kind), *headers)
    answer = await tools.http.send(
        Outgoing(
            method=method,
            url=_url(config["url"], config.get("query", {})),
            headers=(*headers, idempotency_header(call)),
            body=body,
            seconds=config.get("timeout", DEFAULT_SECONDS),
        )
    )
    check_status(answer, f"{method} {read_url(config['url']).copy_with(query=None)}", config.get("expect"))
    return output_of(answer)


def idempotency_header(call: Call) -> tuple[str, str]:
    """The same on every attempt; what a header cannot carry is percent-encoded."""
    return "Idempotency-Key", quote(call.context.idempotency_key, safe="/:;,@!$&'()*+=?#[]|{} ")


def _body(call: Call, method: str) -> tuple[bytes | None, str]:
    """The body and its content type."""
    if "body" in call.config:
        value = call.config["body"]
    elif call.has_input and method not in _BODILESS:
        value = call.input
    else:
        return None, ""
    if isinstance(value, str):
        return value.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    return json.dumps(value, separators=(",", ":")).encode("ascii"), "application/json"


def request_headers(config: dict[str, Any], tools: Tools) -> Headers:
    """The headers of a config. Raises `config-invalid`, `secret-invalid`."""
    taken = [name for name in config if name.lower() in _OURS]
    if taken:
        raise call_failed("config-invalid", f"config $.headers: {taken[0]!r} is set by Tidegate")
    return tuple((name, _header(name, value, tools)) for name, value in config.items())


def _header(name: str, value: Any, tools: Tools) -> str:
    if isinstance(value, str):
        return value
    slot = value["secret"]
    if slot not in tools.secrets:
        raise call_failed("config-invalid", f"config $.headers: {name!r} names the unbound secret slot {slot!r}")
    secret = tools.secrets[slot].strip()
    if not secret.isprintable():
        raise call_failed("secret-invalid", f"the secret of slot {slot!r} cannot be sent as a header")
    return f"{value.get('prefix', '')}{secret}"


def _url(text: str, query: dict[str, Any]) -> str:
    """The URL with the query's members added behind its own; a null one is left out."""
    pairs = [
        (name, _text(item))
        for name, value in query.items()
        for item in (value if isinstance(value, list) else [value])
        if item is not None
    ]
    if not pairs:
        return text
    url = read_url(text)
    added = urlencode(pairs).encode("ascii")
    return str(url.copy_with(query=url.query + b"&" + added if url.query else added))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


EXECUTOR = Executor(run, CONFIG_SCHEMA)
