"""Durations as text."""

from __future__ import annotations

import pytest

from definitions.dialects.stackshift import DURATIONS
from definitions.durations import LONGEST, Sum, seconds, total


@pytest.mark.parametrize(
    ("text", "value"),
    [("0s", 0), ("45s", 45), ("5m", 300), ("24h", 86_400), ("30d", 2_592_000), ("2w", 1_209_600), ("007h", 25_200)],
)
def test_a_whole_number_and_a_unit(text: str, value: int) -> None:
    assert seconds(text, DURATIONS) == value


@pytest.mark.parametrize(
    "text",
    ["", "24", "h", "24 h", " 24h", "24h ", "24H", "1.5h", "-1h", "+1h", "1e3s", "1h30m", "24hours", "1y",
     "\uff11h", "\u0663h", "24h\n", "9" * 13 + "s"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a whole number and a unit"):
        seconds(text, DURATIONS)


def test_a_duration_ends_some_day() -> None:
    assert seconds("36500d", DURATIONS) == LONGEST
    with pytest.raises(ValueError, match="at most 100 years"):
        seconds("36501d", DURATIONS)
    with pytest.raises(ValueError, match="at most 100 years"):
        seconds("999999999999w", DURATIONS)


SUMS = Sum({"ms": 0.001, "s": 1, "second": 1, "seconds": 1, "m": 60, "minutes": 60, "h": 3600, "hour": 3600}, "1h30m")


@pytest.mark.parametrize(
    ("text", "value"),
    [("5m", 300), ("1h30m", 5_400), ("1.5h", 5_400), (".5s", 0.5), ("300ms", 0.3), ("1h0m2s", 3_602), ("0s", 0),
     ("5 minutes", 300), ("1 hour 5 minutes", 3_900), ("1 hour, 5 minutes", 3_900), (" 1 second ", 1)],
)  # fmt: skip
def test_a_sum_of_numbers_and_units(text: str, value: float) -> None:
    assert total(text, SUMS) == pytest.approx(value)


@pytest.mark.parametrize(
    "text",
    ["", "5", "m", "-5m", "5x", "5m and", "1h30", "1..5h", "5 m5", "\uff11h", "1e3s", "1h" * 99_999, "999999h 999999h"],
)
def test_what_is_no_sum_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected numbers|at most 100 years"):
        total(text, SUMS)
