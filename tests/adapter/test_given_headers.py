"""Headers that a workflow gives: what cannot be written to a connection is left out, and never ends it."""

from __future__ import annotations

import pytest
from starlette.responses import Response

from adapter.given_headers import add_given

CONTROLS = [chr(code) for code in (*range(0x20), 0x7F) if code != 0x09]


def given(name: str, value: str) -> bool:
    answer = Response()
    add_given(answer, [(name, value)])
    return name.lower() in answer.headers


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_a_value_with_a_control_character_is_left_out(control: str) -> None:
    assert not given("X-Given", f"before{control}after")


@pytest.mark.parametrize("value", ["", "plain", "a\tb", "caf\u00e9", "s=1; HttpOnly"])
def test_what_can_be_written_is_given(value: str) -> None:
    assert given("X-Given", value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "\u00fc", "Transfer-Encoding", "X-Run-Id"])
def test_a_name_that_is_none_or_ours_is_left_out(name: str) -> None:
    assert not given(name, "value")


def test_the_length_stays_that_of_the_body() -> None:
    answer = Response(b"abc")
    add_given(answer, [("Content-Length", "99")])
    assert answer.headers.getlist("content-length") == ["3"]
