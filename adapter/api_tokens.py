"""API tokens: issued to the holder of a configured key, for some of its permissions, until a moment. Nothing is stored.

A token is signed and names the key it comes from. It works while that key is configured and signs for no more than that
key may do now: to take back all tokens of a key, remove the key; to take back all tokens, replace the signing keys. One
token by itself cannot be taken back, so each has an end.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from adapter.failures import RequestInvalid
from adapter.keyring import Keyring, Principal
from definitions.errors import Forbidden, Unauthenticated
from definitions.tokens import token_keys

PURPOSE = "api-token"


def issue(
    keys: tuple[str, ...],
    caller: Principal,
    permissions: Iterable[str],
    *,
    token_id: str,
    name: str,
    expires_at: datetime,
) -> str:
    """A token for the caller's organisation with some of the caller's permissions; `name` tells who uses it.

    Raises Forbidden for a permission that the caller lacks, RequestInvalid on a server without signing keys.
    """
    if not keys:
        raise RequestInvalid("this server has no token keys (TIDEGATE_TOKEN_KEYS), so it issues no tokens")
    granted = sorted(set(permissions))
    lacking = [permission for permission in granted if not caller.may(permission)]
    if lacking:
        raise Forbidden(f"the caller lacks what the token should have: {', '.join(lacking)}")
    claims = {
        "id": token_id,
        "name": name,
        "organisation": caller.organisation,
        "permissions": granted,
        "key": caller.key,
    }
    return token_keys(keys).sign(PURPOSE, claims, expires_at=expires_at)


def holder(keys: tuple[str, ...], keyring: Keyring, token: str, *, now: datetime) -> Principal:
    """Who a token stands for now. Raises Unauthenticated; TokenExpired, which is one, past its time."""
    if not keys:
        raise Unauthenticated("the token is not valid")
    claims = token_keys(keys).verify(PURPOSE, token, now=now)
    source = keyring.holder(claims["key"])
    if source is None or source.organisation != claims["organisation"]:
        raise Unauthenticated("the key that this token comes from is no longer valid")
    permissions = frozenset(permission for permission in claims["permissions"] if source.may(permission))
    return Principal(claims["name"], source.organisation, permissions, key=source.key)
