"""What requests hold. An unknown key is refused: a misspelled one would silently be lost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from adapter.dialects.fastgen.words import STATUS_ASKED
from definitions.dialects.fastgen.words import AUTHENTICATIONS, METHODS

PAGE_SIZE = 25
PAGE_SIZE_LIMIT = 100
UNHEARD_LIMIT = 500
EVENT_ID_LIMIT = 256
Json = dict[str, Any]


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value)


def _moment(value: Any) -> Any:
    """A text in RFC 3339."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError:
            raise ValueError("must be a time such as 2026-01-31T09:30:00Z") from None
    return value


def _of(known: Collection[str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return value

    return AfterValidator(check)


Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = BeforeValidator(_digits, json_schema_input_type=int)
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Workflow(_Wire):
    """For the interface description only: what is wrong is told by the compiler, with codes and paths."""

    description: str = ""
    event: str
    active: bool = True
    actions: list[Json]


class Route(_Wire):
    """For the interface description only, as `Workflow`."""

    description: str = ""
    method: Annotated[str, _of(METHODS)]
    path: str
    authentication: Annotated[str, _of(AUTHENTICATIONS)] = "none"
    bodyValidation: Json | None = None
    actions: list[Json]


class Save(_Wire):
    dryRun: Flag = False


class Read(_Wire):
    """`deployed`: the version that is live, rather than the draft."""

    deployed: Flag = False


class Deploy(_Wire):
    """`version`: another one than the draft, to go back to."""

    version: Annotated[int, Field(ge=1)] | None = None


class Switch(_Wire):
    active: bool


class DebugWorkflow(_Wire):
    """`dryRun`: events are shown, and not sent."""

    params: Json = {}
    dryRun: bool = True


class DebugRoute(_Wire):
    """What the route is asked; `bodyRaw` is what `body` is written as, unless given."""

    body: Any = None
    bodyRaw: str | None = None
    headers: dict[str, str] = {}
    query: Json = {}
    path: dict[str, str] = {}
    dryRun: bool = True


class Publish(_Wire):
    event: Annotated[str, Field(min_length=1)]
    params: Json = {}
    event_id: Annotated[str, Field(min_length=1, max_length=EVENT_ID_LIMIT)] | None = None


class ListUnheard(_Wire):
    limit: Annotated[int, Whole, Field(ge=1, le=UNHEARD_LIMIT)] = UNHEARD_LIMIT
    cursor: str | None = None


class CreateToken(_Wire):
    """Without `expiresAt` the token holds until it is revoked."""

    name: Annotated[str, Field(min_length=1, max_length=100)] = "token"
    expiresAt: Moment | None = None


class ListRuns(_Wire):
    """`workflow` and `route` are names; at most one of them."""

    workflow: str | None = None
    route: str | None = None
    status: Annotated[str, _of(STATUS_ASKED)] | None = None
    limit: Annotated[int, Whole, Field(ge=1, le=PAGE_SIZE_LIMIT)] = PAGE_SIZE
    cursor: str | None = None
