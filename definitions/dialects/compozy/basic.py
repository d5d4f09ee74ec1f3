"""`basic`: call what a tool or an agent stands for."""

from __future__ import annotations

from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.blocks import Builder, Made
from definitions.dialects.compozy.context import Context, retry_at
from definitions.dialects.compozy.executables import Executable
from definitions.dialects.compozy.layout import Task
from definitions.dialects.compozy.scope import Names, compose, is_template, literal, part, path
from definitions.dialects.compozy.tasks import Common, common, failing, misfit, outputs, with_env
from definitions.json_path import child
from definitions.model import CallStep, Expression, RetryPolicy

CHAT = "chat"


def basic(task: Task, context: Context, builder: Builder) -> Made | None:
    shared, found = common(task, context, builder), _executable(task, context)
    timeout, retry = _timeout(task, found, context), _retry(task, context)
    if found is None:
        return None
    own = with_env(shared.own, found.raw, found.path)
    body, given = _body(task, found, own, shared), shared.given or literal({})
    shaped = _shaped(found)
    schema = context.schema(task.raw, "output", task.path) or context.schema(found.raw, "output", found.path)
    after = shared.after if shared.given else shared.after.bound(**{"with": literal({})})
    fields: dict[str, Any] = {
        **shared.step(task),
        "input": body or given,
        "executor": found.executor,
        "secrets": found.raw.get("secrets", {}),
        "check": failing(shaped, schema),
        "result": outputs(task, after, shaped),
        **({"timeout": timeout} if timeout else {}),
        **({"retry": retry} if retry else {}),
        **_config(found, own),
    }
    return Made(CallStep(**fields), given, _input_misfit(task, found, context))


def _executable(task: Task, context: Context) -> Executable | None:
    """What the task names; None if it names none, or one with faults."""
    report, raw = context.report, task.raw
    kinds = [kind for kind in ("tool", "agent") if raw.get(kind) is not None]
    if not kinds and (raw.get("prompt") is not None or raw.get("model_config") is not None):
        message = "a task that asks a model by itself is not supported; name an agent"
        report.add("model-unsupported", task.path, message, unsupported=True)
        return None
    if len(kinds) != 1:
        report.add("executable-invalid", task.path, "expected exactly one of `tool` and `agent`")
        return None
    kind, where = kinds[0], child(task.path, kinds[0])
    if not checks.is_text(raw[kind], where, report):
        return None
    known, found = context.executables.find(kind, raw[kind])
    if not known:
        report.add("executable-unknown", where, f"the workflow has no {kind} {raw[kind][:80]!r}")
    return found


def _body(task: Task, found: Executable, own: Names, shared: Common) -> Expression | None:
    """What an agent is given besides the input of the task; None if nothing is."""
    raw, where = task.raw, task.path
    asked: dict[str, Expression] = {}
    for key in ("action", "prompt"):
        if raw.get(key) is not None and checks.is_text(raw[key], child(where, key), own.report):
            asked[key] = own.template(raw[key], child(where, key))
    action = _action(task, found, own)
    if found.executor == CHAT:
        return _question(asked, action, shared)
    if not asked:
        return None
    fields = {key: part(value) for key, value in asked.items()}
    told = compose(**{"let": {f"{key}_": value for key, value in fields.items()}, "in": part(_named(asked))})
    return compose(merge=[part(told), part(shared.given or literal({}))])


def _named(asked: dict[str, Expression]) -> Expression:
    return path({key: f"${{{key}_}}" for key in asked})


def _action(task: Task, found: Executable, own: Names) -> Expression | None:
    """The prompt of the agent's action that the task names."""
    name, actions = task.raw.get("action"), found.raw.get("actions")
    if not actions or not isinstance(name, str) or is_template(name):
        return None
    action = found.action(name)
    if action is None:
        own.report.add("action-unknown", child(task.path, "action"), f"the agent has no action {name[:80]!r}")
        return None
    return own.template(action["prompt"], child(found.path, "actions")) if action.get("prompt") else None


def _question(asked: dict[str, Expression], action: Expression | None, shared: Common) -> Expression:
    """What the executor `chat` takes: {prompts, input}."""
    prompts = [prompt for prompt in (action or asked.get("action"), asked.get("prompt")) if prompt is not None]
    named = {f"prompt{number}": part(prompt) for number, prompt in enumerate(prompts)}
    given = {"given": part(shared.given or literal({}))}
    return compose(
        **{
            "let": {**named, **given},
            "in": part(path({"prompts": [f"${{{name}}}" for name in named], "input": "${given}"})),
        }
    )


def _config(found: Executable, own: Names) -> dict[str, Any]:
    config = found.config
    if found.executor == CHAT:
        raw = found.raw
        extra = {key: raw[key] for key in ("model", "instructions") if raw.get(key) is not None}
        config = {**extra, **config}
    if not is_template(config):
        return {"config": config}
    return {"config_from": own.template(config, child(found.path, "config"))}


def _shaped(found: Executable) -> Expression:
    """The answer as the vendor has it: JSON as it is, text as {text}."""
    body = "${output.body}" if found.executor == "http" else "${output}"
    return compose(wrap=part(path(body)), **{"as": "text"})


def _timeout(task: Task, found: Executable | None, context: Context) -> float | None:
    report, config = context.report, task.raw.get("config")
    given = [checks.seconds_at(task.raw, "timeout", task.path, report)]
    if isinstance(config, dict):
        given.append(checks.seconds_at(config, "start_to_close_timeout", child(task.path, "config"), report))
    if found is not None:
        given.append(checks.seconds_at(found.raw, "timeout", found.path, report))
    return next((value for value in [*given, context.timeout] if value is not None), None)


def _retry(task: Task, context: Context) -> RetryPolicy | None:
    """`retries` says how often; the pauses are those of the policy in force."""
    report, raw = context.report, task.raw
    config = raw.get("config") if isinstance(raw.get("config"), dict) else {}
    policy = retry_at(config or {}, child(task.path, "config"), report) or context.retry
    retries = raw.get("retries")
    if retries is None or not checks.is_whole(retries, 0, words.RETRIES_LIMIT, child(task.path, "retries"), report):
        return policy
    return (policy or RetryPolicy()).model_copy(update={"maximum_attempts": retries + 1})


def _input_misfit(task: Task, found: Executable, context: Context) -> Expression | None:
    """Why what is given fits neither the task's own schema nor that of what it calls."""
    schema, reasons = context.schema(found.raw, "input", found.path), [misfit(task, context)]
    if schema is not None:
        source = {"schema": schema, "of": part(path("${output}")), "what": f"the input of the {found.kind}"}
        reasons.append(Expression(language="misfit", source=source))
    return compose(first=[part(reason) for reason in reasons if reason is not None])
