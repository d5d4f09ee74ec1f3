"""`gcp_cloudfunction`: call a Cloud Function over HTTPS, as a service account.

The worker's own Google credentials (the standard environment: a key file, workload identity federation, a metadata
server) impersonate `serviceAccountEmail` and ask for an identity token of the function's URL.
`workloadIdentityPoolProvider`, `projectId` and `region` are accepted and not used: by which provider the worker signs
in is settled by its environment, and the URL says where the function is.

A function on `http://` is a local stand-in: only a loopback one is called, only with `TIDEGATE_HTTP_ALLOW_PRIVATE=1`,
and never with a token. A redirect is not followed, and fails the call. Output: the body of the answer, parsed if it is
JSON.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import httpx

from definitions.contract import Call
from worker.activities.call_input import CONTEXT_SCHEMA, function_input
from worker.activities.executor import Executor, Tools
from worker.activities.gcp_tokens import IdentityTokens
from worker.activities.http import idempotency_header
from worker.activities.http_reply import check_status, read_body
from worker.allow import gcp_fields
from worker.http_client import Outgoing, read_url
from worker.http_guard import TargetNotAllowed

#: The longest that an HTTP function may run.
DEFAULT_SECONDS = 3600.0

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "projectId": {"type": "string"},
        "region": {"type": "string"},
        # No query, no encoded character and no `..`: what is held against the allow-list is what the function gets.
        "functionUrl": {
            "type": "string",
            "maxLength": 2048,
            "pattern": r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/(?![.]{1,2}(/|\Z))[A-Za-z0-9_.~-]*)*\Z",
        },
        "workloadIdentityPoolProvider": {"type": "string"},
        "serviceAccountEmail": {"type": "string", "pattern": r"^[A-Za-z0-9.-]+@[A-Za-z0-9.-]+\Z"},
        "timeoutMs": {"type": "number", "exclusiveMinimum": 0},
        "context": CONTEXT_SCHEMA,
    },
    "required": ["functionUrl", "serviceAccountEmail"],
    "additionalProperties": False,
}


async def run(call: Call, tools: Tools) -> Any:
    """Call the function. Raises `target-not-allowed`, `gcp-credentials`, `http-status` and the client's errors."""
    config = call.config
    url = read_url(config["functionUrl"])
    _check_allowed(call, tools, url)
    body = json.dumps(function_input(call, tools), separators=(",", ":")).encode("ascii")
    headers: list[tuple[str, str]] = [("Content-Type", "application/json"), idempotency_header(call)]
    if url.scheme == "https":
        token = await tools.kept(IdentityTokens).token(config["serviceAccountEmail"], config["functionUrl"])
        headers.append(("Authorization", f"Bearer {token}"))
    seconds = config.get("timeoutMs", DEFAULT_SECONDS * 1000) / 1000
    # A redirect would take the input, secrets included, to where no allow-list was asked.
    outgoing = Outgoing("POST", config["functionUrl"], tuple(headers), body, seconds, follow_redirects=False)
    answer = await tools.http.send(outgoing)
    check_status(answer, f"POST {config['functionUrl']}")
    return read_body(answer)


def _check_allowed(call: Call, tools: Tools, url: httpx.URL) -> None:
    settings, organisation = tools.settings, call.context.organisation
    if url.scheme == "http" and not (settings.http_allow_private and _is_loopback(url.host)):
        raise TargetNotAllowed("a function on http:// must be on loopback, with TIDEGATE_HTTP_ALLOW_PRIVATE=1")
    allowed = settings.gcp_allow
    if not (settings.dev if allowed is None else allowed.allows(organisation, gcp_fields(url))):
        raise TargetNotAllowed(f"TIDEGATE_GCP_ALLOW does not let {organisation!r} call {call.config['functionUrl']}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


EXECUTOR = Executor(run, CONFIG_SCHEMA)
