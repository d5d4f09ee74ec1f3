"""A child is kept up, stopped in time, and never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tidegate.child import Child, ending, tied

FOREVER = "import time\nwhile True: time.sleep(60)"
STUBBORN = "import signal, sys, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen(sys.argv[1], 'w')\n" + FOREVER


async def until(ok: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not ok():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


class Nursery:
    """Children of one test, and what was said of them."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.children: list[Child] = []

    def start(self, code: str, *arguments: str) -> Child:
        child = Child("job", [sys.executable, "-c", code, *arguments], os.environ, self.said.append)
        self.children.append(child)
        child.start()
        return child


@pytest_asyncio.fixture
async def nursery() -> AsyncIterator[Nursery]:
    made = Nursery()
    yield made
    for child in made.children:
        child.kill()
        await child.stop(5)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for is not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    return "State:\tZ" not in status


async def test_a_killed_child_is_started_again_and_said_so(nursery: Nursery) -> None:
    child = nursery.start(FOREVER)
    await until(lambda: child.pid is not None)
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in (None, first))
    assert child.ended == 1
    assert nursery.said == ["job ended (SIGKILL); starting it again in 0.2 s"]


async def test_pauses_grow_while_it_keeps_dying(nursery: Nursery) -> None:
    child = nursery.start("raise SystemExit(3)")
    await until(lambda: child.ended == 3)
    assert [line.rpartition(" in ")[2] for line in nursery.said] == ["0.2 s", "0.4 s", "0.8 s"]
    assert child.how == "exit code 3"


async def test_stop_ends_it_and_it_stays_down(nursery: Nursery) -> None:
    child = nursery.start(FOREVER)
    await until(lambda: child.pid is not None)
    pid = child.pid
    await child.stop(5)
    assert pid is not None and not alive(pid)
    assert child.pid is None and child.ended == 0 and nursery.said == []


async def test_stop_while_it_waits_to_start_again_is_immediate(nursery: Nursery) -> None:
    child = nursery.start("raise SystemExit(1)")
    await until(lambda: child.ended == 3)
    began = time.monotonic()
    await child.stop(5)
    assert time.monotonic() - began < 0.5


async def test_stop_at_once_after_start_leaves_nothing(nursery: Nursery) -> None:
    child = nursery.start(FOREVER)
    await asyncio.sleep(0)
    await child.stop(5)
    assert child.pid is None


async def test_one_that_ignores_the_request_is_killed(nursery: Nursery, tmp_path: Path) -> None:
    ignoring = tmp_path / "ignoring"
    child = nursery.start(STUBBORN, str(ignoring))
    await until(ignoring.exists)
    began = time.monotonic()
    await child.stop(0.3)
    assert 0.3 <= time.monotonic() - began < 3
    assert nursery.said == ["job did not stop within 0.3 s: killed"]


async def test_its_stdout_is_our_stderr(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio, os, sys
        from tidegate.child import Child
        async def main():
            child = Child("job", [{sys.executable!r}, "-c", "print('from the child', flush=True)"], os.environ, print)
            child.start()
            while not child.ended: await asyncio.sleep(0.01)
            await child.stop(5)
        asyncio.run(main())
    """)
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True
    )
    assert "from the child" in done.stderr and "from the child" not in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
async def test_a_killed_parent_takes_its_children_with_it(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio, os
        from tidegate.child import Child
        async def main():
            child = Child("job", [{sys.executable!r}, "-c", {FOREVER!r}], os.environ, print)
            child.start()
            while child.pid is None: await asyncio.sleep(0.01)
            print(child.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    # The child is tied to us only once its launcher has handed over to the program itself.
    await until(lambda: b"-S" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    parent.kill()
    await parent.wait()
    await until(lambda: not alive(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent has died")
def test_a_parent_that_died_before_the_child_was_tied_leaves_none() -> None:
    line = tied([sys.executable, "-c", "print('ran')"])
    line[line.index(str(os.getpid()))] = "1"
    assert subprocess.run(line, capture_output=True, text=True, timeout=20).stdout == ""


def test_endings_in_words() -> None:
    assert ending(0) == "exit code 0"
    assert ending(-9) == "SIGKILL"
    assert ending(-100) == "signal 100"
