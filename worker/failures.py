"""Our errors as they cross Temporal: raised by a workflow or activity, and read back by a client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio.exceptions import ApplicationError

from definitions import errors
from definitions.errors import TidegateError

#: Those that a workflow refuses with -> the attribute besides the message, which travels in the failure's details.
_CARRIED: dict[type[TidegateError], str | None] = {
    errors.InputInvalid: "path",
    errors.PayloadInvalid: "path",
    errors.ExpressionError: "path",
    errors.RunClosed: "status",
    errors.NotFound: None,
    errors.AlreadyExists: None,
    errors.Conflict: None,
    errors.NotANumber: None,
    errors.NotResumable: None,
    errors.TooLarge: None,
    errors.Overloaded: "retry_after",
}
#: What an entity refuses with while it continues as new: the caller tries again.
CONTINUING = "entity-continues"

_BY_CODE = {kind.code: (kind, attribute) for kind, attribute in _CARRIED.items()}


def failure(error: TidegateError) -> ApplicationError:
    """What to raise in a workflow, an update handler or an activity so that the caller gets `error`."""
    attribute = _CARRIED.get(type(error))
    details = [] if attribute is None else [getattr(error, attribute)]
    return ApplicationError(error.message, *details, type=error.code, non_retryable=True)


def continuing() -> ApplicationError:
    return ApplicationError("the entity continues in a moment", type=CONTINUING, non_retryable=True)


def error_of(cause: BaseException | None) -> TidegateError | None:
    """The error of ours that a failure carries, itself or as a cause (an activity's, say); None if there is none."""
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in _BY_CODE:
            kind, attribute = _BY_CODE[cause.type]
            return kind(cause.message, *_attribute(attribute, cause.details))
        cause = cause.__cause__
    return None


def _attribute(name: str | None, details: Sequence[Any]) -> list[Any]:
    if name == "retry_after":
        return [int(detail) for detail in details[:1]]
    return [] if name is None else [str(detail) for detail in details[:1]] or [""]
