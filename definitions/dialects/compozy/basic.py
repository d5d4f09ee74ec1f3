"""`basic`: call what a tool or an agent stands for."""

from __future__ import annotations

from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.blocks import Builder, Made
from definitions.dialects.compozy.context import Context, retry_at
from definitions.dialects.compozy.executables import Executable
from definitions.dialects.compozy.layout import Task
from definitions.dialects.compozy.scope import Names, compose, is_template, literal, part, path
from definitions.dialects.compozy.tasks import common, misfit, outputs, unfit, with_env
from definitions.json_path import child
from definitions.model import CallStep, Expression, RetryPolicy

CHAT = "chat"
#: Something of the document, and its path.
Written = tuple[dict[str, Any], str]


def basic(task: Task, context: Context, builder: Builder) -> Made | None:
    shared, found = common(task, context, builder), _executable(task, context)
    timeout, retry = _timeout(task, found, context), _retry(task, context)
    if found is None:
        return None
    own = with_env(shared.own, found.raw, found.path)
    action = _action(task, found, context)
    given = _given(shared.given, found, action, own)
    shaped = _shaped(found)
    after = shared.after if shared.given else shared.after.bound(**{"with": literal({})})
    result = outputs(task, after, shaped)
    fields: dict[str, Any] = {
        **shared.step(task),
        "input": _body(task, found, action, own, given) or given,
        "executor": found.executor,
        "secrets": found.raw.get("secrets", {}),
        "check": _failing(shaped, [unfit(task, context, result), *_called_unfit(found, action, shaped, context)]),
        "result": result,
        **({"timeout": timeout} if timeout else {}),
        **({"retry": retry} if retry else {}),
        **_config(found, own),
    }
    return Made(CallStep(**fields), given, _input_misfit(task, found, action, context))


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


def _action(task: Task, found: Executable, context: Context) -> Written | None:
    """The agent's action that the task names, and where it stands; None if the agent has no list of them."""
    name, actions = task.raw.get("action"), found.raw.get("actions")
    if not actions or not isinstance(name, str) or is_template(name):
        return None
    for index, one in enumerate(actions):
        if one["id"] == name:
            return one, child(child(found.path, "actions"), index)
    message = f"the agent has no action {name[:80]!r}"
    context.report.add("action-unknown", child(task.path, "action"), message)
    return None


def _given(given: Expression | None, found: Executable, action: Written | None, own: Names) -> Expression:
    """What the task is given, over what the tool or agent, and its action, have as a `with` of their own."""
    parts = []
    for raw, where in ((found.raw, found.path), *([action] if action else [])):
        if checks.objects_at(raw, "with", where, own.report):
            parts.append(part(own.template(raw["with"], child(where, "with"))))
    given = given or literal({})
    return compose(merge=[*parts, part(given)]) if parts else given


def _body(task: Task, found: Executable, action: Written | None, own: Names, given: Expression) -> Expression | None:
    """What an agent is given besides the input of the task; None if nothing is."""
    raw, where = task.raw, task.path
    asked: dict[str, Expression] = {}
    for key in ("action", "prompt"):
        if raw.get(key) is not None and checks.is_text(raw[key], child(where, key), own.report):
            asked[key] = own.template(raw[key], child(where, key))
    if found.executor == CHAT:
        return _question(asked, action, own, given)
    if not asked:
        return None
    named = {f"{key}_": part(value) for key, value in asked.items()}
    told = compose(**{"let": named, "in": part(path({key: f"${{{key}_}}" for key in asked}))})
    return compose(merge=[part(told), part(given)])


def _question(asked: dict[str, Expression], action: Written | None, own: Names, given: Expression) -> Expression:
    """What the executor `chat` takes: {prompts, input}."""
    first = asked.get("action")
    if action is not None and action[0].get("prompt"):
        first = own.template(action[0]["prompt"], child(action[1], "prompt"))
    prompts = [prompt for prompt in (first, asked.get("prompt")) if prompt is not None]
    named = {f"prompt{number}": part(prompt) for number, prompt in enumerate(prompts)}
    source = path({"prompts": [f"${{{name}}}" for name in named], "input": "${given}"})
    return compose(**{"let": {**named, "given": part(given)}, "in": part(source)})


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


def _input_misfit(task: Task, found: Executable, action: Written | None, context: Context) -> Expression | None:
    """Why what is given fits neither the task's own schema nor that of what it calls."""
    reasons = [misfit(task, context)]
    for raw, where in ((found.raw, found.path), *([action] if action else [])):
        schema = context.schema(raw, "input", where)
        if schema is not None:
            source = {"schema": schema, "of": part(path("${output}")), "what": f"the input of the {found.kind}"}
            reasons.append(Expression(language="misfit", source=source))
    return compose(first=[part(reason) for reason in reasons if reason is not None])


def _called_unfit(
    found: Executable, action: Written | None, shaped: Expression, context: Context
) -> list[dict[str, Any]]:
    """Checks of the answer against the schemas of what is called."""
    checked = [context.schema(found.raw, "output", found.path)]
    if action is not None:
        checked += [context.schema(action[0], key, action[1]) for key in ("output", "schema")]
    return [
        {"check": Expression(language="misfit", source={"schema": one, "of": part(shaped), "what": "the answer"})}
        for one in checked
        if one is not None
    ]


def _failing(output: Expression, more: list[dict[str, Any]]) -> Expression:
    """Why an answer is a failure: it has an `error`, it says `success: false`, or it does not fit a schema."""
    var = {"var": "shaped.error"}
    logic: dict[str, Any] = {
        "if": [
            var,
            {"cat": ["the output has an error: ", var]},
            {"===": [{"var": "shaped.success"}, False]},
            "the output says success: false",
            None,
        ]
    }
    said = compose(**{"let": {"shaped": part(output)}, "in": {"language": "json-logic", "source": logic}})
    return compose(first=[part(said), *(part(one["check"]) for one in more if one)])
