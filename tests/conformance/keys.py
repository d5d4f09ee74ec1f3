"""API keys of tests: one for each of many organisations, and one that may read runs and nothing else."""

from __future__ import annotations

import hashlib

from adapter.keyring import Keyring, Principal

ORGANISATIONS = 400


def keyring(prefix: str, reader: str, reads: str) -> Keyring:
    """`<prefix><n>` of the organisation `org-<n>` may do everything; `reader` of `org-reader` may do `reads`."""
    entries = [_entry(f"{prefix}{number}", f"org-{number}", "*") for number in range(ORGANISATIONS)]
    return Keyring((*entries, _entry(reader, "org-reader", reads)))


def _entry(token: str, organisation: str, permission: str) -> tuple[str, Principal]:
    sha256 = hashlib.sha256(token.encode()).hexdigest()
    return sha256, Principal(token, organisation, frozenset({permission}), key=sha256[:16])
