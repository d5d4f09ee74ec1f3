"""JSON values as JavaScript sees them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from definitions.errors import ExpressionError
from definitions.expressions import javascript as js
from definitions.expressions.javascript import UNDEFINED
from definitions.expressions.meter import Meter


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-1.5, "-1.5"),
        (100, "100"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e21, "1.5e+21"),
        (123456789012345680000, "123456789012345680000"),
        (2**53 + 1, "9007199254740992"),
        (10**400, "Infinity"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (1.25e-7, "1.25e-7"),
        (-1.25e-9, "-1.25e-9"),
        (0.1, "0.1"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
    ],
)
def test_numbers_are_written_as_javascript_does(number: float, text: str) -> None:
    assert js.number_to_string(number) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        (" \n\ufeff12\u00a0", 12),
        ("1e3", 1000),
        (".5", 0.5),
        ("5.", 5),
        ("-5", -5),
        ("0x1F", 31),
        ("0b101", 5),
        ("0o17", 15),
        ("Infinity", math.inf),
        ("-Infinity", -math.inf),
    ],
)
def test_text_becomes_a_number(text: str, number: float) -> None:
    assert js.string_to_number(text) == number


@pytest.mark.parametrize("text", ["x", "1_0", "1e", "-0x10", "0x", "0x1G", "infinity", "nan", ".", "1 2", "1\x1c"])
def test_other_text_is_no_number(text: str) -> None:
    assert math.isnan(js.string_to_number(text))


@pytest.mark.parametrize(("value", "number"), [("3px", 3), ("  -2.5e1x", -25), (".5.5", 0.5), ([7, 8], 7), ("1e", 1)])
def test_parse_float_takes_what_a_text_begins_with(value: Any, number: float) -> None:
    assert js.parse_float(value, Meter()) == number


@pytest.mark.parametrize("value", [UNDEFINED, None, True, {}, "x", ""])
def test_parse_float_of_others_is_no_number(value: Any) -> None:
    assert math.isnan(js.parse_float(value, Meter()))


@pytest.mark.parametrize("value", [{}, [], "0", 1, -1, True, 0.1, math.inf])
def test_true_values(value: Any) -> None:
    assert js.truthy(value)


@pytest.mark.parametrize("value", [None, UNDEFINED, 0, -0.0, "", False, math.nan])
def test_false_values(value: Any) -> None:
    assert not js.truthy(value)


def test_text_is_compared_by_utf16_units() -> None:
    assert js.less("😀", "\uff5e", Meter())  # a surrogate comes before U+FF5E, though its code point comes after
    assert not "😀" < "\uff5e"


@pytest.mark.parametrize(
    ("value", "key", "found"),
    [
        ({"a": 1}, "a", 1),
        ({"a": 1}, "b", UNDEFINED),
        ([5, 6], "1", 6),
        ([5, 6], "01", UNDEFINED),
        ([5, 6], "-1", UNDEFINED),
        ([5, 6], "2", UNDEFINED),
        ([5, 6], "99999999999999999999", UNDEFINED),
        ([5, 6], "²", UNDEFINED),
        ("a😀", "length", 3),
        ("ab", "1", "b"),
        ("ab", "2", UNDEFINED),
        (5, "length", UNDEFINED),
        (None, "a", UNDEFINED),
    ],
)
def test_only_own_properties_are_found(value: Any, key: str, found: Any) -> None:
    assert js.get_property(value, key) == found


def test_half_a_character_is_replaced() -> None:
    assert js.utf16_slice("a😀b", 0, 2) == "a\ufffd"


def test_conversions_are_paid_for() -> None:
    with pytest.raises(ExpressionError, match="more work"):
        js.to_string([[0] * 100] * 100, Meter(limit=1000))
    nested: list[Any] = []
    for _ in range(200):
        nested = [nested]
    with pytest.raises(ExpressionError, match="too deeply"):
        js.to_string(nested, Meter())
