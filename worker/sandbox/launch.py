"""How a sandbox process is started: which executable, with which arguments and environment, under which limits."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from definitions.errors import TidegateError

HERE = Path(__file__).parent
#: What no foreign code gets: a question to a terminal, remote and npm modules, a configuration, a lock file, a cache.
FLAGS = (
    "--quiet",
    "--no-prompt",
    "--no-remote",
    "--no-npm",
    "--no-config",
    "--no-lock",
    "--no-code-cache",
    "--deny-import",
    # V8's own bound on objects and strings; the rest of the memory is bounded from outside.
    "--v8-flags=--max-old-space-size=192",
)
#: Specifiers that no module may import: a second lock, beside the permissions.
_BLOCKED = ("file:///", "http://", "https://")
#: Empty but for this: there is no folder to keep anything in.
ENVIRONMENT = {"DENO_DIR": "/dev/null/none", "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1"}
#: Below this, Deno does not start reliably.
DATA_BYTES = 1 << 30
OPEN_FILES = 64
#: Bytes of one argument that the system takes, and some room.
ARGUMENT_BYTES = 120_000
#: Kills a process whose worker has died, where the system's own `setpriv` is not there to ask for it.
_PARENT_DEATH = "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,9);os.execv(sys.argv[1],sys.argv[1:])"


class SandboxUnavailable(TidegateError):
    """Foreign code cannot be run on this worker."""

    code = "unsupported"


@cache
def deno() -> str:
    """The `deno` beside this Python, else the one on PATH. Raises SandboxUnavailable."""
    beside = Path(sys.executable).with_name("deno")
    found = str(beside) if beside.is_file() else shutil.which("deno")
    if found is None:
        raise SandboxUnavailable(
            "unsupported: no Deno. Workers need the `deno` executable to run JavaScript: "
            "pip install 'tidegate[javascript]'"
        )
    return found


def module_names(shim: str) -> list[str]:
    """The names under which foreign code imports a shim: its file says so in its first line."""
    first = _text(f"{shim}.js").partition("\n")[0]
    return first.removeprefix("// modules:").split()


@cache
def command(shim: str) -> tuple[str, ...]:
    """The command line of a process that runs code written for a shim. Raises SandboxUnavailable, KeyError."""
    module = _data_url("text/javascript", _text(f"{shim}.js"))
    imports: dict[str, Any] = {name: module for name in ("tidegate:shim", *module_names(shim))}
    # Nothing can be resolved relative to this, so whatever begins with the prefix cannot be imported.
    imports |= {prefix: "data:blocked,/" for prefix in _BLOCKED}
    mapped = _data_url("application/json", json.dumps({"imports": imports}))
    started = (deno(), "run", *FLAGS, f"--import-map={mapped}", _data_url("text/javascript", _text("boot.js")))
    assert all(len(part) < ARGUMENT_BYTES for part in started)
    return (*_tied_to_parent(), *started)


def _text(name: str) -> str:
    if not name.replace("_", "").replace(".js", "").isalnum() or not (HERE / name).is_file():
        raise SandboxUnavailable(f"unsupported: there is no shim {name!r}")
    return (HERE / name).read_text(encoding="utf-8")


def _data_url(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def _tied_to_parent() -> tuple[str, ...]:
    if sys.platform != "linux":
        return ()
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else (sys.executable, "-I", "-S", "-c", _PARENT_DEATH)


async def start(shim: str, folder: str) -> Process:
    """Start a process that waits for its call; `folder` is its (empty) working folder. It leads a group of its own."""
    process = await asyncio.create_subprocess_exec(
        *command(shim),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=ENVIRONMENT,
        start_new_session=True,
        # A write to a file beyond its limit is then an error in the code, not the end of the process.
        restore_signals=False,
    )
    # Before any foreign code is in it, so that it is under them from its start.
    limit(process.pid, {"DATA": DATA_BYTES, "FSIZE": 0, "CORE": 0, "NOFILE": OPEN_FILES})
    return process


def limit(pid: int, limits: Mapping[str, int]) -> None:
    """Set limits of a process, by their names; systems that cannot do so from outside go without."""
    if sys.platform == "linux":
        import resource

        with contextlib.suppress(ProcessLookupError):  # It has ended: whoever talks to it finds out.
            for name, value in limits.items():
                resource.prlimit(pid, getattr(resource, f"RLIMIT_{name}"), (value, value))


def resident_bytes(pid: int) -> int:
    """Memory that a process has in use; 0 if it has ended, or the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
