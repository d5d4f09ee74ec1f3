"""What requests hold. A key that is not known is passed over, as the vendor passes it over."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from adapter.failures import RequestInvalid
from definitions.model import NAME_LIMIT

KEY_LIMIT = 1_000
#: Seconds for which an idempotency key counts, unless a webhook says otherwise.
KEY_SECONDS = 86_400.0
#: Seconds that a synchronous execution is waited for.
SYNC_SECONDS, SYNC_LIMIT = 60.0, 300.0
#: Rows of a list of executions, which the vendor does not page: the newest.
ROWS, ROWS_LIMIT = 100, 500
#: Executions that a list shows as a whole: each has to be asked.
DETAILS, DETAILS_LIMIT = "details", 20
#: Rows of a list of workflows.
PAGE_SIZE, PAGE_SIZE_LIMIT = 50, 500
#: Milliseconds between two looks at an execution.
POLL, LEAST_POLL, MOST_POLL = 500, 250, 2_000
STREAM_EVENTS = ("workflow_start", "workflow_status", "complete", "error")
EXPANDABLE = ("tasks", "agents", "tools")
IDEMPOTENCY_HEADERS = ("idempotency-key", "x-idempotency-key")


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable")
    return value


def _words_of(known: tuple[str, ...]) -> BeforeValidator:
    def split(value: Any) -> Any:
        words = [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value
        if isinstance(words, list) and (unknown := [word for word in words if word not in known]):
            raise ValueError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return words

    return BeforeValidator(split, json_schema_input_type=str)


Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(_printable)]
Key = Annotated[str, Field(min_length=1, max_length=KEY_LIMIT)]
Whole = BeforeValidator(_digits, json_schema_input_type=int)


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class SendSignal(_Wire):
    """`idempotency_key` is ours: the same one again is the same signal."""

    signal_name: Name
    payload: dict[str, Any] | None = None
    idempotency_key: Key | None = None


class SendEvent(_Wire):
    """`name` and `payload` are the vendor's. `idempotency_key` makes a repetition the same event; `correlation_key`
    lets it reach waits for name and key as well; `exec_id` makes it one for that execution only."""

    name: Name
    payload: dict[str, Any] | None = None
    idempotency_key: Key | None = None
    correlation_key: Key | None = None
    exec_id: Annotated[str, Field(min_length=1)] | None = None


class Execute(_Wire):
    """`task_id` is the task to begin with, in place of the first one."""

    input: dict[str, Any] | None = None
    task_id: str | None = None


class ExecuteSync(Execute):
    """`timeout` is in seconds."""

    timeout: Annotated[float, Field(ge=0, le=SYNC_LIMIT)] | None = None


class ListExecutions(_Wire):
    """Both are ours: the vendor does not page, and every row is an execution as a whole. With `expand=details` so are
    the newest ones here."""

    limit: Annotated[int, Whole, Field(ge=1, le=ROWS_LIMIT)] = ROWS
    expand: Annotated[list[str], _words_of((DETAILS,))] = []


class ListWorkflows(_Wire):
    """`q` is the beginning of ids. `project` is passed over: an organisation is one project."""

    project: str | None = None
    limit: Annotated[int, Whole, Field(ge=1, le=PAGE_SIZE_LIMIT)] = PAGE_SIZE
    cursor: str | None = None
    q: str = ""
    expand: Annotated[list[str], _words_of(EXPANDABLE)] = []


class Stream(_Wire):
    poll_ms: Annotated[int, Whole, Field(ge=LEAST_POLL, le=MOST_POLL)] = POLL
    events: Annotated[list[str], _words_of(STREAM_EVENTS)] = list(STREAM_EVENTS)


def idempotency_key(request: Request, given: str | None = None) -> str | None:
    """The key of a request: its body's, or that of one of the headers. Raises RequestInvalid for one too long."""
    found = given or next((value for name in IDEMPOTENCY_HEADERS if (value := request.headers.get(name))), None)
    if found is not None and len(found) > KEY_LIMIT:
        raise RequestInvalid("the idempotency key is too long", {"Idempotency-Key": f"at most {KEY_LIMIT} characters"})
    return found
