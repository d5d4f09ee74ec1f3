"""Stored secrets: encrypted before Temporal sees them, decrypted in activities only.

A sealed secret names the organisation and the secret it belongs to, inside what is encrypted: copied to another
organisation or name it does not open.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from definitions.errors import TidegateError, TooLarge

#: Bytes of one secret. Sealed it grows by half, and it has to fit into a memo.
MAX_SECRET = 16_384


class SecretInvalid(TidegateError):
    """A sealed secret cannot be opened: not sealed by any known key, damaged, or sealed for somebody else."""

    code: ClassVar[str] = "secret-invalid"


class SecretBox:
    """Seals and opens secrets with the keys of `TIDEGATE_SECRET_KEYS`, newest first.

    The first key seals; every key opens, so that an old one can be kept until all secrets were written anew.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        """Keys are Fernet keys (32 bytes in URL-safe base64). Raises ValueError, which names a bad one by its place."""
        self._keys = MultiFernet([_key(place, text) for place, text in enumerate(keys, 1)]) if keys else None

    def __repr__(self) -> str:
        return "SecretBox(…)"

    def seal(self, organisation: str, name: str, value: str) -> str:
        """Encrypt a secret for one organisation and name. Raises TooLarge, SecretInvalid (there is no key)."""
        # ASCII JSON, so that any text goes in and comes out, half of a surrogate pair included.
        text = json.dumps([organisation, name, value], separators=(",", ":")).encode("ascii")
        if len(text) > MAX_SECRET:
            raise TooLarge(f"a secret may have at most {MAX_SECRET} bytes")
        return self._box().encrypt(text).decode("ascii")

    def open(self, organisation: str, name: str, sealed: str) -> str:
        """The secret that was sealed for this organisation and name. Raises SecretInvalid."""
        try:
            sealed_for = json.loads(self._box().decrypt(sealed.encode("utf-8", "replace")))
        except InvalidToken:
            raise SecretInvalid(f"the secret {name!r} was sealed with another key, or is damaged") from None
        if sealed_for[:2] != [organisation, name]:
            raise SecretInvalid(f"the secret {name!r} was sealed for another organisation or name")
        return str(sealed_for[2])

    def _box(self) -> MultiFernet:
        if self._keys is None:
            raise SecretInvalid("TIDEGATE_SECRET_KEYS must be set to use secrets")
        return self._keys


def _key(place: int, text: str) -> Fernet:
    try:
        return Fernet(text)
    except ValueError:
        # Without the cause: its message could quote the key.
        raise ValueError(f"key {place} is not a Fernet key (32 bytes in URL-safe base64)") from None


def new_key() -> str:
    """A new key for `TIDEGATE_SECRET_KEYS`."""
    return Fernet.generate_key().decode("ascii")
