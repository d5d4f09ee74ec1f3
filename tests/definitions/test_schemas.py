"""JSON Schema checks say what is wrong first, and none takes long, whatever schema and value there are."""

from __future__ import annotations

import time
from typing import Any

import pytest

from definitions.schemas import first_error


def ladder(rungs: int) -> dict[str, Any]:
    """A small schema whose naive check takes 2 ** rungs steps."""
    definitions: dict[str, Any] = {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(rungs)}
    return {"$ref": "#/definitions/d0", "definitions": {**definitions, f"d{rungs}": {"type": "object"}}}


DEAR: dict[str, tuple[dict[str, Any], Any]] = {
    "a schema that refers to the next one twice": (ladder(40), {}),
    "a long list under many rules": ({"items": {"allOf": [{"type": "number"}] * 50}}, list(range(30_000))),
    "a long list of long choices": ({"items": {"enum": [str(n) for n in range(10_000)]}}, ["9999"] * 10_000),
    "many objects that must differ": ({"uniqueItems": True}, [{"n": n, "m": [n]} for n in range(40_000)]),
}


@pytest.mark.parametrize("name", DEAR)
def test_a_dear_check_ends_soon(name: str) -> None:
    began = time.process_time()
    assert first_error(*DEAR[name]) == ("$", "is too large to be checked")
    assert time.process_time() - began < 5


def test_objects_that_must_differ_are_told_apart_in_time() -> None:
    began = time.process_time()
    assert first_error({"uniqueItems": True}, [{"n": n} for n in range(20_000)]) is None
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("items", "unique"),
    [
        ([1, True, "1", None, [], {}], True),
        ([0, False, "", [[]], [{}]], True),
        ([1, 1.0], False),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
        ([{"a": 1}, {"a": True}], True),
        ([[1], [True]], True),
        ([None, None], False),
        (["a", "a"], False),
    ],
)
def test_what_counts_as_the_same_item(items: list[Any], unique: bool) -> None:
    assert (first_error({"uniqueItems": True}, items) is None) is unique


def test_of_very_many_errors_one_is_told_soon() -> None:
    began = time.process_time()
    assert first_error({"items": {"type": "string"}}, list(range(20_000))) == ("$[0]", "0 is not of type 'string'")
    assert time.process_time() - began < 0.5


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema = {"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}}
    assert first_error(schema, {}) is not None


def test_the_first_error_is_the_one_with_the_first_path() -> None:
    schema = {"properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
    assert first_error(schema, {"b": 1, "a": 1}) == ("$.a", "1 is not of type 'string'")


@pytest.mark.parametrize("schema", [{"type": 5}, {"$ref": "#/nowhere"}, {"properties": 5}, {"items": {"minimum": "x"}}])
def test_what_is_no_schema_is_a_value_error(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="the schema cannot be used"):
        first_error(schema, {"a": 1} if "items" not in schema else [1])
