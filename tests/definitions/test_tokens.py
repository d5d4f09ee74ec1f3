"""Signed tokens: what holds, for how long, for what purpose, and under which keys."""

from __future__ import annotations

import string
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions.errors import TokenExpired, Unauthenticated
from definitions.tokens import PREFIX, TOKEN_LIMIT, TokenKeys, looks_signed

OLD, NEW, OTHER = ("o" * 40, "n" * 40, "x" * 40)
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
CLAIMS = {"organisation": "acme", "permissions": ["job:read"]}


def test_what_was_signed_is_read_back() -> None:
    token = TokenKeys([NEW]).sign("api", CLAIMS, expires_at=None)
    assert looks_signed(token)
    assert TokenKeys([NEW]).verify("api", token, now=NOW) == CLAIMS


def test_a_token_holds_up_to_its_last_moment_and_no_longer() -> None:
    keys = TokenKeys([NEW])
    token = keys.sign("api", CLAIMS, expires_at=NOW)
    assert keys.verify("api", token, now=NOW - timedelta(microseconds=1)) == CLAIMS
    with pytest.raises(TokenExpired):
        keys.verify("api", token, now=NOW)


def test_a_token_of_one_purpose_is_none_of_another() -> None:
    keys = TokenKeys([NEW])
    token = keys.sign("resume", CLAIMS, expires_at=None)
    with pytest.raises(Unauthenticated):
        keys.verify("api", token, now=NOW)


def test_rotation_signs_with_the_newest_key_and_still_takes_the_older_one() -> None:
    before = TokenKeys([OLD]).sign("api", CLAIMS, expires_at=None)
    during = TokenKeys([NEW, OLD])
    assert during.verify("api", before, now=NOW) == CLAIMS
    after = during.sign("api", CLAIMS, expires_at=None)
    assert TokenKeys([NEW]).verify("api", after, now=NOW) == CLAIMS
    with pytest.raises(Unauthenticated):
        TokenKeys([NEW]).verify("api", before, now=NOW)
    with pytest.raises(Unauthenticated):
        TokenKeys([OLD]).verify("api", after, now=NOW)


@pytest.mark.parametrize("more", ["!", "!!!!", "=", "====", "\u00e9", "\ud800", ".", " "])
def test_a_token_with_anything_in_it_that_says_nothing_is_refused(more: str) -> None:
    keys = TokenKeys([NEW])
    token = keys.sign("api", CLAIMS, expires_at=None)
    for changed in (token + more, token[:-5] + more + token[-5:]):
        with pytest.raises(Unauthenticated):
            keys.verify("api", changed, now=NOW)


def test_every_other_last_character_is_refused() -> None:
    keys = TokenKeys([NEW])
    token = keys.sign("api", CLAIMS, expires_at=None)
    for other in set(string.ascii_letters + string.digits + "-_") - {token[-1]}:
        with pytest.raises(Unauthenticated):
            keys.verify("api", token[:-1] + other, now=NOW)


@given(st.integers(min_value=len(PREFIX), max_value=500), st.sampled_from("Ab0_-.~"))
def test_a_token_with_any_character_changed_is_refused(at: int, other: str) -> None:
    keys = TokenKeys([NEW])
    token = keys.sign("api", CLAIMS, expires_at=NOW)
    at = len(PREFIX) + at % (len(token) - len(PREFIX))
    changed = token[:at] + other + token[at + 1 :]
    if changed != token:
        with pytest.raises(Unauthenticated):
            keys.verify("api", changed, now=NOW - timedelta(days=1))


@pytest.mark.parametrize(
    "text", ["", "tg1.", "tg1.a.b", "tg2.a.b", "a.b", "tg1." + "é", "tg1." + "a" * TOKEN_LIMIT, "tg1.e30.e30"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        TokenKeys([NEW]).verify("api", text, now=NOW)


def test_a_token_of_foreign_keys_is_refused() -> None:
    token = TokenKeys([OTHER]).sign("api", CLAIMS, expires_at=None)
    with pytest.raises(Unauthenticated):
        TokenKeys([NEW, OLD]).verify("api", token, now=NOW)


@pytest.mark.parametrize("keys", [[], [""], ["short"], [NEW, "short"]])
def test_weak_keys_are_refused(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="token key"):
        TokenKeys(keys)
