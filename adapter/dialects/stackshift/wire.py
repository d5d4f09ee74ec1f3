"""What requests hold. An unknown key is refused: `idempotencyKey`, say, would be a key that is silently lost."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from adapter.dialects.stackshift.words import STATUS_ASKED
from definitions import durations
from definitions.dialects.stackshift import ATTEMPTS_LIMIT, DURATIONS
from definitions.model import NAME_LIMIT

KEY_LIMIT = 1_000
PAGE_SIZE = 25
PAGE_SIZE_LIMIT = 100

#: How long an idempotency key counts, and an event that matched nobody is kept, if the sender does not say; in seconds.
DEFAULT_TTL = 86_400
DEFAULT_RETENTION = 30 * 86_400

_DATE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<time>\d\d:\d\d(:\d\d)?)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>[Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def read_date(text: str) -> datetime:
    """An ISO 8601 date and time in UTC; without an offset it is UTC. Raises ValueError."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError("must be an ISO 8601 date and time, such as 2026-01-31T09:30:00Z")
    zone = found["zone"] or "Z"
    offset = "+00:00" if zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
    clock = found["time"] + (":00" if len(found["time"]) == 5 else "")
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{found['day']}T{clock}.{fraction}{offset}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("is no date and time of the calendar") from None


def _date(value: Any) -> Any:
    return read_date(value) if isinstance(value, str) else value


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"must be text such as {DURATIONS.example!r}")
    seconds = durations.seconds(value, DURATIONS)
    if seconds == 0:
        raise ValueError("must be longer than nothing")
    return seconds


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


def _status(value: str) -> str:
    if value not in STATUS_ASKED:
        raise ValueError(f"must be one of {', '.join(STATUS_ASKED)}")
    return value


def _printable(value: str) -> str:
    if not value.isprintable():
        raise ValueError("must be printable")
    return value


Date = Annotated[datetime, BeforeValidator(_date, json_schema_input_type=str)]
Duration = Annotated[int, BeforeValidator(_duration, json_schema_input_type=str)]
Key = Annotated[str, Field(min_length=1, max_length=KEY_LIMIT)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(_printable)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class RegisterJob(_Wire):
    """Exactly one of `definition` (an object) and `source` (text); `name` and `maxAttempts` belong to `source`.

    For the interface description only: what is wrong with a job is told by the compiler, with codes and paths.
    """

    definition: dict[str, Any] | None = None
    source: str | None = None
    name: Name | None = None
    maxAttempts: Annotated[int, Field(ge=1, le=ATTEMPTS_LIMIT)] | None = None


class StartRun(_Wire):
    """`idempotency_ttl` is a duration such as `30d`. A null counts as absent."""

    payload: Any = None
    idempotency_key: Key | None = None
    idempotency_ttl: Duration | None = None
    scheduled_at: Date | None = None
    queue_name: Name | None = None
    max_attempts: Annotated[int, Field(ge=1, le=ATTEMPTS_LIMIT)] | None = None


class SendEvent(_Wire):
    """`retention` is how long the event is kept for a wait to come, `idempotency_ttl` how long its key counts."""

    name: Name
    payload: Any = None
    correlation_key: Key | None = None
    idempotency_key: Key | None = None
    idempotency_ttl: Duration | None = None
    deliver: Literal["one", "all"] = "one"
    retention: Duration | None = None
    wait: bool = False


class ListRuns(_Wire):
    job: str | None = None
    status: Annotated[str, AfterValidator(_status)] | None = None
    cursor: str | None = None
    limit: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=PAGE_SIZE_LIMIT)] = PAGE_SIZE


class Registration(_Wire):
    dryRun: Literal["true", "false"] = "false"
