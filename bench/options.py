"""What can be asked of `python -m bench`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """`flows` and `samples` are per row and round; `rounds` come after one of warm-up with `warm_up` flows.

    No round begins more than `seconds` after the start, however slow the machine is.
    """

    rounds: int = 5
    flows: int = 100
    concurrency: int = 50
    samples: int = 20
    warm_up: int = 50
    seconds: int = 200
    default_server: bool = False


def parse(arguments: Sequence[str] | None = None) -> Options:
    """Ends the program when the arguments are not understood."""
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m bench", description="One flow as data and by hand, side by side.")
    parser.add_argument("--rounds", type=_count, default=default.rounds, help="default: %(default)s")
    parser.add_argument("--flows", type=_count, default=default.flows, help="per row and round; default: %(default)s")
    parser.add_argument("--concurrency", type=_count, default=default.concurrency, help="default: %(default)s")
    parser.add_argument(
        "--samples", type=_count, default=default.samples, help="events sent one at a time; default: %(default)s"
    )
    parser.add_argument("--warm-up", type=_count, default=default.warm_up, help="flows; default: %(default)s")
    parser.add_argument(
        "--seconds", type=_count, default=default.seconds, help="after which no round begins; default: %(default)s"
    )
    parser.add_argument(
        "--default-server", action="store_true", help="Temporal's dev server as it comes, not as `tidegate dev` has it"
    )
    return Options(**vars(parser.parse_args(arguments)))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)
