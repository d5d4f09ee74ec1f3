"""The state of one rendering: what is written, what may still be spent, and what the workflow supplies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from definitions.errors import ExpressionError
from definitions.expressions.meter import Meter

#: Characters that one text may come to.
TEXT_LIMIT = 2_000_000
#: Blocks and parentheses within each other, through all templates that are being run.
LEVEL_LIMIT = 200

Frame = list[Any]
Evaluator = Callable[["Run", Frame, Any], Any]
Body = Callable[["Run", Frame, Any], int]


class Run:
    __slots__ = ("aliases", "draws", "level", "meter", "now", "out", "place", "room", "seed", "templates")

    def __init__(self, meter: Meter, place: str, aliases: bool, now: Any, seed: Any) -> None:
        self.meter = meter
        self.place = place
        self.aliases = aliases
        self.now = now
        self.seed = seed
        self.out: list[str] = []
        self.room = TEXT_LIMIT
        self.level = 0
        self.draws = 0
        #: Name -> what runs the template, and how many levels it takes.
        self.templates: dict[str, tuple[Body, int]] = {}

    def spend(self, units: int) -> None:
        self.meter.spend(units)

    def spend_text(self, characters: int) -> None:
        """To be called before a text is made. Raises ExpressionError."""
        if characters > TEXT_LIMIT:
            raise ExpressionError(f"the text would have more than {TEXT_LIMIT} characters")
        self.meter.spend(characters >> 4)

    def write(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise ExpressionError(f"the text would have more than {TEXT_LIMIT} characters")
        self.meter.spend(1 + (len(text) >> 4))
        self.out.append(text)

    def draw(self, count: int) -> bytes:
        """So many bytes that look random, the same ones whenever the same template runs with the same seed.

        Raises ExpressionError without a seed.
        """
        if not isinstance(self.seed, str):
            raise ExpressionError("there is no randomness here")
        self.spend(1 + (count >> 3))
        blocks: list[bytes] = []
        for _ in range(0, count, 32):
            self.draws += 1
            blocks.append(
                hashlib.sha256(f"{self.seed}\n{self.place}\n{self.draws}".encode("utf-8", "replace")).digest()
            )
        return b"".join(blocks)[:count]
