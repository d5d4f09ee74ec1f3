"""What templates and conditions can name at a task, and the expressions made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from definitions.dialects.compozy.words import ROOTS
from definitions.expressions import cel, program
from definitions.expressions.go_template import has_action, references
from definitions.expressions.source_error import SourceError
from definitions.json_path import child
from definitions.model import Expression
from definitions.report import Report

TEMPLATE, CONDITION = "go-template", "cel"

_ACTION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_RESULT = re.compile(r"((?<![\w)\]}-])\$?\.tasks\.([A-Za-z0-9_][\w-]*))\.result\b")
_NAME = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)")
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_CEL_TASK = re.compile(rf"{_QUOTED.pattern}|(?<![\w.])tasks\.([A-Za-z_]\w*)(\.result\b)?")


def part(expression: Expression) -> dict[str, Any]:
    """An expression as a part of another."""
    return {"language": expression.language, "source": expression.source}


def literal(value: Any) -> Expression:
    return Expression(language="literal", source=value)


def path(source: Any) -> Expression:
    return Expression(language="path", source=source)


def compose(**source: Any) -> Expression:
    return Expression(language="compose", source=source)


def at(*keys: str, otherwise: Any = None) -> Expression:
    return compose(at=list(keys), otherwise=otherwise)


def is_template(value: Any) -> bool:
    """Whether there is a template anywhere in a value."""
    if isinstance(value, dict | list):
        return any(map(is_template, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and has_action(value)


def plain(task_id: str) -> str:
    """What ids that mean the same task have in common."""
    return task_id.replace("-", "_")


@dataclass(frozen=True)
class Names:
    """`tasks` maps every task's id, made plain, to the id and its type; `binds` are names that stand for an expression,
    and `more` further names that the data has. `given` is the workflow's input."""

    report: Report
    tasks: Mapping[str, tuple[str, str]]
    binds: Mapping[str, Expression] = field(default_factory=dict)
    more: frozenset[str] = frozenset()
    given: Expression = field(default_factory=lambda: path("${workflow.input}"))

    def bound(self, **binds: Expression | None) -> Names:
        """With other names bound; one bound to None is what the data has."""
        kept = {**self.binds, **binds}
        return replace(self, binds={name: value for name, value in kept.items() if value is not None})

    def with_more(self, *names: str) -> Names:
        return replace(self.bound(**dict.fromkeys(names)), more=self.more | set(names))

    def template(self, value: Any, where: str) -> Expression:
        """A value with templates in its texts as an expression; what is wrong with it is in the report."""
        if not is_template(value):
            return literal(value)
        named = self._checked(value, where)
        # What cannot be read is not looked through: that could take long.
        good = not self.report.problems
        made = Expression(
            language=TEMPLATE, source={"template": self._renamed(value) if good else value, "aliases": True}
        )
        return self._bound(made, {root for chain in named for root in (chain[:1] or self.binds)})

    def condition(self, text: str, where: str, gives: str | None = None) -> Expression:
        """A CEL expression, which gives a value of a type if it gives one."""
        bare = _QUOTED.sub('""', text)
        used = set(_NAME.findall(bare))
        known = sorted(used & (ROOTS | self.more | set(self.binds)))
        made = Expression(language=CONDITION, source={"expression": self._spelt(text), "declare": known})
        try:
            program(made)
            certain = cel.certain_type(text)
        except ValueError as error:
            self.report.add("condition-invalid", where, str(error)[:300])
            return made
        if gives is not None and certain not in (gives, None):
            self.report.add("condition-invalid", where, f"expected what gives a {gives}; this gives a {certain}")
        for task, _ in _CEL_TASK.findall(bare):
            if task and task not in self.tasks:
                self.report.add("reference-unknown", where, f"there is no task {task[:80]!r}")
        return self._bound(made, used)

    def truth(self, text: str, where: str) -> Expression:
        """A template that comes to true or false, or else a CEL expression that does; anything else is an error."""
        if has_action(text):
            words = {"true": part(literal(True)), "false": part(literal(False))}
            return compose(case=part(self.template(text, where)), of=words)
        made = self.condition(text, where, "bool")
        if self.report.problems or cel.certain_type(text) == "bool":
            return made
        # Only a truth is taken to choose by. The line's end is for a comment that the text may end with.
        return self.condition(f"({text}\n) ? true : false", where)

    def value(self, text: str, where: str) -> Expression:
        """A template, or else a CEL expression, of any type."""
        return self.template(text, where) if has_action(text) else self.condition(text, where)

    def _bound(self, made: Expression, used: set[str]) -> Expression:
        binds = {name: part(value) for name, value in self.binds.items() if name in used}
        return compose(**{"let": binds, "in": part(made)}) if binds else made

    def _checked(self, value: Any, where: str) -> list[tuple[str, ...]]:
        """The data that templates name; every text is checked by itself, so that faults have their place."""
        if isinstance(value, str):
            return self._checked_text(value, where)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [chain for key, item in items for chain in self._checked(item, child(where, key))]

    def _checked_text(self, text: str, where: str) -> list[tuple[str, ...]]:
        try:
            program(Expression(language=TEMPLATE, source={"template": text}))
            named = references(text)
        except ValueError as error:
            unsupported = isinstance(error, SourceError) and error.unsupported
            code = "template-unsupported" if unsupported else "template-invalid"
            self.report.add(code, where, str(error)[:300], unsupported=unsupported)
            return []
        for root in dict.fromkeys(chain[0] for chain in named if chain):
            if root not in ROOTS and root not in self.more and root not in self.binds:
                self.report.add("reference-unknown", where, f"nothing is called {root[:80]!r} here")
        for task in dict.fromkeys(chain[1] for chain in named if chain[0:1] == ("tasks",) and len(chain) > 1):
            if plain(task) not in self.tasks:
                self.report.add("reference-unknown", where, f"there is no task {task[:80]!r}")
        return named

    def _renamed(self, value: Any) -> Any:
        """`result` of a task is what it has come to: the signal that a wait was waiting for, or the output."""
        if isinstance(value, str):
            return _ACTION.sub(lambda found: _RESULT.sub(self._result, found[0]), value) if has_action(value) else value
        if isinstance(value, dict):
            return {key: self._renamed(item) for key, item in value.items()}
        return [self._renamed(item) for item in value] if isinstance(value, list) else value

    def _result(self, found: re.Match[str]) -> str:
        return f"{found[1]}{self._came_to(found[2])}"

    def _came_to(self, task: str) -> str:
        _, kind = self.tasks.get(plain(task), ("", ""))
        return ".output.signal" if kind == "wait" else ".output"

    def _spelt(self, text: str) -> str:
        """A condition in which tasks have their own ids, where it has underscores for hyphens, and no `result`."""

        def one(found: re.Match[str]) -> str:
            if found[1] is None or found[1] not in self.tasks:
                return found[0]
            return f'tasks["{self.tasks[found[1]][0]}"]' + (self._came_to(found[1]) if found[2] else "")

        return _CEL_TASK.sub(one, text)
