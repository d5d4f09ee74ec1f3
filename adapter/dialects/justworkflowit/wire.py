"""What requests hold: bodies, queries, dates. Unknown keys are ignored, as the vendor's protocol does."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from adapter.dialects.justworkflowit.words import HIERARCHY, STATUS_ASKED, TAG
from definitions.model import NAME_LIMIT

PAGE_SIZE = 25
PAGE_SIZE_LIMIT = 100
EVENT_ID_LIMIT = 256
#: Bounds of the dates that a list is asked with. No job lies outside, and whatever reads them can add and subtract.
EARLIEST = datetime(1970, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(2200, 1, 1, tzinfo=timezone.utc)

_DATE = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt](?P<time>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>[Zz]|[+-]\d\d:\d\d)"
)
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_PERMISSION = r"^[a-z]+(:[a-z]+)+$"


def read_date(text: str) -> datetime:
    """An RFC 3339 date-time in UTC; digits beyond microseconds are cut. Raises ValueError."""
    # In a query a `+` that was not percent-encoded arrives as a space.
    found = _DATE.fullmatch(re.sub(r" (?=\d\d:\d\d$)", "+", text))
    if found is None:
        raise ValueError("must be an RFC 3339 date and time with an offset, such as 2026-01-31T09:30:00Z")
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
    try:
        return datetime.fromisoformat(f"{found['day']}T{found['time']}.{fraction}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise ValueError("is no date and time of the calendar") from None


def _date(value: Any) -> Any:
    return read_date(value) if isinstance(value, str) else value


def _one_of(words: Any) -> AfterValidator:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return AfterValidator(check)


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _within_reach(value: datetime) -> datetime:
    return min(max(value, EARLIEST), LATEST)


Date = Annotated[datetime, BeforeValidator(_date, json_schema_input_type=str)]
QueryDate = Annotated[Date, AfterValidator(_within_reach)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT)]
Tag = Annotated[str, Field(pattern=TAG, max_length=NAME_LIMIT)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class RegisterWorkflow(_Wire):
    name: Name


class RegisterVersion(_Wire):
    """`definition` is a text that holds JSON."""

    definition: Text


class SetTag(_Wire):
    versionId: Text


class VersionSelector(_Wire):
    """A union: exactly one key; a null one counts as absent."""

    versionId: Text | None = None
    versionNumber: Annotated[int, Field(ge=1)] | None = None
    tag: Tag | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> VersionSelector:
        if sum(one is not None for one in (self.versionId, self.versionNumber, self.tag)) != 1:
            raise ValueError("exactly one of versionId, versionNumber and tag is required")
        return self


class SubmitJob(_Wire):
    """A null `inputJson` counts as absent."""

    workflowId: Text
    workflowVersion: VersionSelector
    inputJson: Any = None


class SendEvent(_Wire):
    eventId: Annotated[str, Field(min_length=1, max_length=EVENT_ID_LIMIT)]
    payload: dict[str, Any] | None = None


class CreateToken(_Wire):
    name: Name
    expiresAt: Date
    permissions: Annotated[list[Annotated[str, Field(pattern=_PERMISSION, max_length=64)]], Field(min_length=1)]


class ListJobs(_Wire):
    status: Annotated[str, _one_of(STATUS_ASKED)] | None = None
    workflowName: str | None = None
    workflowVersionNumber: Annotated[int, Field(ge=1), BeforeValidator(_digits)] | None = None
    createdAfter: QueryDate | None = None
    createdBefore: QueryDate | None = None
    jobHierarchy: Annotated[str, _one_of(HIERARCHY)] = "ALL"
    pageToken: str | None = None
    pageSize: Annotated[int, Field(ge=1, le=PAGE_SIZE_LIMIT), BeforeValidator(_digits)] = PAGE_SIZE
