"""What `${…}` can name at an operation: what every action is given, and the results of the operations before it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from definitions.dialects.jsworkflows import checks
from definitions.model import Expression
from definitions.named import named
from definitions.report import Report

LANGUAGE = "path"
ENV = "env"

#: The parts of a result that are known beforehand; None: anything may be in it.
Parts = Sequence[str] | None


def expression(value: Any) -> dict[str, Any]:
    """A value with `${…}` in its texts as an expression."""
    return Expression(language=LANGUAGE, source=value).model_dump(mode="json")


class Scope:
    """The names that are known so far in one action, and what is wrong with a reference to them."""

    def __init__(self, report: Report, secrets: Collection[str]) -> None:
        self._report = report
        self._secrets = secrets
        self._known: dict[str, Parts] = {"data": None, "headers": None, "error": None, ENV: None}

    def declare(self, name: Any, path: str, parts: Parts = None) -> None:
        """Make a result known to the operations that follow."""
        if not checks.expect(checks.is_identifier(name), path, self._report, "as-invalid", "expected an identifier"):
            return
        free = name not in self._known
        checks.expect(free, path, self._report, "as-repeated", f"{name[:80]!r} is the name of something else here")
        self._known[name] = parts

    def check(self, value: Any, path: str) -> None:
        """Look for what the texts of a value name that is not there: it is in the report then."""
        for dotted, at in named(value, path, self._report):
            self._check_reference(dotted, at)

    def _check_reference(self, dotted: str, path: str) -> None:
        root, *rest = dotted.split(".")
        if root not in self._known:
            known = ", ".join(self._known)
            message = f"nothing is called {root[:80]!r} here; known are: {known[:200]}"
            self._report.add("reference-unknown", path, message)
        elif root == ENV and (not rest or rest[0] not in self._secrets):
            message = f"{'.'.join(rest)[:80]!r} is not among the `secrets` of the workflow"
            self._report.add("secret-undeclared", path, message)
        elif (parts := self._known[root]) is not None and rest and rest[0] not in parts:
            message = f"{root[:80]!r} has no {rest[0][:80]!r}; it has: {', '.join(parts)}"
            self._report.add("reference-unresolvable", path, message)
