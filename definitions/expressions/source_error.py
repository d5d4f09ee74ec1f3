"""SourceError: a compiler's answer to a bad source."""

from __future__ import annotations


class SourceError(ValueError):
    """What is wrong, and where. `place` is relative to the source (`.if[0].var`, or empty); `code` is stable.

    `unsupported` tells "valid, but not done here" from "invalid".
    """

    def __init__(self, message: str, place: str, code: str, *, unsupported: bool = False) -> None:
        super().__init__(f"{message} (at {place or 'the top'})")
        self.message = message
        self.place = place
        self.code = code
        self.unsupported = unsupported
