"""Tasks put together: what comes before each of them, and where it goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from definitions.dialects.compozy import checks
from definitions.dialects.compozy.context import Context
from definitions.dialects.compozy.layout import Task, inner, read_task
from definitions.dialects.compozy.scope import at, compose, literal, part, path
from definitions.json_path import child
from definitions.model import AssignStep, Block, Expression, Save, SleepStep, Step

#: How tasks follow one another: by their transitions only; as in the file; or not at all, as there is but one.
Order = Literal["named", "sequence", "alone"]


@dataclass(frozen=True)
class Made:
    """A task as a step. `given` computes what it is given, if that is known; `before` are checks to be done first."""

    step: Step
    given: Expression | None = None
    misfit: Expression | None = None


Maker = Callable[[Task, Context, "Builder"], Made | None]


@dataclass
class Builder:
    """The steps of one block. `fallback` is the task to go to when one without `on_error` of its own fails; `given` is
    what its tasks are given as `signal`."""

    context: Context
    order: Order
    makers: dict[str, Maker]
    fallback: str | None = None
    given: Expression | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    steps: dict[str, Step] = field(default_factory=dict)
    handed: set[str] = field(default_factory=set)

    def build(self, raw: Sequence[tuple[Any, str, str | None]]) -> Block | None:
        """The block of tasks; None once anything is found wrong with the workflow."""
        listed = [read_task(one, where, self.context.report, name) for one, where, name in raw]
        tasks = [task for task in listed if task is not None]
        following = dict(pairwise(task.id for task in tasks)) if self.order == "sequence" else {}
        for task in tasks:
            self._take(Task(task.id, task.kind, task.raw, task.path, following.get(task.id)))
        for task in self.tasks.values():
            self.handed |= {to for to, given, _ in self._ways(task) if to is not None and given is not None}
        for task in list(self.tasks.values()):
            self._compile(task)
        if self.context.report.problems or not tasks:
            return None
        return Block(start=self.entry(tasks[0].id, slept=True), steps=self.steps)

    def _take(self, task: Task) -> None:
        """Take a task, and those that a router has written within itself, in."""
        self.tasks[task.id] = task
        if task.kind == "router":
            for one, where, name in inner(task):
                found = read_task(one, where, self.context.report, name)
                if found is not None:
                    self._take(Task(found.id, found.kind, found.raw, found.path, task.following))

    def _ways(self, task: Task) -> list[tuple[str | None, Any, str]]:
        """Where a task goes on after success, and after failure: the task, what it is given, the path of that."""
        ways: list[tuple[str | None, Any, str]] = []
        for key, default in (("on_success", task.following), ("on_error", self._fallback(task))):
            way = task.raw.get(key)
            way = way if isinstance(way, dict) else {}
            to = way.get("next")
            ways.append((to if isinstance(to, str) else default, way.get("with"), child(child(task.path, key), "with")))
        return ways

    def _fallback(self, task: Task) -> str | None:
        return None if task.id == self.fallback else self.fallback

    def _compile(self, task: Task) -> None:
        context, report = self.context, self.context.report
        self._check_ways(task)
        made = self.makers[task.kind](task, context, self)
        if made is None:
            return
        (success, given, where), (error, error_given, error_where) = self._ways(task)
        on_error = self.link(task, error, error_given, error_where, "failed")
        if task.kind == "router":
            ways: dict[str, Any] = {"on_error": on_error}
        else:
            ways = {"next": self.link(task, success, given, where, "to"), "on_error": on_error}
        step = made.step.model_copy(update=present(ways))
        self.steps[task.id] = step
        self._add_before(task, made, step)
        if task.raw.get("sleep") is not None:
            pause = checks.seconds_at(task.raw, "sleep", task.path, report)
            self.steps[f"{task.id}:sleep"] = SleepStep(
                label="sleep", seconds=pause or 0.0, next=self.entry(task.id, slept=True)
            )

    def _check_ways(self, task: Task) -> None:
        report = self.context.report
        for key in ("on_success", "on_error"):
            way, where = task.raw.get(key), child(task.path, key)
            if way is None or not checks.is_object(way, where, report):
                continue
            checks.has_keys(way, ("next", "with"), where, report)
            if way.get("next") is None:
                continue
            if self.order == "alone" or (key == "on_success" and task.kind == "router"):
                report.add("transition-invalid", child(where, "next"), "this task has no way on of its own")
            else:
                self.check_target(way["next"], child(where, "next"))

    def check_target(self, name: Any, where: str) -> bool:
        known = ", ".join(self.tasks)
        message = f"there is no task {str(name)[:80]!r} here; there are: {known[:200]}"
        good = isinstance(name, str) and name in self.tasks
        return checks.expect(good, where, self.context.report, "task-unknown", message)

    def entry(self, name: str, slept: bool = False) -> str:
        """The step with which a task begins."""
        raw = self.tasks[name].raw
        if raw.get("sleep") is not None and not slept:
            return f"{name}:sleep"
        if raw.get("condition") is not None and self.tasks[name].kind not in ("wait", "router"):
            return f"{name}:condition"
        return f"{name}:input" if self._is_checked(raw) else name

    def _is_checked(self, raw: dict[str, Any]) -> bool:
        """Whether what a task is given has to fit a schema, its own or that of what it calls."""
        found = [self.context.executables.find(kind, raw.get(kind))[1] for kind in ("tool", "agent")]
        called = [one.raw for one in found if one]
        actions = [action for one in called for action in one.get("actions") or [] if action["id"] == raw.get("action")]
        return any(one.get("input") is not None for one in (raw, *called, *actions))

    def link(self, task: Task, to: str | None, given: Any, where: str, kind: str) -> str | None:
        """The step by which a task goes on to another, which may be given something on the way."""
        if to is None or to not in self.tasks:
            return None
        if to not in self.handed:
            return self.entry(to)
        name = f"{task.id}:{kind}:{to}"
        names = self.context.names.bound(output=at("tasks", task.id, "output", otherwise={}))
        self.steps[name] = AssignStep(
            value=names.template(given if given is not None else {}, where),
            save=Save(output=["handed", to]),
            next=self.entry(to),
        )
        return name

    def _add_before(self, task: Task, made: Made, step: Step) -> None:
        """What is decided and checked before a task begins."""
        raw, save = task.raw, Save(error=["tasks", task.id, "error"])
        first = task.id
        if self._is_checked(raw):
            first = f"{task.id}:input"
            self.steps[first] = AssignStep(
                value=made.given or literal({}), check=made.misfit, save=save, next=task.id, on_error=step.on_error
            )
        if self.entry(task.id, slept=True) == f"{task.id}:condition":
            where = child(task.path, "condition")
            words = {"true": part(literal(first)), "false": part(literal(step.next))}
            if checks.is_text(raw["condition"], where, self.context.report):
                truth = self.context.names.truth(raw["condition"], where)
                self.steps[f"{task.id}:condition"] = AssignStep(
                    value=literal(None), next=compose(case=part(truth), of=words), save=save, on_error=step.on_error
                )


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields of a step without those that say nothing: they would only make the definition longer."""
    return {key: value for key, value in fields.items() if value is not None and value != {}}


def all_given(task: Task, own: Expression | None, builder: Builder) -> Expression | None:
    """What a task is given: its own `with`, what the way to it adds, and, in a processor, the signal."""
    more = [part(at("handed", task.id, otherwise={}))] if task.id in builder.handed else []
    if builder.given is not None:
        signal = part(path({"signal": "${signal}"}))
        more.append(part(compose(**{"let": {"signal": part(builder.given)}, "in": signal})))
    return compose(merge=[part(own or literal({})), *more]) if more else own
