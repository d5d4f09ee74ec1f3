"""Who calls, and may they? Bearer tokens against the keyring; without any key, everybody on this machine.

A Bearer token is a configured key, or an API token that was issued to the holder of one (`adapter.api_tokens`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from fastapi import Request

from adapter import api_tokens
from adapter.keyring import ANYONE, Keyring, Principal
from adapter.services import services
from definitions.errors import Forbidden, Unauthenticated
from definitions.tokens import looks_signed

__all__ = ["Principal", "authorise", "bearer", "identify", "principal"]


def bearer(request: Request) -> str | None:
    """The token of an `Authorization: Bearer …` header, or None."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def identify(keyring: Keyring, token: str | None, token_keys: tuple[str, ...] = ()) -> Principal:
    """Who a token stands for. Raises Unauthenticated; a keyring without keys takes every token and none."""
    if not keyring:
        return ANYONE
    if token is None:
        raise Unauthenticated("an Authorization header with a Bearer token is required")
    if (found := keyring.find(token)) is not None:
        return found
    if looks_signed(token):
        return api_tokens.holder(token_keys, keyring, token, now=datetime.now(timezone.utc))
    raise Unauthenticated("the token is not valid")


def principal(request: Request, token: str | None = None) -> Principal:
    """Who calls. `token` is for a dialect whose credential is not a Bearer token. Raises Unauthenticated."""
    held = services(request)
    found = identify(held.keyring, token or bearer(request), held.settings.token_keys)
    request.state.organisation = found.organisation
    return found


def authorise(
    request: Request, permission: str, organisation: str | None = None, *, token: str | None = None
) -> Principal:
    """The caller, if it has the permission and belongs to the organisation that the request names.

    `organisation` None means that the request names none: then it is the key's, or `default` on a server without keys.
    The answer's `organisation` is the one to work in. Raises Unauthenticated, Forbidden.
    """
    caller = principal(request, token)
    if organisation is not None and caller.keyless:
        caller = replace(caller, organisation=organisation)
    if organisation is not None and organisation != caller.organisation:
        raise Forbidden("the token belongs to another organisation")
    if not caller.may(permission):
        raise Forbidden(f"the token lacks the permission {permission}")
    request.state.organisation = caller.organisation
    return caller
