"""Medians over rounds, with their spread, side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from bench.load import Turn

#: What is reported of a turn, one number each, and how it is written.
MEASURES: Mapping[str, tuple[Callable[[Turn], float], str]] = {
    "flows/s": (lambda turn: turn.rate, "{:.1f}"),
    "CPU ms": (lambda turn: per_flow(turn, "server", "worker", "adapter"), "{:.1f}"),
    "with caller": (lambda turn: per_flow(turn, "server", "worker", "adapter", "caller"), "{:.1f}"),
    "server": (lambda turn: per_flow(turn, "server"), "{:.1f}"),
    "worker": (lambda turn: per_flow(turn, "worker"), "{:.1f}"),
    "adapter": (lambda turn: per_flow(turn, "adapter"), "{:.1f}"),
    "caller": (lambda turn: per_flow(turn, "caller"), "{:.1f}"),
}
#: A turn is quiet if other programs had no more than this share of the machine's CPU meanwhile.
QUIET = 0.1
#: HTTP requests of one flow: the submission and the event.
REQUESTS = 2


def per_flow(turn: Turn, *names: str) -> float:
    """Milliseconds of CPU that the named processes used for one flow."""
    return sum(turn.window.cpu.get(name, 0.0) for name in names) * 1000 / turn.flows


def quantile(values: Sequence[float], share: float) -> float:
    """The value below or at which `share` of the values are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratios(pairs: Sequence[tuple[Turn, Turn]], measure: str) -> list[float]:
    """A row's measure over another's, round by round: what the machine did meanwhile met both."""
    read = MEASURES[measure][0]
    return [read(one) / read(other) for one, other in pairs]


def table(turns: Mapping[str, Sequence[Turn]]) -> str:
    """All rows: medians over the rounds, with the least and the greatest in brackets."""
    header = ["", *MEASURES, "event→step p50 / p99 ms", "events", "actions"]
    lines = [header, *([name, *_cells(list(rounds))] for name, rounds in turns.items())]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join(_aligned(line, widths) for line in lines)


def _cells(rounds: list[Turn]) -> list[str]:
    cells = []
    for read, form in MEASURES.values():
        values = [read(turn) for turn in rounds]
        cells.append(_spread(values, form) if any(values) else "-")
    latencies = [seconds * 1000 for turn in rounds for seconds in turn.latencies]
    cells.append(f"{quantile(latencies, 0.5):.1f} / {quantile(latencies, 0.99):.1f}")
    costs = [cost for turn in rounds for cost in turn.costs]
    cells.append(_distinct([cost.events for cost in costs]))
    cells.append(_distinct([cost.actions for cost in costs]))
    return cells


def _spread(values: Sequence[float], form: str) -> str:
    middle, least, most = (form.format(value) for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({least}-{most})"


def _distinct(values: Sequence[int]) -> str:
    return "/".join(str(value) for value in sorted(set(values)))


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def comparison(turns: Mapping[str, Sequence[Turn]], row: str, base: str) -> str:
    """How a row compares with another: the median of the ratios of each round; and of the quiet rounds, if not all."""
    pairs = list(zip(turns[row], turns[base], strict=True))
    quiet = [pair for pair in pairs if max(turn.window.others for turn in pair) <= QUIET]
    text = f"{row} / {base}: {_compared(pairs)}"
    if not quiet or len(quiet) == len(pairs):
        return text
    return f"{text}\n    in the {len(quiet)} quiet of {len(pairs)} rounds: {_compared(quiet)}"


def _compared(pairs: Sequence[tuple[Turn, Turn]]) -> str:
    rate, cpu, both = (_spread(ratios(pairs, measure), "{:.2f}") for measure in ("flows/s", "CPU ms", "with caller"))
    return f"rate {rate}, CPU {cpu}, CPU with caller {both}"


def front(turns: Mapping[str, Sequence[Turn]], row: str) -> str:
    """What the HTTP front takes of a row's CPU."""
    shares = [per_flow(turn, "adapter") / MEASURES["CPU ms"][0](turn) for turn in turns[row]]
    spent = [per_flow(turn, "adapter") / REQUESTS for turn in turns[row]]
    return (
        f"HTTP front: {_spread(spent, '{:.1f}')} ms of CPU per request, {_spread(shares, '{:.0%}')} of the flow's CPU"
    )


def latency(turns: Mapping[str, Sequence[Turn]], row: str, base: str) -> str:
    """How much longer an event takes than the base's, by the medians of the rounds."""
    rounds = zip(turns[row], turns[base], strict=True)
    return f"event→step {_spread([median(one.latencies) / median(other.latencies) for one, other in rounds], '{:.2f}')}"


def load_of_others(turns: Mapping[str, Sequence[Turn]]) -> str:
    """What share of the machine other programs had meanwhile."""
    shares = [turn.window.others for rounds in turns.values() for turn in rounds]
    return f"other programs used {_spread(shares, '{:.0%}')} of the machine's CPU meanwhile"


def repetitions(turns: Mapping[str, Sequence[Turn]]) -> str:
    """How many requests had to be sent again."""
    return f"requests sent again after a 503: {sum(turn.repeated for rounds in turns.values() for turn in rounds)}"
