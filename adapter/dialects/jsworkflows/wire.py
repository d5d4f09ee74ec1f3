"""What requests hold. An unknown key is refused: a misspelled one would silently be lost."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from adapter.dialects.jsworkflows.words import STATUS_ASKED

PAGE_SIZE = 25
PAGE_SIZE_LIMIT = 100


def _digits(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10 else value


def _status(value: str) -> str:
    if value not in STATUS_ASKED:
        raise ValueError(f"must be one of {', '.join(STATUS_ASKED)}")
    return value


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value)


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class Workflow(_Wire):
    """Exactly one of `source` (a class in JavaScript) and `steps` (action -> list of operations).

    For the interface description only: what is wrong with a workflow is told by the compiler, with codes and paths.
    """

    name: str
    trigger: dict[str, Any]
    source: str | None = None
    steps: dict[str, list[dict[str, Any]]] | None = None
    secrets: list[str] = []


class TestRun(_Wire):
    """What `start` is given."""

    data: Any = {}
    headers: dict[str, str] = {}


class PutSecret(_Wire):
    value: Annotated[str, Field(min_length=1)]


class ListRuns(_Wire):
    """`workflow` is an id or a name."""

    workflow: str | None = None
    status: Annotated[str, AfterValidator(_status)] | None = None
    limit: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=PAGE_SIZE_LIMIT)] = PAGE_SIZE
    pageToken: str | None = None


class Registration(_Wire):
    dryRun: Annotated[bool, BeforeValidator(_flag)] = False
