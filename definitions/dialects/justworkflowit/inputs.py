"""A job's input against what the definition declares."""

from __future__ import annotations

from typing import Any

from definitions.errors import InputInvalid
from definitions.model import Definition
from definitions.schemas import first_error

NOT_GIVEN = "the workflow declares `workflowInput`, so the job needs an input"
NOT_DECLARED = "the workflow declares no `workflowInput`, so the job must not have an input"


def check_input(definition: Definition, has_input: bool, value: Any) -> None:
    """An input is given exactly if one is declared, and fits it. Raises InputInvalid, with the path in the input."""
    schema = definition.input_schema
    if schema is None:
        if has_input:
            raise InputInvalid(NOT_DECLARED)
        return
    if not has_input:
        raise InputInvalid(NOT_GIVEN)
    if (error := first_error(schema, value)) is not None:
        raise InputInvalid(error[1], path=error[0])
