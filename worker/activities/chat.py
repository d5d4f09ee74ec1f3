"""`chat`: ask a model behind an OpenAI-compatible endpoint, `POST {base_url}/chat/completions`.

The input is {"prompts": [text, …], "input": json}: `config.prompt` and the texts become one message of the user, at
whose end the input stands as JSON, unless it is empty. `config.instructions` is the system's message. The secret of
the slot `key`, if there is one, is sent as a bearer token. The output is the answer's content: parsed if it is a JSON
object or list (also in a Markdown fence), or with `config.json` any JSON; else {"text": …}.
"""

from __future__ import annotations

import json
import re
from typing import Any

from definitions.contract import Call
from definitions.executor_configs import CONFIGS
from worker.activities.executor import Executor, Tools
from worker.activities.failures import call_failed
from worker.activities.http import CONFIG_SCHEMA as HTTP_SCHEMA
from worker.activities.http import idempotency_header, request_headers
from worker.activities.http_reply import check_status
from worker.http_client import Answer, Headers, Outgoing, read_url

DEFAULT_SECONDS = 300.0
#: What goes into the request as it stands in the config.
_PARAMETERS = ("model", "temperature", "top_p", "max_tokens")
_FENCED = re.compile(r"\s*```(?:json)?[ \t]*\n(.*?)\n?```\s*", re.DOTALL)

CONFIG_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {**CONFIGS["chat"], "headers": HTTP_SCHEMA["properties"]["headers"]},
    "required": ["base_url", "model"],
    "additionalProperties": False,
}


async def run(call: Call, tools: Tools) -> Any:
    """Raises `input-invalid`, `http-status`, `chat-answer-invalid`, `chat-refused`, and the client's errors."""
    config = call.config
    body = {key: config[key] for key in _PARAMETERS if key in config} | {"messages": _messages(call)}
    if config.get("json"):
        body["response_format"] = {"type": "json_object"}
    url = config["base_url"].rstrip("/") + "/chat/completions"
    answer = await tools.http.send(
        Outgoing(
            method="POST",
            url=url,
            headers=(("Content-Type", "application/json"), *_headers(config, tools), idempotency_header(call)),
            body=json.dumps(body, separators=(",", ":")).encode("ascii"),
            seconds=config.get("timeout", DEFAULT_SECONDS),
        )
    )
    check_status(answer, f"POST {read_url(url).copy_with(query=None)}")
    return _output(_content(answer), bool(config.get("json")))


def _messages(call: Call) -> list[dict[str, str]]:
    given = call.input if call.has_input else {}
    prompts = given.get("prompts", []) if isinstance(given, dict) else None
    if not isinstance(given, dict) or not isinstance(prompts, list):
        raise call_failed("input-invalid", "the input must be an object with a list `prompts`")
    prompts = [*([call.config["prompt"]] if call.config.get("prompt") else []), *prompts]
    parts = [prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False) for prompt in prompts]
    if given.get("input") not in (None, {}):
        parts.append("Input:\n" + json.dumps(given["input"], ensure_ascii=False))
    if not parts:
        raise call_failed("input-invalid", "there is nothing to ask: neither a prompt nor any input")
    system = call.config.get("instructions")
    told = [{"role": "system", "content": system}] if system else []
    return [*told, {"role": "user", "content": "\n\n".join(parts)}]


def _headers(config: dict[str, Any], tools: Tools) -> Headers:
    bearer = {"Authorization": {"secret": "key", "prefix": "Bearer "}} if "key" in tools.secrets else {}
    return request_headers({**bearer, **config.get("headers", {})}, tools)


def _content(answer: Answer) -> str:
    try:
        message = answer.json()["choices"][0]["message"]
        content, refusal = message.get("content"), message.get("refusal")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise call_failed("chat-answer-invalid", "the answer is not that of a chat completion") from None
    if isinstance(content, str):
        return content
    if isinstance(refusal, str):
        raise call_failed("chat-refused", f"the model refused: {refusal}", retryable=False)
    raise call_failed("chat-answer-invalid", "the answer has no text", retryable=False)


def _output(content: str, any_json: bool) -> Any:
    fenced = _FENCED.fullmatch(content)
    try:
        value = json.loads(fenced[1] if fenced else content, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return {"text": content}
    return value if any_json or isinstance(value, dict | list) else {"text": content}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


EXECUTOR = Executor(run, CONFIG_SCHEMA)
