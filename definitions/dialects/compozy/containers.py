"""Tasks with tasks inside: parallel, collection, composite."""

from __future__ import annotations

from typing import Any

from definitions.dialects.compozy import checks, words
from definitions.dialects.compozy.blocks import Builder, Made, Order, present
from definitions.dialects.compozy.context import Context
from definitions.dialects.compozy.layout import Task, inner
from definitions.dialects.compozy.scope import Names, at, compose, literal, part, path
from definitions.dialects.compozy.tasks import Common, common, misfit, outputs, unfit
from definitions.json_path import child
from definitions.model import Block, EachStep, Expression, GroupStep, ParallelStep

#: What a block has come to know of its own tasks.
_ENTRIES = at("own", "tasks", otherwise={})
#: What the items of a collection have given, in their order; null for those that have given nothing.
_LIST = compose(listed=part(path("${output.outputs}")), size=part(path("${output.total}")))


def parallel(task: Task, context: Context, builder: Builder) -> Made | None:
    """Every task inside is a branch, which gives `tasks` as it is there: {its id: {output, status}}."""
    shared, report = common(task, context, builder), context.report
    if not _listed(task, context, words.BRANCHES_LIMIT):
        return None
    blocks: dict[str, Block] = {}
    for one in inner(task):
        block = _block([one], "alone", _inside(task, shared, context), builder, _ENTRIES)
        if block is not None:
            blocks[one[0]["id"]] = block
    strategy = _strategy(task, context, "wait_all")
    workers = _whole(task, "max_workers", words.AT_ONCE_LIMIT, context)
    within = checks.seconds_at(task.raw, "timeout", task.path, report)
    if len(blocks) < len(task.raw["tasks"]):
        return None
    entries = compose(join=part(at("output", "outputs")))
    result = _seen(task, shared, entries, _progress(compose(pick=part(entries), key="output"), strategy))
    step = ParallelStep(
        **shared.step(task),
        branches=blocks,
        strategy=strategy,
        **present({"at_once": workers, "within": within}),
        report=True,
        result=result,
        **unfit(task, context, result),
    )
    return Made(step, shared.given, misfit(task, context))


def composite(task: Task, context: Context, builder: Builder) -> Made | None:
    shared = common(task, context, builder)
    if not _listed(task, context, 10_000):
        return None
    block = _block(list(inner(task)), "sequence", _inside(task, shared, context), builder, _ENTRIES)
    within = checks.seconds_at(task.raw, "timeout", task.path, context.report)
    if block is None:
        return None
    total = len(task.raw["tasks"])
    result = _sequence_result(task, shared, total)
    more = {**present({"within": within}), **unfit(task, context, result)}
    step = GroupStep(**shared.step(task), body=block, result=result, **more)
    return Made(step, shared.given, misfit(task, context))


def collection(task: Task, context: Context, builder: Builder) -> Made | None:
    shared, report, raw = common(task, context, builder), context.report, task.raw
    if raw.get("items") is None or (raw.get("task") is None) == (raw.get("tasks") is None):
        report.add("items-missing", task.path, "a collection needs `items`, and either `task` or `tasks`")
        return None
    item, index = (_variable(task, key, context) for key in ("item_var", "index_var"))
    names = shared.own.with_more(item or "item", index or "index")
    own = {key: at(name) for key, name in (("item", item), ("index", index)) if name}
    names = names.bound(**own)
    body = _body(task, shared, context.naming(_parented(task, shared, names)), builder)
    strategy = _strategy(task, context, "wait_all")
    at_once, within = _at_once(task, context), checks.seconds_at(raw, "timeout", task.path, report)
    where = child(task.path, "filter")
    kept = raw.get("filter")
    chosen = names.truth(kept, where) if kept is not None and checks.is_text(kept, where, report) else None
    items = shared.own.template(raw["items"], child(task.path, "items"))
    if body is None:
        return None
    result = outputs(task, shared.after, _progress(_LIST, strategy))
    step = EachStep(
        **shared.step(task),
        items=items,
        **present({"filter": chosen, "within": within}),
        body=body,
        item_as=item or "item",
        index_as=index or "index",
        at_once=at_once,
        strategy=strategy,
        report=True,
        result=result,
        **unfit(task, context, result),
    )
    return Made(step, shared.given, misfit(task, context))


def _at_once(task: Task, context: Context) -> int:
    """How many items are at work at a time."""
    mode = task.raw.get("mode", "parallel")
    checks.is_word(mode, words.MODES, child(task.path, "mode"), context.report)
    batch, workers = (_whole(task, key, words.AT_ONCE_LIMIT, context) for key in ("batch", "max_workers"))
    given = [number for number in (batch, workers) if number is not None]
    return 1 if mode == "sequential" else min(given, default=words.AT_ONCE)


