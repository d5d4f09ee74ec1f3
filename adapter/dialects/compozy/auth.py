"""Who calls: a Bearer token. A header that is none is told apart from one that is missing, as the vendor does."""

from __future__ import annotations

from fastapi import Request

from adapter.auth import Principal, authorise, bearer
from adapter.dialects.compozy.errors import CredentialMalformed
from adapter.services import services
from definitions.errors import Unauthenticated

REQUIRED, FAILED = "Authentication required", "Authentication failed"


def caller(request: Request, permission: str) -> Principal:
    """The caller, if it has the permission. Raises CredentialMalformed, Unauthenticated, Forbidden."""
    if services(request).keyring:
        if not request.headers.get("authorization", "").strip():
            raise Unauthenticated(REQUIRED)
        if bearer(request) is None:
            raise CredentialMalformed(FAILED)
    try:
        return authorise(request, permission)
    except Unauthenticated:
        raise Unauthenticated(FAILED) from None
