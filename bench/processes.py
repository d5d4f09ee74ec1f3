"""What processes have used of the CPU, from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def used(pid: int) -> float:
    """Seconds of CPU that a process, all its threads, has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy() -> float:
    """Seconds of CPU that the whole machine has used so far."""
    user, nice, system, _, _, irq, softirq, *_ = (
        int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:]
    )
    return (user + nice + system + irq + softirq) / _TICKS


@dataclass(frozen=True)
class Window:
    """From one moment to another: seconds, CPU seconds per process name, and what others used of the machine."""

    seconds: float
    cpu: Mapping[str, float]
    others: float


class Meter:
    """Measures from its making to `stop`. `pids` maps a name to a process; `ours` are all that belong to the bench."""

    def __init__(self, pids: Mapping[str, int], ours: Iterable[int]) -> None:
        self._pids, self._ours = dict(pids), set(ours)
        self._at, self._cpu, self._all, self._busy = self._read()

    def _read(self) -> tuple[float, dict[str, float], float, float]:
        cpu = {name: used(pid) for name, pid in self._pids.items()}
        return time.monotonic(), cpu, sum(used(pid) for pid in self._ours), busy()

    def stop(self) -> Window:
        at, cpu, ours, machine = self._read()
        seconds = at - self._at
        others = max(0.0, (machine - self._busy) - (ours - self._all)) / (seconds * (os.cpu_count() or 1))
        return Window(seconds, {name: cpu[name] - self._cpu[name] for name in cpu}, others)
