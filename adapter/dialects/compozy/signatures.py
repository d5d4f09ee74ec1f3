"""Signatures of webhooks: HMAC-SHA256 over the raw body, in hex, in a header that the webhook names.

    <hex>  or  sha256=<hex>          of the body
    t=<seconds since 1970>,v1=<hex>  of `<seconds>.` and the body; the time may differ from ours by the webhook's `skew`

A webhook that writes down a `skew` takes only the second form: a time that is not signed proves nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime

from definitions.errors import Unauthenticated

REFUSED = "the signature is missing or wrong"

_HEX = re.compile(r"(?:sha256=)?([0-9a-fA-F]{64})")
_TIMED = re.compile(r"t=(\d{1,12}),\s*v1=([0-9a-fA-F]{64})", re.ASCII)


def verify(header: str | None, body: bytes, secret: str, *, skew: float, timed: bool, now: datetime) -> None:
    """Raise Unauthenticated unless the header signs the body; `timed` asks for the form with a time."""
    given = (header or "").strip()
    with_time = _TIMED.fullmatch(given)
    if with_time is not None:
        seconds, signature = with_time.groups()
        if abs(now.timestamp() - int(seconds)) > skew:
            raise Unauthenticated("the signature's time is too far from now")
        _check(signature, f"{seconds}.".encode() + body, secret)
        return
    plain = None if timed else _HEX.fullmatch(given)
    if plain is None:
        raise Unauthenticated(REFUSED)
    _check(plain[1], body, secret)


def _check(signature: str, signed: bytes, secret: str) -> None:
    wanted = hmac.new(secret.encode("utf-8", "surrogatepass"), signed, hashlib.sha256).digest()
    if not hmac.compare_digest(wanted, bytes.fromhex(signature)):
        raise Unauthenticated(REFUSED)
