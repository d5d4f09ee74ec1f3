"""Lists of actions as steps of one block: what is inside an `if` or a `loop` is laid out beside them, and joined after.

A step has the key of its action as its name; steps that stand for no action have a name with `MARK` in it.
"""

from __future__ import annotations

import json
from itertools import pairwise

from definitions import checks
from definitions.dialects.fastgen import words
from definitions.dialects.fastgen.actions import ACTIONS, Action, Context, Make, has_keys
from definitions.dialects.fastgen.code import custom_code
from definitions.dialects.fastgen.queries import database_query
from definitions.dialects.fastgen.reading import IF, LOOP
from definitions.dialects.fastgen.scope import is_one_expression
from definitions.json_path import child
from definitions.model import AssignStep, Block, Expression, RouteStep, Save, Step

#: In the names of steps that stand for no action; no key has it.
MARK = ":"
#: The step that is last when a way leads to the end.
END = f"{MARK}end"
#: Where the lists that loops go through are kept in the data.
LOOPS = "loops"

RETURN = "return"
MAKERS: dict[str, Make] = {**ACTIONS, "customCode": custom_code, "databaseQuery": database_query}

_RESULT = {"template": {"result": "{{$output.value}}"}, "roots": {"output": "output"}}


def is_action(step: str) -> bool:
    """Whether a step stands for an action, whose key is then its name."""
    return MARK not in step


def block_of(actions: list[Action], context: Context) -> Block | None:
    """The block that runs a list of actions; None if something is wrong with one of them."""
    layout = _Layout(context)
    start = layout.lay(actions, END)
    if context.report.problems:
        return None
    steps = layout.steps
    if start == END or any(END in step.routes.values() for step in steps.values() if isinstance(step, RouteStep)):
        steps[END] = AssignStep()
    return Block(start=start, steps=steps)


class _Layout:
    def __init__(self, context: Context) -> None:
        self.steps: dict[str, Step] = {}
        self._context = context

    def lay(self, actions: list[Action], after: str) -> str:
        """Add the steps of a list that is followed by the step `after`; the name of the first one."""
        names = [*(action.key for action in actions), after]
        for action, (_, following) in zip(actions, pairwise(names), strict=True):
            self._add(action, following)
        return names[0]

    def _add(self, action: Action, following: str) -> None:
        if action.type == IF:
            self._add_if(action, following)
        elif action.type == LOOP:
            self._add_loop(action, following)
        else:
            made = MAKERS[action.type](action, self._context)
            last = action.type == RETURN or following == END
            if made is not None:
                changes = {"label": action.type, "next": None if last else following}
                self.steps[action.key] = made.model_copy(update=changes)

    def _add_if(self, action: Action, following: str) -> None:
        names = self._context.names
        first = {way: inner[0].key if inner else following for way, inner in action.inner.items()}
        problems = len(self._context.report.problems)
        value = names.conditions(action.config, action.at)
        shown = names.value(action.config, action.at) if len(self._context.report.problems) == problems else None
        self.steps[action.key] = RouteStep(
            label=IF,
            input=shown,
            value=value,
            routes=first,
            result=Expression(language="double-brace", source=_RESULT),
            save=action.save,
        )
        for inner in action.inner.values():
            self.lay(inner, following)

    def _add_loop(self, action: Action, following: str) -> None:
        body = action.inner["actions"]
        turn, item = f"{action.key}{MARK}turn", f"{action.key}{MARK}item"
        mine = f"[{json.dumps(action.key)}]"
        known, items = f"action{mine}", f"loops{mine}.items"
        variable = ["var", action.config["as"]] if isinstance(action.config.get("as"), str) else None
        self.steps[action.key] = AssignStep(
            label=LOOP,
            input=self._items(action),
            value=_cel(f'{{"index": -1, "item": null, "count": type({items}) == list ? size({items}) : 0}}'),
            check=_cel(_ITEMS_CHECK, "input"),
            save=Save(input=[LOOPS, action.key], output=action.save.output),
            next=turn,
        )
        self.steps[turn] = RouteStep(
            value=_cel(f"{known}.index + 1 < {known}.count"), routes={"true": item, "false": following}
        )
        self.steps[item] = AssignStep(
            input=_cel(f"{items}[{known}.index + 1]"),
            value=_cel(f'{{"index": {known}.index + 1, "item": {items}[{known}.index + 1], "count": {known}.count}}'),
            save=Save(input=variable, output=action.save.output),
            next=body[0].key if body else turn,
        )
        self.lay(body, turn)

    def _items(self, action: Action) -> Expression | None:
        report = self._context.report
        if not has_keys(action, self._context, ("items",), ("as",)):
            return None
        items, at = action.config["items"], child(action.at, "items")
        good = isinstance(items, list) or is_one_expression(items)
        checks.expect(good, at, report, "items-invalid", "expected a list, or one expression that gives one")
        if "as" in action.config:
            as_at = child(action.at, "as")
            checks.is_name(action.config["as"], as_at, report, "name-invalid", words.ACTION_NAME_LIMIT)
        return self._context.names.value({"items": items}, action.at)


_ITEMS_CHECK = (
    "type(input.items) != list ? 'what a loop goes through must be a list' : "
    f"size(input.items) > {words.ITEMS_LIMIT} ? 'a loop goes through at most {words.ITEMS_LIMIT} items' : ''"
)


def _cel(text: str, *more: str) -> Expression:
    return Expression(language="cel", source={"expression": text, "declare": ["action", LOOPS, *more]})
