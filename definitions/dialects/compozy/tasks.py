"""What all tasks have in common, and those that are one step: basic, signal, router, aggregate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.blocks import Builder, Made, all_given, present
from definitions.dialects.compozy.context import Context
from definitions.dialects.compozy.layout import Task, inner
from definitions.dialects.compozy.scope import Names, at, compose, is_template, literal, part, path, plain
from definitions.json_path import child
from definitions.model import AssignStep, Expression, PublishStep, RouteStep, Save, StatusWords


@dataclass(frozen=True)
class Common:
    """What is the same for all tasks. `given` computes the input; `own` are the names before it runs, `after` those
    once it has run, when `input` and `output` are in the data."""

    given: Expression | None
    own: Names
    after: Names
    save: Save

    def step(self, task: Task) -> dict[str, Any]:
        return present({"label": task.kind, "input": self.given, "save": self.save})


def common(task: Task, context: Context, builder: Builder, **binds: Expression) -> Common:
    """Check the fields that every task may have. `binds` are names of the container's that the task sees."""
    report, raw = context.report, task.raw
    checks.has_keys(
        raw,
        (*words.TASK_KEYS, *words.TASK_IGNORED, *words.KIND_KEYS[task.kind]),
        task.path,
        report,
        unsupported=words.TASK_UNSUPPORTED,
    )
    config = checks.objects_at(raw, "config", task.path, report)
    known = (*words.TASK_CONFIG_KEYS, *words.CONFIG_IGNORED)
    checks.has_keys(config, known, child(task.path, "config"), report)
    names = with_env(context.names.bound(**binds), raw, task.path)
    checks.objects_at(raw, "with", task.path, report)
    own = names.template(raw["with"], child(task.path, "with")) if raw.get("with") is not None else None
    given = all_given(task, own, builder)
    about = literal({"id": task.id, "type": task.kind})
    bound = names.bound(task=about, **({"input": given, "with": given} if given else {}))
    after = names.bound(task=about, output=None, **({"input": None, "with": path("${input}")} if given else {}))
    named = given is not None and plain(task.id) in context.inputs
    save = Save(
        **({"input": ["tasks", task.id, "input"]} if named else {}),
        output=["tasks", task.id, "output"],
        error=["tasks", task.id, "error"],
        status=StatusWords(path=["tasks", task.id, "status"], success=words.SUCCESS, failure=words.FAILED),
    )
    return Common(given, bound, after, save)


def with_env(names: Names, holder: dict[str, Any], where: str) -> Names:
    """The names with an object's `env` over the one that is in force."""
    env = checks.objects_at(holder, "env", where, names.report)
    if not env:
        return names
    added = names.template(env, child(where, "env"))
    merged = compose(merge=[part(names.binds.get("env", at("env", otherwise={}))), part(added)])
    return names.bound(env=merged)


def misfit(task: Task, context: Context) -> Expression | None:
    """Why what a task is given does not fit its `input`, over the data and `output`, which that is."""
    schema = context.schema(task.raw, "input", task.path)
    if schema is None:
        return None
    return Expression(language="misfit", source={"schema": schema, "of": part(path("${output}")), "what": "the input"})


def outputs(task: Task, after: Names, native: Expression | None) -> Expression | None:
    """What a task comes to: what it would give by itself, or what its `outputs` make of that."""
    if task.raw.get("outputs") is None:
        return native
    checks.objects_at(task.raw, "outputs", task.path, after.report)
    made = after.template(task.raw["outputs"], child(task.path, "outputs"))
    return made if native is None else compose(**{"let": {"output": part(native)}, "in": part(made)})


