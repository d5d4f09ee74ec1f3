"""Tokens that carry what they grant, signed, so that nothing needs to be stored: sign, verify, rotate.

Pure: the time is given. A token is `tg1.` + URL-safe text; the 1 is the version of this format. Each purpose (an API
token, a resume link, …) has a key of its own, derived from the configured ones, so a token for one purpose never passes
for another. The claims can be read by whoever holds the token: no secret belongs in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from definitions.errors import TokenExpired, Unauthenticated

PREFIX = "tg1."
KEY_LENGTH = 32
TOKEN_LIMIT = 8192


class TokenKeys:
    """The signing keys, newest first: the first one signs, all of them verify. To retire a key, drop it.

    Raises ValueError when there is no key, or one of fewer than 32 characters.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("no token key is given")
        if any(len(key) < KEY_LENGTH for key in keys):
            raise ValueError(f"a token key must have at least {KEY_LENGTH} characters")
        self._oldest_first = tuple(reversed(keys))
        self._serializer = lru_cache(maxsize=16)(self._make_serializer)

    def _make_serializer(self, purpose: str) -> URLSafeSerializer:
        return URLSafeSerializer(
            list(self._oldest_first),
            salt=f"tidegate/{PREFIX}{purpose}",
            signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
        )

    def sign(self, purpose: str, claims: Mapping[str, Any], *, expires_at: datetime | None) -> str:
        """A token for `claims` (JSON values) that holds until `expires_at` (aware; None: for ever)."""
        until = None if expires_at is None else expires_at.timestamp()
        return PREFIX + _text(self._serializer(purpose).dumps({"claims": dict(claims), "until": until}))

    def verify(self, purpose: str, token: str, *, now: datetime) -> dict[str, Any]:
        """The claims of a token. Raises Unauthenticated for a token not signed for this purpose, TokenExpired."""
        if not looks_signed(token) or len(token) > TOKEN_LIMIT or not token.isascii():
            raise Unauthenticated("the token is not valid")
        try:
            body = self._serializer(purpose).loads(token[len(PREFIX) :])
            _refuse_other_spellings(token)
        except BadData as error:
            raise Unauthenticated("the token is not valid") from error
        if body["until"] is not None and now.timestamp() >= body["until"]:
            raise TokenExpired("the token has expired")
        claims: dict[str, Any] = body["claims"]
        return claims


def _refuse_other_spellings(token: str) -> None:
    """A signature can be spelled in many ways: its last character has spare bits, and foreign ones are skipped.

    Only the way in which it was issued counts, so that one token is one text. Raises BadData.
    """
    signature = token.rpartition(".")[2]
    if _text(base64_encode(base64_decode(signature))) != signature:
        raise BadData("the signature is not spelled as it was issued")


@lru_cache(maxsize=8)
def token_keys(keys: tuple[str, ...]) -> TokenKeys:
    """The same, made once for each list of keys: deriving them costs more than a token does."""
    return TokenKeys(keys)


def looks_signed(token: str) -> bool:
    """Whether a credential is meant to be one of these tokens, rather than a configured key."""
    return token.startswith(PREFIX)


def _text(signed: str | bytes) -> str:
    return signed if isinstance(signed, str) else signed.decode("ascii")
