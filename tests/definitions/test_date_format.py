"""Date patterns."""

from __future__ import annotations

import pytest

from definitions.errors import ExpressionError
from definitions.expressions.date_format import reader, writer
from definitions.expressions.source_error import SourceError


@pytest.mark.parametrize(
    ("source_format", "format", "text", "expected"),
    [
        ("yyyy-MM-dd", "dd/MM/yyyy", "1981-03-10", "10/03/1981"),
        ("yyyy-dd-mm", "dd/mm/yyyy", "1981-10-03", "10/03/1981"),
        ("yyyy-dd-MM HH:mm:ss", "dd/MM/yyyy p", "1981-10-03 17:25:00", "10/03/1981 5:25 PM"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "HH:mm:ss.SSS", "2026-01-31T10:00:00.125+02:30", "07:30:00.125"),
        ("d MMMM yyyy", "M/d/yy EEE", "5 March 2026", "3/5/26 Thu"),
        ("MMM d, yyyy h:mm a", "EEEE HH:mm", "Jan 1, 2026 12:05 am", "Thursday 00:05"),
        ("MMM d, yyyy hh a", "H h", "Jan 1, 2026 12 PM", "12 12"),
        ("yyyy", "yyyy-MM-dd", "2026", "2026-01-01"),
        ("yyyy-MM-dd", "'day' d 'o''clock' ''", "2026-01-31 ", "day 31 o'clock '"),
        ("yyyyMMdd", "t XXX", "19700102", "86400 Z"),
    ],
)
def test_dates_are_read_and_written(source_format: str, format: str, text: str, expected: str) -> None:
    assert writer(format)(reader(source_format)(text)) == expected


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-13-01", "2026-01", "x2026-01-01", "2026-01-01x", "", "٢026-01-01"]
)
def test_what_does_not_fit_is_an_error(text: str) -> None:
    with pytest.raises(ExpressionError, match="does not fit"):
        reader("yyyy-MM-dd")(text)


@pytest.mark.parametrize("pattern", ["MM-dd", "yy-MM-dd", "yyyy-QQ", "yyyy-MM-dd dd", "yyyy-DDDD", "yyyy d dd"])
def test_patterns_without_one_meaning_are_unsupported(pattern: str) -> None:
    with pytest.raises(SourceError) as caught:
        reader(pattern, ".via.sourceFormat")
    assert caught.value.unsupported
    assert (caught.value.code, caught.value.place) == ("date-pattern-unsupported", ".via.sourceFormat")


def test_unknown_tokens_cannot_be_written() -> None:
    with pytest.raises(SourceError, match="'QQ'"):
        writer("yyyy QQ")
