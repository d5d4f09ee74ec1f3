"""One string of a source: from its text to what renders it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.go_template import references as walking
from definitions.expressions.go_template.blocks import tree_body
from definitions.expressions.go_template.evaluate import Pipelines, entry
from definitions.expressions.go_template.json_out import decode
from definitions.expressions.go_template.nodes import Action, Templates
from definitions.expressions.go_template.parser import parse
from definitions.expressions.go_template.problems import Origin
from definitions.expressions.go_template.run import Evaluator, Run
from definitions.expressions.go_template.sprig_dicts import deep_copy
from definitions.expressions.go_template.table import FUNCTIONS, MUTATORS, UNSUPPORTED
from definitions.expressions.meter import Meter


@dataclass
class Rendering:
    """What the strings of one source are rendered with."""

    __slots__ = ("aliases", "dot", "meter", "now", "seed")
    meter: Meter
    dot: Any
    now: Any
    seed: Any
    aliases: bool


def has_action(text: str) -> bool:
    """Whether there is anything to render in a text."""
    return "{{" in text


def references(text: str) -> list[tuple[str, ...]]:
    """The field chains of a template from the root of its data, each once; () stands for all of the data.

    Chains within `with` and templates are followed as far as the text tells where dot is; what is relative to the
    element of a range is not listed, nor is what a variable leads to. Raises SourceError.
    """
    return walking.referenced(_parsed(Origin(text))) if has_action(text) else []


def _parsed(origin: Origin) -> Templates:
    return parse(origin, FUNCTIONS, UNSUPPORTED)


class Text:
    """A compiled template. Raises SourceError."""

    def __init__(self, text: str, place: str) -> None:
        templates = _parsed(Origin(text, place))
        pipelines = Pipelines(Origin(text, place), FUNCTIONS)
        self.place = place
        self.body = tree_body(pipelines, templates.main)
        self.defined = {name: (tree_body(pipelines, tree), tree.depth + 1) for name, tree in templates.defined.items()}
        self.value = _reference(templates, pipelines)
        self.copied = walking.referenced(templates) if templates.called & MUTATORS else None

    def render(self, rendering: Rendering) -> Any:
        """Raises ExpressionError."""
        run = Run(rendering.meter, self.place, rendering.aliases, rendering.now, rendering.seed)
        dot = rendering.dot
        if self.value is not None:
            return self.value(run, [dot], dot)
        if self.copied is not None:
            dot = _isolated(run, dot, self.copied)
        run.templates = self.defined
        try:
            self.body(run, [], dot)
        except RecursionError as error:
            raise ExpressionError("the template is nested too deep") from error
        except (ValueError, ArithmeticError) as error:
            raise ExpressionError(f"{self.place}: {error}") from error
        return _json_or_text(run, "".join(run.out))


def _reference(templates: Templates, pipelines: Pipelines) -> Evaluator | None:
    """What gives the value, if the template is nothing but a reference to one."""
    if not walking.whole(templates):
        return None
    return next(pipelines.pipe(node.pipe) for node in templates.main.nodes if isinstance(node, Action))


def _json_or_text(run: Run, text: str) -> Any:
    if text[:1] not in ("{", "["):
        return text
    try:
        return decode(run, text)
    except ValueError:
        return text


def _isolated(run: Run, dot: Any, paths: Iterable[tuple[str, ...]]) -> Any:
    """The data, with what the template refers to copied, so that it may change it."""
    tree: dict[str, Any] = {}
    for path in sorted(paths, key=len):
        branch: dict[str, Any] | None = tree
        for index, key in enumerate(path):
            if branch is not None:
                last = index == len(path) - 1
                branch = branch.setdefault(key, None if last else {})
        if not path:
            return deep_copy(run, dot)
    return _copied(run, dot, tree)


def _copied(run: Run, value: Any, tree: dict[str, Any] | None) -> Any:
    if tree is None or not isinstance(value, dict):
        return deep_copy(run, value)
    run.spend(len(value) >> 2)
    copy = dict(value)
    for key, branch in tree.items():
        found = entry(run, value, key)
        if found is not None:
            copy[found] = _copied(run, copy[found], branch)
    return copy
