"""Durations as text."""

from __future__ import annotations

import pytest

from definitions.dialects.stackshift import DURATIONS
from definitions.durations import LONGEST, seconds


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
