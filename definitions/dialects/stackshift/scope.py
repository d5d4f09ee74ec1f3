"""What `${…}` can name at a step: the payload, and the results of the steps before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from definitions.expressions import path as paths
from definitions.model import Expression
from definitions.named import named
from definitions.report import Report

PAYLOAD = "payload"
LANGUAGE = "path"

#: What is known of a value beforehand: a word, or the parts that it has, each with what is known of it.
ANY, TEXT, NUMBER, BOOLEAN, OBJECT = "anything", "text", "a number", "true or false", "an object"
Shape = str | Mapping[str, "Shape"]

WAIT_RESULT: Shape = {"event": TEXT, "correlationKey": ANY, "payload": ANY, "timedOut": BOOLEAN}
SEND_RESULT: Shape = {"event_id": TEXT, "duplicate": BOOLEAN}


class Scope:
    """The names that are known so far, and the expressions made of them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[str, Shape] = {PAYLOAD: ANY}

    def declare(self, name: str, path: str, shape: Shape = ANY) -> None:
        """Make a result known to the steps that follow."""
        if name in self._known:
            whose = "the run's payload" if name == PAYLOAD else "another result"
            message = f"{name[:80]!r} is the name of {whose}; choose another with `as`"
            self._report.add("step-name-repeated", path, message)
        self._known[name] = shape

    def assume(self, name: Any) -> None:
        """Know a name though its step is wrong, so that what refers to it is not found wrong as well."""
        if isinstance(name, str):
            self._known.setdefault(name, ANY)

    def expression(self, value: Any, path: str) -> Expression:
        """A value with `${…}` in its texts as an expression; what it cannot resolve is in the report."""
        for dotted, at in named(value, path, self._report):
            if "" in dotted.split("."):
                self._report.add("expression-invalid", at, f"a part of the path {dotted[:80]!r} is empty")
            else:
                self._check_reference(dotted, at)
        return Expression(language=LANGUAGE, source=value)

    def kind(self, text: str) -> str:
        """What a text comes to, as far as that is known beforehand: one of the words above."""
        dotted = paths.whole(text)
        if dotted is None:
            return TEXT
        root, *rest = dotted.split(".")
        shape = self._known.get(root, ANY)
        for key in rest:
            shape = _part(shape, key) or ANY
        return shape if isinstance(shape, str) else OBJECT

    def _check_reference(self, dotted: str, path: str) -> None:
        root, *rest = dotted.split(".")
        if root not in self._known:
            known = ", ".join(self._known)
            self._report.add(
                "reference-unknown", path, f"nothing is called {root[:80]!r} here; known are: {known[:200]}"
            )
            return
        shape, at = self._known[root], root
        for key in rest:
            part = _part(shape, key)
            if part is None:
                self._report.add("reference-unresolvable", path, f"{at[:80]!r} has no {key[:80]!r}; {_it(shape)}")
                return
            shape, at = part, f"{at}.{key}"


def _part(shape: Shape, key: str) -> Shape | None:
    """What is known of a part of a value; None if there is no such part."""
    if isinstance(shape, str):
        return ANY if shape in (ANY, OBJECT) else None
    return shape.get(key)


def _it(shape: Shape) -> str:
    return f"it is {shape}" if isinstance(shape, str) else f"it has: {', '.join(shape)}"


def is_dynamic(value: Any) -> bool:
    """Whether a value is text that is computed when the step runs."""
    return isinstance(value, str) and "${" in value


def has_dynamic(value: Any) -> bool:
    """Whether there is such text anywhere in a value."""
    if isinstance(value, dict | list):
        return any(has_dynamic(item) for item in (value.values() if isinstance(value, dict) else value))
    return is_dynamic(value)
