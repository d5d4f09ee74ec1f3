"""What databases give, as JSON."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from worker.activities.database_values import to_json


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (None, None),
        (True, True),
        ("a", "a"),
        (2**53, 2**53),
        (2**53 + 1, str(2**53 + 1)),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (Decimal("12.50"), 12.5),
        (Decimal("49"), 49),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789"),
        (Decimal("NaN"), "NaN"),
        (Decimal("1E+400"), "1E+400"),
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1, 12, 30, tzinfo=timezone.utc), "2026-05-01T12:30:00+00:00"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=1.5), 90.0),
        (b"\xff", {"base64": "/w=="}),
        (memoryview(b"a"), {"base64": "YQ=="}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([Decimal("1"), (b"a",)], [1, [{"base64": "YQ=="}]]),
        ({"a": date(2026, 5, 1), 1: None}, {"a": "2026-05-01", "1": None}),
    ],
)
def test_a_value(value: Any, json: Any) -> None:
    found = to_json(value)
    assert (found, type(found)) == (json, type(json))
