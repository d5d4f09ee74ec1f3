"""What a compiler finds wrong with a definition, collected first found first."""

from __future__ import annotations

from collections.abc import Collection

from definitions.errors import DefinitionError, Problem

PROBLEM_LIMIT = 50


class Report:
    """Collects problems; `codes` are those that the dialect has documented."""

    def __init__(self, codes: Collection[str]) -> None:
        self.codes = codes
        self.problems: list[Problem] = []

    def add(self, code: str, path: str, message: str, *, unsupported: bool = False) -> None:
        assert code in self.codes, code
        if len(self.problems) < PROBLEM_LIMIT:
            self.problems.append(Problem(code, path, message, unsupported))

    def check(self) -> None:
        """Raises DefinitionError if anything has been found so far."""
        if self.problems:
            raise DefinitionError(self.problems)