def _body(task: Task, shared: Common, context: Context, builder: Builder) -> Block | None:
    """The block of one item: one task, whose output it gives, or a sequence, of which it gives all outputs by id."""
    if task.raw.get("task") is not None:
        one = next(iter(inner(Task(task.id, task.kind, {"task": task.raw["task"]}, task.path))))
        return _block([one], "alone", context, builder, None)
    if not _listed(task, context, 10_000):
        return None
    return _block(list(inner(task)), "sequence", context, builder, compose(pick=part(_ENTRIES), key="output"))


def _block(
    raw: list[tuple[Any, str, str | None]], order: Order, context: Context, builder: Builder, result: Expression | None
) -> Block | None:
    made = Builder(context, order, builder.makers).build(raw)
    return made.model_copy(update={"result": result}) if made is not None and result is not None else made


def _inside(task: Task, shared: Common, context: Context) -> Context:
    return context.naming(_parented(task, shared, shared.own))


def _parented(task: Task, shared: Common, names: Names) -> Names:
    """The names of the tasks inside: the container is their `parent`, and what is given to it is not given to them."""
    about = {"id": task.id, "type": task.kind}
    parent = path(about)
    if shared.save.input:
        given = {"input": part(at(*shared.save.input, otherwise={}))}
        parent = compose(**{"let": given, "in": part(path({**about, "input": "${input}"}))})
    return names.bound(parent=parent, task=None, **dict.fromkeys(("input", "with"), names.given))


def _listed(task: Task, context: Context, most: int) -> bool:
    raw, where, report = task.raw.get("tasks"), child(task.path, "tasks"), context.report
    if not checks.is_list(raw, where, report) or not isinstance(raw, list):
        return False
    if not checks.expect(len(raw) > 0, where, report, "tasks-empty", "at least one task is needed"):
        return False
    return checks.expect(len(raw) <= most, where, report, "tasks-too-many", f"at most {most} tasks")


def _strategy(task: Task, context: Context, default: str) -> Any:
    given = task.raw.get("strategy", default)
    good = checks.is_word(given, words.STRATEGIES, child(task.path, "strategy"), context.report)
    return given if good else default


def _whole(task: Task, key: str, most: int, context: Context) -> int | None:
    value = task.raw.get(key)
    if value is None or not checks.is_whole(value, 1, most, child(task.path, key), context.report):
        return None
    return int(value)


def _variable(task: Task, key: str, context: Context) -> str | None:
    name, where = task.raw.get(key), child(task.path, key)
    if name is None or name == key.removesuffix("_var"):
        return None
    good = isinstance(name, str) and name.isascii() and name.isidentifier() and name not in words.ROOTS
    message = "expected a name that nothing else has"
    return name if checks.expect(good, where, context.report, "variable-invalid", message) else None


def _progress(children: Expression, strategy: str) -> Expression:
    """What a parallel task or a collection comes to by itself."""
    told = {
        "total_children": "${output.total}",
        "completed_count": "${output.completed}",
        "failed_count": "${output.failed}",
        "strategy": strategy,
    }
    made = part(path({"progress_info": told, "outputs": "${children}"}))
    return compose(**{"let": {"children": part(children)}, "in": made})


def _seen(task: Task, shared: Common, entries: Expression, native: Expression) -> Expression | None:
    """The result of a task whose `outputs` may name the tasks inside of it."""
    made = outputs(task, shared.after, native)
    if made is None or task.raw.get("outputs") is None:
        return made
    together = compose(merge=[part(at("tasks", otherwise={})), part(entries)])
    return compose(**{"let": {"tasks": part(together)}, "in": part(made)})


def _sequence_result(task: Task, shared: Common, total: int) -> Expression | None:
    """The result of a composite, whose block gives `tasks` as it is there."""
    entries = path("${output}")
    counts = {
        "completed": part(compose(count=part(entries), where={"status": words.SUCCESS})),
        "failed": part(compose(count=part(entries), where={"status": words.FAILED})),
        "total": part(literal(total)),
    }
    native = compose(
        **{
            "let": {
                "output": part(path({key: f"${{{key}}}" for key in counts})),
                "children": part(compose(pick=part(entries), key="output")),
            },
            "in": part(_progress(at("children"), "sequential")),
        }
    )
    return _seen(task, shared, entries, compose(**{"let": counts, "in": part(native)}))
