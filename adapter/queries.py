"""Queries as wire models: what does not fit is told by parameter name."""

from __future__ import annotations

from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from adapter.body import invalid_fields
from adapter.failures import RequestInvalid

_Query = TypeVar("_Query", bound=BaseModel)


def query_model(request: Request, model: type[_Query]) -> _Query:
    """The query as a model; an empty parameter counts as absent. Raises RequestInvalid, by parameter name."""
    given = {name: value for name, value in request.query_params.items() if value}
    try:
        return model.model_validate(given)
    except ValidationError as invalid:
        problem = invalid_fields(invalid.errors(include_url=False, include_input=False))
        fields = {path.removeprefix("$."): text for path, text in problem.fields.items()}
        raise RequestInvalid("; ".join(f"{name}: {text}" for name, text in fields.items()), fields) from None