def signal(task: Task, context: Context, builder: Builder) -> Made | None:
    """Publish an event; with a correlation key or an execution's id it also, or only, reaches who waits."""
    report, raw = context.report, task.raw.get("signal")
    where, shared = child(task.path, "signal"), common(task, context, builder)
    if not checks.is_object(raw, where, report, "signal-invalid") or not isinstance(raw, dict):
        return None
    checks.has_keys(raw, ("id", "payload", "correlation_key", "exec_id"), where, report)
    name, own = raw.get("id"), shared.own
    if not checks.is_name(name, child(where, "id"), report, "signal-invalid"):
        return None
    addresses = {key: _text(raw, key, where, own) for key in ("correlation_key", "exec_id")}
    if all(addresses.values()):
        report.add("signal-invalid", where, "either `correlation_key` or `exec_id`")
        return None
    checks.objects_at(raw, "payload", where, report)
    result = outputs(task, shared.after, path({"signal_dispatched": True, "signal_id": "${output.event_id}"}))
    step = PublishStep(
        **shared.step(task),
        event=own.template(name, child(where, "id")) if is_template(name) else str(name),
        payload=own.template(raw.get("payload") or {}, child(where, "payload")),
        **present({"key": addresses["correlation_key"], "target": addresses["exec_id"]}),
        watch=True,
        result=result,
        **unfit(task, context, result),
    )
    return Made(step, shared.given, misfit(task, context))


def _text(holder: dict[str, Any], key: str, where: str, names: Names) -> Expression | None:
    value = holder.get(key)
    if value is None or not checks.is_text(value, child(where, key), names.report):
        return None
    return names.template(value, child(where, key))


def aggregate(task: Task, context: Context, builder: Builder) -> Made | None:
    shared = common(task, context, builder)
    checks.objects_at(task.raw, "outputs", task.path, context.report)
    value = shared.own.template(task.raw.get("outputs") or {}, child(task.path, "outputs"))
    step = AssignStep(**shared.step(task), value=value, **unfit(task, context, None))
    return Made(step, shared.given, misfit(task, context))


def router(task: Task, context: Context, builder: Builder) -> Made | None:
    """Go to the task that the condition names a route to."""
    report, raw, shared = context.report, task.raw, common(task, context, builder)
    condition, where = raw.get("condition"), child(task.path, "routes")
    if not isinstance(condition, str) or not condition or not isinstance(raw.get("routes"), dict):
        report.add("routes-invalid", task.path, "a router needs a `condition` and `routes`")
        return None
    inside = {where: name for _, where, name in inner(task)}
    routes: dict[str, str] = {}
    for value, to in raw["routes"].items():
        at_route = child(where, value)
        name = to.get("id", inside[at_route]) if isinstance(to, dict) else to
        if builder.check_target(name, at_route):
            routes[value] = builder.link(task, name, None, at_route, "to") or str(name)
    otherwise = _otherwise(task, builder)
    written = {"condition": part(literal(condition))}
    native = compose(
        **{
            "let": written,
            "in": part(
                path({"condition": "${condition}", "route_taken": "${output.value}", "router_type": "conditional"})
            ),
        }
    )
    result = outputs(task, shared.after, native)
    step = RouteStep(
        **shared.step(task),
        value=shared.own.value(condition, child(task.path, "condition")),
        routes=routes,
        **present({"otherwise": otherwise}),
        result=result,
        **unfit(task, context, result),
    )
    return Made(step, shared.given, misfit(task, context))


def _otherwise(task: Task, builder: Builder) -> str | None:
    for key in ("default", "default_route"):
        to = task.raw.get(key)
        if to is not None and builder.check_target(to, child(task.path, key)):
            return builder.link(task, to, None, child(task.path, key), "to")
    return None


def unfit(task: Task, context: Context, result: Expression | None) -> dict[str, Any]:
    """The field `check` of a step: why what the task comes to does not fit its `output`; nothing without that."""
    schema = context.schema(task.raw, "output", task.path)
    if schema is None:
        return {}
    source = {"schema": schema, "of": part(result or path("${output}")), "what": "the output"}
    return {"check": Expression(language="misfit", source=source)}
