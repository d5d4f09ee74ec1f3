"""API tokens, under the path that the vendor's client uses and the one that its pages show."""

from __future__ import annotations

from datetime import datetime, timezone

from fastapi import APIRouter

from adapter import api_tokens
from adapter.dialects.justworkflowit.operations import Call, operation
from adapter.dialects.justworkflowit.projection import Json
from adapter.dialects.justworkflowit.wire import CreateToken
from adapter.failures import RequestInvalid
from adapter.services import services
from definitions.contract import timestamp

router = APIRouter()


@operation(router, "CreateApiToken", "POST", "/api-tokens", "apitoken:create", CreateToken)
@operation(router, "CreateApiAuthToken", "POST", "/api-auth-tokens", "apitoken:create", CreateToken)
async def create_token(call: Call) -> Json:
    """Issue a token for some of the caller's permissions. It is shown this once and stored nowhere."""
    body = await call.body(CreateToken)
    now = datetime.now(timezone.utc)
    if body.expiresAt <= now:
        raise RequestInvalid("the token would have expired already", {"$.expiresAt": "must be in the future"})
    token_id = await call.request_id()
    token = api_tokens.issue(
        services(call.request).settings.token_keys,
        call.caller,
        body.permissions,
        token_id=token_id,
        name=body.name,
        expires_at=body.expiresAt,
    )
    return {
        "apiAuthTokenId": token_id,
        "name": body.name,
        "createdAt": timestamp(now),
        "expiresAt": timestamp(body.expiresAt),
        "token": token,
    }
