"""What is known beforehand of the `config` of the built-in executors, for the dialects in which it is written out."""

from __future__ import annotations

from typing import Any

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TIMEOUT = {"type": "number", "exclusiveMinimum": 0, "maximum": 3600}

#: Executor -> key of its config -> JSON Schema of the value.
CONFIGS: dict[str, dict[str, dict[str, Any]]] = {
    "http": {
        "method": {"enum": list(METHODS)},
        "url": {"type": "string", "minLength": 1},
        "headers": {"type": "object"},
        "query": {"type": "object"},
        "body": {},
        "timeout": _TIMEOUT,
        "expect": {"type": "object"},
    },
    "chat": {
        "base_url": {"type": "string", "minLength": 1, "maxLength": 8192},
        "model": {"type": "string", "minLength": 1, "maxLength": 200},
        "instructions": {"type": "string"},
        "prompt": {"type": "string"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1},
        "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        "json": {"type": "boolean"},
        "headers": {"type": "object"},
        "timeout": _TIMEOUT,
    },
}
#: The executors that are always there.
BUILT_IN = ("http", "chat", "aws_lambda", "gcp_cloudfunction")
