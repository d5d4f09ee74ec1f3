"""KSUIDs: what they stand for is found again; what is none stands for nothing."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions import ksuids

CREATED = "2026-01-31T09:30:00.123456Z"


@given(st.uuids())
def test_a_run_is_found_of_its_id(run: uuid.UUID) -> None:
    text = ksuids.of_run(str(run), CREATED)
    assert (len(text), text.isalnum(), text.isascii()) == (27, True, True)
    assert ksuids.run_id(text) == str(run)
    assert ksuids.run_id(str(run)) == str(run)


def test_the_form_is_the_published_one() -> None:
    """The example of the form's own description: 0ujtsYcgvSTl8PAuAdqWYSMnLOv."""
    payload = bytes.fromhex("B5A1CD34B5F99D1154FB6853345C9735")
    moment = datetime.fromtimestamp(107608047 + 1_400_000_000, timezone.utc)
    assert ksuids.ksuid(moment, payload) == "0ujtsYcgvSTl8PAuAdqWYSMnLOv"


def test_later_ids_are_greater() -> None:
    run = str(uuid.uuid4())
    assert ksuids.of_run(run, CREATED) < ksuids.of_run(run, "2026-01-31T09:30:02.000000Z")


@given(st.text(max_size=40))
def test_any_text_may_be_looked_up(text: str) -> None:
    found = ksuids.run_id(text)
    assert found is None or uuid.UUID(found)


@pytest.mark.parametrize("text", ["", "exec_123", "2Z4PVTL6K27XVT4A3NPKMDD5BG", "z" * 27, "é" * 27, "-" * 36, "0" * 28])
def test_what_is_none(text: str) -> None:
    assert ksuids.run_id(text) is None


def test_the_same_parts_give_the_same_id() -> None:
    assert ksuids.derived("a", "b") == ksuids.derived("a", "b") != ksuids.derived("ab", "")
