"""KSUIDs: ids of 27 characters of base 62 for 4 bytes of time and 16 more.

A run's is its creation time and its UUID, so that the run is found of it alone.
"""

from __future__ import annotations

import string
import uuid
from datetime import datetime, timezone

from definitions.ids import digest

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 27
#: Seconds since 1970 at which the form's time begins.
_EPOCH = 1_400_000_000


def ksuid(moment: datetime | None, rest: bytes) -> str:
    """The id of a moment (None: none is told) and 16 bytes."""
    seconds = 0 if moment is None else max(0, min(int(moment.timestamp()) - _EPOCH, 0xFFFFFFFF))
    number = int.from_bytes(seconds.to_bytes(4, "big") + rest[:16], "big")
    text = ""
    while number:
        number, value = divmod(number, 62)
        text = _ALPHABET[value] + text
    return text.rjust(_LENGTH, _ALPHABET[0])


def derived(*parts: object) -> str:
    """The same id for the same parts: of what a sender repeats. It tells no time."""
    return ksuid(None, digest(*parts))


def of_run(run_id: str, created_at: str) -> str:
    """That of a run: of its id and of when it was created, a timestamp."""
    moment = datetime.strptime(created_at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return ksuid(moment, uuid.UUID(run_id).bytes)


def run_id(text: str) -> str | None:
    """The run that a KSUID, or its own id, stands for; None for any other text. The time is not looked at."""
    if len(text) == 36:
        try:
            return str(uuid.UUID(text))
        except ValueError:
            return None
    if len(text) != _LENGTH or not set(text) <= _VALUES.keys():
        return None
    number = 0
    for character in text:
        number = number * 62 + _VALUES[character]
    return None if number >> 160 else str(uuid.UUID(bytes=number.to_bytes(20, "big")[4:]))
