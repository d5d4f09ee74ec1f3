"""What `${…}` can name at a step: the payload, and the results of the steps before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from definitions.expressions import path as paths
from definitions.json_path import child
from definitions.model import Expression
from definitions.report import Report

PAYLOAD = "payload"
LANGUAGE = "path"

#: The parts of a result that are known beforehand; None: anything may be in it.
Parts = Sequence[str] | None

WAIT_PARTS = ("event", "correlationKey", "payload", "timedOut")
SEND_PARTS = ("event_id", "duplicate")


class Scope:
    """The names that are known so far, and the expressions made of them."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._known: dict[str, Parts] = {PAYLOAD: None}

    def declare(self, name: str, path: str, parts: Parts = None) -> None:
        """Make a result known to the steps that follow."""
        if name in self._known:
            whose = "the run's payload" if name == PAYLOAD else "another result"
            message = f"{name[:80]!r} is the name of {whose}; choose another with `as`"
            self._report.add("step-name-repeated", path, message)
        self._known[name] = parts

    def assume(self, name: Any) -> None:
        """Know a name though its step is wrong, so that what refers to it is not found wrong as well."""
        if isinstance(name, str):
            self._known.setdefault(name, None)

    def expression(self, value: Any, path: str) -> Expression:
        """A value with `${…}` in its texts as an expression; what it cannot resolve is in the report."""
        self._check(value, path)
        return Expression(language=LANGUAGE, source=value)

    def _check(self, value: Any, path: str) -> None:
        if isinstance(value, str):
            self._check_text(value, path)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            self._check(item, child(path, key))

    def _check_text(self, text: str, path: str) -> None:
        try:
            named = paths.references(text)
        except ValueError as error:
            self._report.add("expression-invalid", path, str(error)[:300])
            return
        for dotted in named:
            self._check_reference(dotted, path)

    def _check_reference(self, dotted: str, path: str) -> None:
        root, *rest = dotted.split(".")
        if root not in self._known:
            known = ", ".join(self._known)
            self._report.add(
                "reference-unknown", path, f"nothing is called {root[:80]!r} here; known are: {known[:200]}"
            )
            return
        parts = self._known[root]
        if rest and parts is not None and rest[0] not in parts:
            self._report.add(
                "reference-unresolvable", path, f"{root[:80]!r} has no {rest[0][:80]!r}; it has: {', '.join(parts)}"
            )


def is_dynamic(value: Any) -> bool:
    """Whether a value is text that is computed when the step runs."""
    return isinstance(value, str) and "${" in value


def has_dynamic(value: Any) -> bool:
    """Whether there is such text anywhere in a value."""
    if isinstance(value, dict | list):
        return any(has_dynamic(item) for item in (value.values() if isinstance(value, dict) else value))
    return is_dynamic(value)
