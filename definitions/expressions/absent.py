"""ABSENT: what an input expression gives when a step is to have no input at all (which is not the same as null)."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Absent(Enum):
    """Has one member only, so that it survives copying and is compared with `is`."""

    ABSENT = "absent"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent.ABSENT
