"""API keys: who may call, for which organisation, with which permissions. Only hashes of keys are ever held."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ALL = "*"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = {"key_sha256", "organisation", "permissions", "name"}


class KeyringError(ValueError):
    """The key list is unusable. The message names the entry and the field, never a value."""


@dataclass(frozen=True)
class Principal:
    """Who calls. `keyless` means that the server has no keys: then any organisation may be named.

    `key` is the start of the SHA-256 of the configured key that the right to call comes from.
    """

    name: str
    organisation: str
    permissions: frozenset[str]
    keyless: bool = False
    key: str = ""

    def may(self, permission: str) -> bool:
        return ALL in self.permissions or permission in self.permissions


#: Who calls a server that has no keys.
ANYONE = Principal("anonymous", "default", frozenset({ALL}), keyless=True)


@dataclass(frozen=True)
class Keyring:
    """All keys, as pairs of the key's SHA-256 (hex) and who it stands for."""

    entries: tuple[tuple[str, Principal], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def find(self, token: str) -> Principal | None:
        """Who a token stands for. Looks at every key, so that the time taken tells nothing."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found: Principal | None = None
        for sha256, principal in self.entries:
            if hmac.compare_digest(sha256, digest):
                found = principal
        return found

    def holder(self, key: str) -> Principal | None:
        """Who the configured key with this `Principal.key` stands for, or None if it is configured no more."""
        return next((principal for _, principal in self.entries if principal.key == key), None)


def read_keyring(text: str) -> Keyring:
    """Read a JSON list of `{"key_sha256", "organisation", "permissions", "name"?}`. Raises KeyringError."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        raise KeyringError("not JSON") from None
    if not isinstance(entries, list):
        raise KeyringError("not a JSON list")
    pairs = tuple(_entry(index, entry) for index, entry in enumerate(entries))
    if len({sha256 for sha256, _ in pairs}) != len(pairs):
        raise KeyringError("the same key twice")
    return Keyring(pairs)


def _entry(index: int, entry: Any) -> tuple[str, Principal]:
    if not isinstance(entry, Mapping) or not set(entry) <= _FIELDS:
        raise KeyringError(f"entry {index} must be an object with key_sha256, organisation, permissions and maybe name")
    sha256 = str(entry.get("key_sha256", "")).lower()
    if not _SHA256.fullmatch(sha256):
        raise KeyringError(f"entry {index}: key_sha256 must be 64 hexadecimal digits")
    organisation = entry.get("organisation")
    if not isinstance(organisation, str) or not organisation:
        raise KeyringError(f"entry {index}: organisation must be a text that is not empty")
    permissions = entry.get("permissions")
    if not isinstance(permissions, list) or not all(isinstance(one, str) for one in permissions):
        raise KeyringError(f"entry {index}: permissions must be a list of texts")
    name = entry.get("name", f"key-{sha256[:8]}")
    if not isinstance(name, str) or not name:
        raise KeyringError(f"entry {index}: name must be a text that is not empty")
    return sha256, Principal(name, organisation, frozenset(permissions), key=sha256[:16])
