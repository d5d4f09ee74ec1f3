"""Names of everything in Temporal, by rule: no look-up table anywhere.

Every id starts with `<dialect>/<hash of the organisation>/`, so that a list by prefix sees one organisation only.
Hashes are of canonical JSON, never of joined text, so that no two different keys can meet.

Run ids are UUIDs (version 8) that carry what lists filter by, so that lists need no custom search attribute:

    bit 0            1 for a child run
    bits 1..31       hash of the definition's id
    bits 32..47      version number, modulo 65536
    the rest         hash of what makes the run unique
"""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any


def canonical(value: Any) -> bytes:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def digest(*parts: Any) -> bytes:
    """SHA-256 of the canonical JSON of the parts as a list."""
    return hashlib.sha256(canonical(list(parts))).digest()


def content_hash(value: Any) -> str:
    """SHA-256 of a value's content, in hex: the same for equal JSON, in which 12.0 is 12."""
    return hashlib.sha256(canonical(_whole_as_int(value))).hexdigest()


def _whole_as_int(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole_as_int(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_as_int(item) for item in value]
    return value


def _uuid8(raw: bytes) -> uuid.UUID:
    octets = bytearray(raw[:16])
    octets[6] = 0x80 | (octets[6] & 0x0F)
    octets[8] = 0x80 | (octets[8] & 0x3F)
    return uuid.UUID(bytes=bytes(octets))


def prefix(dialect: str, organisation: str) -> str:
    """What all ids of one organisation in one dialect start with."""
    return f"{dialect}/{digest(organisation).hex()[:16]}/"


def run_workflow_id(dialect: str, organisation: str, run_id: str) -> str:
    return f"{prefix(dialect, organisation)}run/{run_id}"


def run_id_prefix(definition_id: str, child: bool, version_number: int | None = None) -> str:
    """The start of the ids of all runs of a definition (or of one of its versions): for lists."""
    head = bytearray(digest("definition", definition_id)[:4])
    head[0] = (head[0] & 0x7F) | (0x80 if child else 0)
    text = head.hex()
    return text if version_number is None else f"{text}-{version_number & 0xFFFF:04x}"


def run_id(organisation: str, definition_id: str, version_number: int, unique: Any, *, child: bool = False) -> str:
    """A run's id; the same `unique` (any JSON value) gives the same id, so that a repeated start starts nothing."""
    raw = bytearray(digest("run", organisation, definition_id, version_number, child, unique)[:16])
    raw[:4] = bytes.fromhex(run_id_prefix(definition_id, child))
    raw[4:6] = (version_number & 0xFFFF).to_bytes(2, "big")
    return str(_uuid8(bytes(raw)))


def is_child(run_id: str) -> bool:
    return int(run_id[0], 16) >= 8


def definition_id(dialect: str, organisation: str, name: str) -> str:
    """A definition's id follows from its name, so a name is unique by Temporal's own id rule."""
    return str(_uuid8(digest("definition", dialect, organisation, name)))


def definition_workflow_id(dialect: str, organisation: str, definition_id: str) -> str:
    return f"{prefix(dialect, organisation)}definition/{definition_id}"


def version_id(definition_id: str, number: int) -> str:
    """A version's id: its number in the first 32 bits, then a hash, so that a foreign id is recognised."""
    raw = bytearray(digest("version", definition_id, number)[:16])
    raw[:4] = number.to_bytes(4, "big")
    return str(_uuid8(bytes(raw)))


def version_number(definition_id: str, version: str) -> int | None:
    """The number of a version id, or None if it is no version id of this definition."""
    try:
        number = int(str(uuid.UUID(version))[:8], 16)
    except ValueError:
        return None
    return number if number > 0 and version_id(definition_id, number) == version.lower() else None


def version_workflow_id(dialect: str, organisation: str, definition_id: str, number: int) -> str:
    return f"{prefix(dialect, organisation)}version/{definition_id}/{number}"


def secret_workflow_id(organisation: str, name: str) -> str:
    return f"secret/{digest(organisation).hex()[:16]}/{digest(name).hex()[:32]}"


def resume_workflow_id(run_workflow_id: str, closed_run_id: str) -> str:
    """The claim to resume one closed run: the id is taken by the first caller. Sorted beside runs, by run id."""
    head, _, run = run_workflow_id.rpartition("run/")
    return f"{head}resume/{run}/{closed_run_id}"


def mailbox_workflow_id(dialect: str, organisation: str, name: str, key: str | None) -> str:
    """The one serial point of an event's name and correlation key; no key is a key of its own."""
    return f"{prefix(dialect, organisation)}mailbox/{digest(name, key).hex()[:32]}"


def value_workflow_id(dialect: str, organisation: str, key: str) -> str:
    """The entity of one value of the organisation's durable state."""
    return f"{prefix(dialect, organisation)}value/{digest(key).hex()[:32]}"


def claim_workflow_id(dialect: str, organisation: str, scope: str, key: str) -> str:
    """The record of an idempotency key, in a scope such as a definition's name."""
    return f"{prefix(dialect, organisation)}claim/{digest(scope, key).hex()[:32]}"


def topic_workflow_id(dialect: str, organisation: str, name: str) -> str:
    """The entity of an event's name, which knows who may listen to it."""
    return f"{prefix(dialect, organisation)}topic/{digest(name).hex()[:32]}"


def event_workflow_id(dialect: str, organisation: str, name: str, event_id: str) -> str:
    """One event that starts runs; the same name and id are the same event."""
    return f"{prefix(dialect, organisation)}event/{digest(event_id, name).hex()[:32]}"
