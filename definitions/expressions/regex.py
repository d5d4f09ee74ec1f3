"""Regular expressions of users: RE2, whose work is linear in the text, and counted."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from definitions.expressions.meter import Meter

#: A longer pattern could take long to compile.
PATTERN_LIMIT = 1_000
#: Bytes of a compiled pattern with its cache. Twelve characters can fill them, which takes some 5 milliseconds.
_MEMORY = 2**18
#: Units for a pattern that fills them.
_FULL = 5_000
#: Instructions of the patterns written out in one source, which are compiled with it: some 20 milliseconds.
_TOGETHER = 50_000
#: Instructions compiled, and steps of the slowest of RE2's engines, in a unit of work.
_COMPILED, _STEPS = 8, 256


@lru_cache(maxsize=128)
def compile(pattern: str, groups: bool = False) -> Any:
    """The compiled pattern, with its groups if they are to be read. Raises ValueError, with the reason."""
    if len(pattern) > PATTERN_LIMIT:
        raise ValueError(f"a regular expression has more than {PATTERN_LIMIT} characters")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not groups
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"{pattern[:80]!r} is no regular expression of RE2: {reason}") from None
    except UnicodeEncodeError:
        raise ValueError("a regular expression has half of a character") from None


class Written:
    """The patterns that are written out in one source."""

    def __init__(self) -> None:
        self._size = 0

    def check(self, pattern: str) -> None:
        """Raises ValueError for a bad one, and when all together are too large."""
        self._size += int(compile(pattern).programsize)
        if self._size > _TOGETHER:
            raise ValueError("the regular expressions of one source are too large together")


def found(pattern: str, text: str, meter: Meter) -> bool:
    """Whether the pattern matches anywhere in the text. Raises ValueError for a bad pattern or text."""
    meter.spend(1 + len(pattern))
    try:
        compiled = compile(pattern)
    except ValueError:
        meter.spend(_FULL)
        raise
    # The same whether it was compiled before or not: what a run may do does not depend on what others did.
    size = int(compiled.programsize)
    meter.spend(size // _COMPILED + len(text) // 16 + len(text) * size // _STEPS)
    try:
        return compiled.search(text) is not None
    except UnicodeEncodeError:
        raise ValueError("a text has half of a character") from None
