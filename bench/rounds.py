"""Measuring side by side: every way takes its turn in every round, and the program around it."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import uvloop

from bench.options import Options, parse

R = TypeVar("R")
T = TypeVar("T")


def say(text: str) -> None:
    print(text, flush=True)


async def in_rounds(
    rows: Mapping[str, R], options: Options, take: Callable[[R, Options], Awaitable[T]], *, until: float = math.inf
) -> dict[str, list[T]]:
    """Row -> its turns, one a round, after one of warm-up. Each round begins with another row; none begins after
    `until`, a moment of the monotonic clock."""
    for row in rows.values():
        await take(row, replace(options, flows=options.warm_up, samples=1))
    turns: dict[str, list[T]] = {name: [] for name in rows}
    for number in range(options.rounds):
        if number and time.monotonic() > until:
            say("the time is up")
            break
        say(f"round {number + 1} of {options.rounds}")
        first = number % len(rows)
        for name in [*list(rows)[first:], *list(rows)[:first]]:
            turns[name].append(await take(rows[name], options))
    return turns


def compare(
    measure: Callable[[Options], Coroutine[Any, Any, Mapping[str, Sequence[T]]]],
    lines: Callable[[Mapping[str, Sequence[T]]], Iterable[str]],
    heading: Callable[[Options], Iterable[str]] = lambda options: (),
) -> None:
    """The whole program: what is measured for the options given, and its report. Ends the process."""
    options = parse()
    for line in heading(options):
        say(line)
    with_load(lambda: lines(uvloop.run(measure(options))))


def with_load(report: Callable[[], Iterable[str]]) -> None:
    """Print a report, and how busy the machine was. Ends the process."""
    began, load = time.monotonic(), os.getloadavg()[0]
    for line in report():
        say(line)
    say(f"load before and after: {load:.1f}, {os.getloadavg()[0]:.1f}; {time.monotonic() - began:.0f} s in all")
    sys.stdout.flush()
    # Threads of the Temporal client that still hand over an answer crash an interpreter that is ending.
    os._exit(0)
