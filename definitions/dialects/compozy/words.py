"""The vendor's words, and what they stand for: tables only."""

from __future__ import annotations

from definitions.durations import Sum

DIALECT = "compozy"
#: The tag of the version that new executions use.
LIVE_TAG = "current"

_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WORDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
DURATIONS = Sum(
    {**_SECONDS, **_WORDS, **{f"{word}s": value for word, value in _WORDS.items()}}, example="1h30m or 5 minutes"
)

#: How tasks are shown once they have ended.
SUCCESS, FAILED = "SUCCESS", "FAILED"
WAIT_TIMEOUT, WAIT_FAILED = "WAIT_TIMEOUT", "WAIT_TASK_ERROR"
#: What the engine calls a deadline that has passed.
ENGINE_TIMEOUT = "wait-timeout"

STRATEGIES = ("wait_all", "fail_fast", "best_effort", "race")
MODES = ("parallel", "sequential")
#: Items of a parallel collection that are at work at once, if it does not say how many.
AT_ONCE = 50
AT_ONCE_LIMIT = 500
BRANCHES_LIMIT = 500
#: Bytes of a compiled workflow: a run carries it along, beside all that it knows.
COMPILED_LIMIT = 500_000
RETRIES_LIMIT = 999
SKEW_SECONDS = 300.0
DEDUPE_SECONDS = 600.0

#: What templates and CEL can name; a collection adds its own two.
ROOTS = frozenset(
    (
        *("workflow", "tasks", "input", "with", "env", "output", "item", "index", "parent", "task", "project"),
        *("signal", "processor", "trigger", "tools", "agents", "error", "payload", "headers", "query", "current"),
    )
)

# Keys of each object: those that are read, those that change nothing here, and those that are not done here.
WORKFLOW_KEYS = ("id", "tasks", "config", "env", "schemas", "triggers", "tools", "agents", "outputs", "schedule")
WORKFLOW_IGNORED = ("version", "description", "author", "resource", "$schema", "models", "name")
WORKFLOW_UNSUPPORTED = ("mcps", "knowledge", "knowledge_bases", "memories", "memory", "opts")

CONFIG_KEYS = ("input", "env", "on_error", "retry_policy", "start_to_close_timeout")
TASK_CONFIG_KEYS = ("retry_policy", "start_to_close_timeout")
CONFIG_IGNORED = ("schedule_to_start_timeout", "schedule_to_close_timeout", "heartbeat_timeout", "on_success")

TASK_KEYS = (
    *("id", "type", "with", "outputs", "env", "input", "output", "on_success", "on_error"),
    *("sleep", "timeout", "retries", "condition", "config"),
)
TASK_IGNORED = ("final", "description", "resource", "$schema", "strategy", "max_workers")
TASK_UNSUPPORTED = ("attachments", "knowledge", "mcps", "memory")
#: Type of a task -> the keys that only it has.
KIND_KEYS: dict[str, tuple[str, ...]] = {
    "basic": ("agent", "tool", "action", "prompt", "model_config"),
    "signal": ("signal",),
    "wait": ("wait_for", "processor", "on_timeout", "correlation_key"),
    "router": ("routes", "default", "default_route"),
    "parallel": ("tasks",),
    "collection": ("items", "filter", "item_var", "index_var", "mode", "batch", "task", "tasks"),
    "composite": ("tasks",),
    "aggregate": (),
}
UNSUPPORTED_KINDS = ("memory",)

EXECUTABLE_KEYS = ("id", "type", "config", "secrets", "env", "input", "output", "timeout", "with")
EXECUTABLE_IGNORED = ("description", "version", "author", "resource", "$schema", "name", "code", "execute", "cwd")
AGENT_KEYS = ("instructions", "actions", "model")
AGENT_IGNORED = ("max_iterations", "max_tool_iterations", "json_mode")
AGENT_UNSUPPORTED = ("tools", "mcps", "memory", "knowledge", "attachments")
ACTION_KEYS = ("id", "prompt", "input", "output", "schema", "with")
ACTION_IGNORED = ("json_mode", "description")
