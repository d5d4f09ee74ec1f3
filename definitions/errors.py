"""The one error tree of Tidegate.

    TidegateError
    ├── DefinitionError        a definition is refused: a list of `Problem`s, each with code and JSON path
    ├── InputInvalid           a run's input does not fit its definition
    ├── PayloadInvalid         an event's payload does not fit the wait it is for
    ├── ExpressionError        an expression could not be evaluated
    ├── Unauthenticated        no or a wrong credential
    │   └── TokenExpired       a signed token past its time
    ├── Forbidden              a credential without the right, or of another organisation
    ├── NotFound               no such run, definition, version, tag or secret
    ├── AlreadyExists          a name is taken
    ├── NotANumber             a value that is to be incremented is no number, or would become too large
    ├── Conflict               the same key was used with another content
    ├── RunClosed              the run has ended, so it cannot take this
    ├── NotResumable           the run is not failed or cancelled, or somebody else has resumed it
    ├── TooLarge               a request or value over its limit
    ├── Overloaded             the Temporal service asks for less: try again later
    └── Unavailable            the Temporal service, or any worker, cannot be reached: try again later

`code` is stable and part of the API. Messages are for people and may change. No message carries a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class TidegateError(Exception):
    """Base of every error that Tidegate raises on purpose."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a definition.

    `code` is stable and kebab-case; `path` is a JSON path such as `$.steps[0].name`;
    `unsupported` tells "valid, but Tidegate cannot do it" from "invalid".
    """

    code: str
    path: str
    message: str
    unsupported: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.message} [{self.code}]"


class DefinitionError(TidegateError):
    """A definition was refused; `problems` lists why, first found first."""

    code = "definition-invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))


class _WithPath(TidegateError):
    def __init__(self, message: str, path: str = "$") -> None:
        super().__init__(message)
        self.path = path


class InputInvalid(_WithPath):
    code = "input-invalid"


class PayloadInvalid(_WithPath):
    code = "payload-invalid"


class ExpressionError(_WithPath):
    code = "expression-failed"


class Unauthenticated(TidegateError):
    code = "unauthenticated"


class TokenExpired(Unauthenticated):
    code = "token-expired"


class Forbidden(TidegateError):
    code = "forbidden"


class NotFound(TidegateError):
    code = "not-found"


class AlreadyExists(TidegateError):
    code = "already-exists"


class Conflict(TidegateError):
    code = "conflict"


class NotANumber(TidegateError):
    code = "not-a-number"


class RunClosed(TidegateError):
    """`status` is the run's neutral status: succeeded, failed or cancelled."""

    code = "run-closed"

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class NotResumable(TidegateError):
    code = "not-resumable"


class TooLarge(TidegateError):
    code = "too-large"


class Overloaded(TidegateError):
    """`retry_after` is in seconds."""

    code = "overloaded"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(TidegateError):
    """`retry_after` is in seconds; `part` names what is away: `temporal`, `worker` or `adapter`."""

    code = "unavailable"

    def __init__(self, message: str, part: str = "temporal", retry_after: int = 2) -> None:
        super().__init__(message)
        self.part = part
        self.retry_after = retry_after
