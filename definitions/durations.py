"""Durations written as text: one parser; what each vendor writes is a `Grammar` of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

#: The longest duration taken, in seconds: a hundred years. Dates beyond it could not be written any more.
LONGEST = 36_500 * 86_400
#: Characters of a text of several numbers and units.
TEXT_LIMIT = 100

_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})\s*([^\W0-9_]+)", re.ASCII)
_PARTS = re.compile(rf"\s*{_PART.pattern}(?:[\s,]*{_PART.pattern})*\s*", re.ASCII)
_NUMBER_AND_UNIT = re.compile(r"([0-9]{1,12})([^0-9]+)", re.ASCII)


@dataclass(frozen=True)
class Grammar:
    """One whole number and one unit. `units` maps each unit as it is written, blanks included, to its seconds."""

    units: Mapping[str, int]
    example: str


@dataclass(frozen=True)
class Sum:
    """Numbers, whole or not, each with a unit: `1h30m`, `2 hours 5 minutes`. `units` maps each to its seconds."""

    units: Mapping[str, float]
    example: str


def total(text: str, grammar: Sum) -> float:
    """The seconds that a text of several numbers and units stands for. Raises ValueError that says what is expected."""
    parts = _PART.findall(text) if len(text) <= TEXT_LIMIT and _PARTS.fullmatch(text) else []
    if not parts or any(unit not in grammar.units for _, unit in parts):
        raise ValueError(f"expected numbers with units ({', '.join(grammar.units)}), such as {grammar.example!r}")
    value = sum(float(number) * grammar.units[unit] for number, unit in parts)
    if value > LONGEST:
        raise ValueError("a duration is at most 100 years")
    return value


def seconds(text: str, grammar: Grammar) -> int:
    """The seconds that a text stands for. Raises ValueError that says what is expected."""
    found = _NUMBER_AND_UNIT.fullmatch(text)
    unit = None if found is None else grammar.units.get(found[2])
    if found is None or unit is None:
        units = ", ".join(grammar.units)
        raise ValueError(f"expected a whole number and a unit ({units}), such as {grammar.example!r}")
    value = int(found[1]) * unit
    if value > LONGEST:
        raise ValueError("a duration is at most 100 years")
    return value
