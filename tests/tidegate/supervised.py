"""A real `tidegate dev` for tests: started, watched, and gone at the end whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "TEMPORAL_"))}
LOCAL = "127.0.0.1"
START_SECONDS = 45
STOP_SECONDS = 15


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((LOCAL, 0))
        return [one.getsockname()[1] for one in sockets]


def until(ok: Callable[[], object], seconds: float, what: str = "it") -> None:
    deadline = time.monotonic() + seconds
    while not ok():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


class Dev:
    """One `tidegate dev`: its process, and what it has written."""

    def __init__(self, folder: Path, *arguments: str, headless: bool = True, environ: Mapping[str, str] = {}) -> None:
        self.folder = folder
        self.port, self.temporal_port = free_ports(2)
        self.url = f"http://{LOCAL}:{self.port}"
        self._out = folder / "stdout"
        self._err = folder / "stderr"
        line = [str(Path(sys.executable).with_name("tidegate")), "dev", "--port", str(self.port)]
        line += ["--temporal-port", str(self.temporal_port), *(["--headless"] if headless else []), *arguments]
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(line, cwd=folder, env=CLEAN | dict(environ), stdout=out, stderr=err)
        self._seen: set[int] = set()

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def until_ready(self) -> None:
        until(lambda: "ready" in self.out or self.process.poll() is not None, START_SECONDS, "ready")
        assert self.process.poll() is None, self.err

    def child(self, name: str) -> int:
        """The process id of the child `temporal`, `worker` or `adapter`."""
        words = {"temporal": "start-dev", "worker": "worker", "adapter": "serve"}
        found = [pid for pid in self.children() if words[name] in _command(pid)]
        return found[0] if found else 0

    def children(self) -> list[int]:
        """The children that have handed over from their launcher to the program itself."""
        pid = self.process.pid
        try:
            ids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except FileNotFoundError:
            return []
        found = [int(one) for one in ids if "-S" not in _command(int(one))]
        self._seen.update(found)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def leftovers(self) -> list[int]:
        return [pid for pid in self._seen if alive(pid)]

    def destroy(self) -> None:
        self.children()
        self.process.kill()
        self.process.wait()
        for pid in self.leftovers():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextlib.contextmanager
def running(folder: Path, *arguments: str, headless: bool = True, environ: Mapping[str, str] = {}) -> Iterator[Dev]:
    """A `tidegate dev` that is ready."""
    dev = Dev(folder, *arguments, headless=headless, environ=environ)
    try:
        dev.until_ready()
        yield dev
    finally:
        dev.destroy()
