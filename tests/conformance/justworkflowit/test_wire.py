"""Dates, selectors and queries as the vendor's clients send them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from fastapi import Request
from pydantic import ValidationError

from adapter.dialects.justworkflowit import wire
from adapter.failures import RequestInvalid
from adapter.queries import query_model


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T09:30:00Z", utc(2026, 1, 31, 9, 30)),
        ("2026-01-31t09:30:00z", utc(2026, 1, 31, 9, 30)),
        ("2026-01-31T09:30:00.5Z", utc(2026, 1, 31, 9, 30, 0, 500_000)),
        ("2026-01-31T09:30:00.123456789Z", utc(2026, 1, 31, 9, 30, 0, 123_456)),
        ("2026-01-31T09:30:00+02:00", utc(2026, 1, 31, 7, 30)),
        ("2026-01-31T09:30:00 02:00", utc(2026, 1, 31, 7, 30)),  # a `+` that was not percent-encoded
        ("2026-01-31T23:30:00.25-05:30", utc(2026, 2, 1, 5, 0, 0, 250_000)),
    ],
)
def test_dates(text: str, expected: datetime) -> None:
    assert wire.read_date(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-01-31", "1769851800", "2026-01-31T09:30:00", "2026-02-30T00:00:00Z", "2026-01-31T25:00:00Z",
     "2026-01-31T09:30Z", "0001-01-01T00:00:00+10:00", "2026-01-31T09:30:00+2:00", "\u0662026-01-31T09:30:00Z"],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|calendar"):
        wire.read_date(text)


@pytest.mark.parametrize(
    "selector",
    [{"versionId": "v"}, {"versionNumber": 1}, {"tag": "$LIVE"}, {"tag": "$MY_TAG", "versionId": None}],
)
def test_selectors(selector: dict[str, Any]) -> None:
    wire.VersionSelector.model_validate(selector)


@pytest.mark.parametrize(
    "selector",
    [{}, {"tag": None}, {"tag": "LIVE"}, {"tag": "$live"}, {"tag": "$"}, {"tag": "$LIVE\n"}, {"versionNumber": 0},
     {"versionNumber": "1"}, {"versionNumber": 1.5}, {"versionNumber": True}, {"versionId": ""},
     {"versionId": "v", "tag": "$LIVE"}],
)  # fmt: skip
def test_what_selects_no_version(selector: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        wire.VersionSelector.model_validate(selector)


def query(text: str) -> wire.ListJobs:
    return query_model(Request({"type": "http", "query_string": text.encode()}), wire.ListJobs)


def test_an_empty_query_asks_for_the_first_page_of_all() -> None:
    assert query("") == query("status=&pageSize=&pageToken=") == wire.ListJobs()
    assert (query("").pageSize, query("").jobHierarchy) == (25, "ALL")


def test_a_query_as_the_client_sends_it() -> None:
    asked = query(
        "createdAfter=2026-01-31T09%3A30%3A00Z&jobHierarchy=TOP_LEVEL_ONLY&pageSize=3&pageToken=abc"
        "&status=RUNNING&workflowName=App&workflowVersionNumber=2"
    )
    assert asked.createdAfter == utc(2026, 1, 31, 9, 30)
    assert (asked.pageSize, asked.workflowVersionNumber, asked.status) == (3, 2, "RUNNING")


@pytest.mark.parametrize("name", ["createdAfter", "createdBefore"])
def test_a_date_outside_of_all_runs_leaves_room_for_arithmetic(name: str) -> None:
    first, last = (getattr(query(f"{name}={text}"), name) for text in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"))
    assert (first.year, last.year) == (1970, 2200)


def test_a_number_that_is_none_is_told_from_one_that_is_too_small() -> None:
    with pytest.raises(RequestInvalid, match=r"^pageSize: .*greater than or equal to 1$"):
        query("pageSize=-1")
    with pytest.raises(RequestInvalid, match=r"^status: must be one of PENDING, "):
        query("status=running")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("status=running", "status"),
        ("status=WAITING", "status"),
        ("jobHierarchy=NONE", "jobHierarchy"),
        ("pageSize=0", "pageSize"),
        ("pageSize=101", "pageSize"),
        ("pageSize=ten", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("pageSize=1e1", "pageSize"),
        ("pageSize=99999999999999999999", "pageSize"),
        ("workflowVersionNumber=0", "workflowVersionNumber"),
        ("workflowVersionNumber=1.0", "workflowVersionNumber"),
        ("createdAfter=yesterday", "createdAfter"),
        ("createdBefore=2026-01-31", "createdBefore"),
    ],
)
def test_a_bad_parameter_is_named(text: str, name: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        query(text)
    assert list(refused.value.fields) == [name]
