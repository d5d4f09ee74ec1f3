"""A job's input."""

from __future__ import annotations

from typing import Any

import pytest

from definitions.dialects import justworkflowit
from definitions.dialects.justworkflowit.inputs import NOT_DECLARED, NOT_GIVEN
from definitions.errors import InputInvalid
from tests.definitions.justworkflowit.build import compiled, record, ref, step

DECLARED = compiled(
    step("a"),
    workflowInput=record({"id": "string", "who": ref("person")}, additionalProperties=False),
    person=record({"name": "string"}, {"boss": ref("person")}),
)
UNDECLARED = compiled(step("a"))


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"id": "1", "who": {"name": "A", "boss": {"name": "B"}}}, None),
        ({"id": 1, "who": {"name": "A"}}, "$.id"),
        ({"id": "1", "who": {"name": "A", "boss": {"name": None}}}, "$.who.boss.name"),
        ({"id": "1"}, "$"),
        ({"id": "1", "who": {"name": "A"}, "more": 1}, "$"),
        ("text", "$"),
        (None, "$"),
    ],
)
def test_a_given_input_must_fit(value: Any, path: str | None) -> None:
    if path is None:
        justworkflowit.check_input(DECLARED, True, value)
        return
    with pytest.raises(InputInvalid) as caught:
        justworkflowit.check_input(DECLARED, True, value)
    assert caught.value.path == path


def test_an_input_is_given_exactly_if_it_is_declared() -> None:
    with pytest.raises(InputInvalid, match=NOT_GIVEN):
        justworkflowit.check_input(DECLARED, False, None)
    with pytest.raises(InputInvalid, match=NOT_DECLARED):
        justworkflowit.check_input(UNDECLARED, True, {})
    justworkflowit.check_input(UNDECLARED, False, None)
    assert NOT_GIVEN != NOT_DECLARED
