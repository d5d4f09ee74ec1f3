"""API tokens: they carry some of a key's permissions, and no more than that key has at the moment."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from adapter import api_tokens
from adapter.auth import identify
from adapter.failures import RequestInvalid
from adapter.keyring import ANYONE, Keyring, Principal, read_keyring
from definitions.errors import Forbidden, TokenExpired, Unauthenticated
from definitions.tokens import TokenKeys

SIGNING = ("s" * 40,)
SOON = datetime.now(timezone.utc) + timedelta(hours=1)


def keyring(*permissions: str, key: str = "key", organisation: str = "acme") -> Keyring:
    digest = hashlib.sha256(key.encode()).hexdigest()
    entry = {"key_sha256": digest, "organisation": organisation, "permissions": permissions, "name": "boss"}
    return read_keyring(json.dumps([entry]))


def issued(caller: Principal, *permissions: str, **changes: Any) -> str:
    arguments: dict[str, Any] = {"token_id": "t", "name": "ci", "expires_at": SOON} | changes
    return api_tokens.issue(SIGNING, caller, permissions, **arguments)


def test_a_token_calls_with_its_name_and_permissions_for_its_organisation() -> None:
    ring = keyring("job:read", "job:list", "apitoken:create")
    caller = identify(ring, issued(identify(ring, "key"), "job:read"), SIGNING)
    assert (caller.name, caller.organisation, caller.keyless) == ("ci", "acme", False)
    assert caller.may("job:read")
    assert not caller.may("job:list")
    assert not caller.may("apitoken:create")


def test_a_token_may_issue_tokens_of_its_own_permissions_only() -> None:
    ring = keyring("*")
    first = identify(ring, issued(identify(ring, "key"), "job:read", "apitoken:create"), SIGNING)
    assert identify(ring, issued(first, "job:read"), SIGNING).may("job:read")
    with pytest.raises(Forbidden, match="job:cancel"):
        issued(first, "job:read", "job:cancel")


def test_all_of_an_all_powerful_key_goes_to_no_one_else() -> None:
    ring = keyring("job:read")
    with pytest.raises(Forbidden):
        issued(identify(ring, "key"), "*")


def test_a_token_ends_at_its_time() -> None:
    ring = keyring("*")
    token = issued(identify(ring, "key"), "job:read", expires_at=datetime.now(timezone.utc) - timedelta(seconds=1))
    with pytest.raises(TokenExpired):
        identify(ring, token, SIGNING)


def test_a_token_ends_with_the_key_it_comes_from() -> None:
    token = issued(identify(keyring("*"), "key"), "job:read")
    with pytest.raises(Unauthenticated):
        identify(keyring("*", key="another"), token, SIGNING)
    with pytest.raises(Unauthenticated):
        identify(keyring("*", organisation="other"), token, SIGNING)


def test_a_token_loses_what_its_key_loses() -> None:
    token = issued(identify(keyring("*"), "key"), "job:read", "job:cancel")
    caller = identify(keyring("job:read"), token, SIGNING)
    assert caller.may("job:read")
    assert not caller.may("job:cancel")


def test_a_token_of_a_server_without_keys_is_worth_nothing_once_it_has_keys() -> None:
    with pytest.raises(Unauthenticated):
        identify(keyring("*"), issued(ANYONE, "job:read"), SIGNING)


def test_other_signed_tokens_are_no_api_tokens() -> None:
    link = TokenKeys(SIGNING).sign("resume", {"run": "r"}, expires_at=SOON)
    with pytest.raises(Unauthenticated):
        identify(keyring("*"), link, SIGNING)


def test_without_signing_keys_none_is_issued_and_none_is_taken() -> None:
    ring = keyring("*")
    with pytest.raises(RequestInvalid, match="TIDEGATE_TOKEN_KEYS"):
        api_tokens.issue((), identify(ring, "key"), ["job:read"], token_id="t", name="ci", expires_at=SOON)
    with pytest.raises(Unauthenticated):
        identify(ring, issued(identify(ring, "key"), "job:read"), ())
