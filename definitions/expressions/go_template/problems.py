"""Where a template goes wrong: codes and places of what a compiler refuses."""

from __future__ import annotations

from definitions.expressions.source_error import SourceError

INVALID = "template-invalid"
UNKNOWN_FUNCTION = "template-function-unknown"
UNSUPPORTED_FUNCTION = "template-function-unsupported"
TOO_LARGE = "template-too-large"


class Origin:
    """One template text and its place in the source; it turns offsets into lines and columns."""

    __slots__ = ("place", "text")

    def __init__(self, text: str, place: str = "") -> None:
        self.text = text
        self.place = place

    def at(self, offset: int) -> str:
        line = self.text.count("\n", 0, offset) + 1
        column = offset - self.text.rfind("\n", 0, offset)
        return f"line {line}, column {column}"

    def refuse(self, message: str, offset: int, code: str = INVALID, *, unsupported: bool = False) -> SourceError:
        """The error to raise for what stands at the offset."""
        return SourceError(f"{self.at(offset)}: {message}", self.place, code, unsupported=unsupported)
