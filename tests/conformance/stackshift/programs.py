"""Programs that use our client module, each a process of Node or of Deno."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from asyncio.subprocess import Process
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.processes import SECONDS, begun
from tests.conformance.stackshift.samples import job
from tests.conformance.stackshift.vendor import Vendor

MODULE = Path(__file__).parents[3] / "clients" / "stackshift"
NAME = "@stackshift-cloud/jobs"

IMPORT = f"import {{ StackShift, StackShiftError }} from '{NAME}'\n"
HEAD = IMPORT + "const stackshift = new StackShift({ apiKey: process.env.STACKSHIFT_API_KEY })\n"
#: Prints what calls come to, in order: what they give, or how they are refused.
TELL = """
async function outcome(call) {
  try {
    return { ok: await call() }
  } catch (error) {
    const { name: type, message, status, code } = error
    return error instanceof StackShiftError ? { status, code, message } : { type, message }
  }
}
async function tell(...calls) {
  const found = []
  for (const call of calls) found.push(await outcome(call))
  console.log(JSON.stringify(found))
}
"""


def deno() -> str:
    """The `deno` beside this Python, else the one on PATH: the tests' requirements have it."""
    beside = Path(sys.executable).with_name("deno")
    found = str(beside) if beside.is_file() else shutil.which("deno")
    assert found is not None, "no `deno`: install requirements/test.txt"
    return found


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("no `node` was found on PATH; Deno runs the same programs")
    return found


@dataclass(frozen=True)
class Programs:
    """A folder in which programs of one runtime find the module under its documented name."""

    runtime: str
    folder: Path

    def command(self, program: str) -> list[str]:
        if self.runtime == "node":
            return [node(), program]
        mapped = self.folder / "map.json"
        mapped.write_text(json.dumps({"imports": {NAME: (MODULE / "index.js").as_uri()}}))
        allowed = ["--allow-net=127.0.0.1", "--allow-env=STACKSHIFT_API_KEY,STACKSHIFT_BASE_URL"]
        flags = ["--quiet", "--no-prompt", "--no-remote", "--no-npm", "--no-config", "--no-lock"]
        return [deno(), "run", *flags, f"--import-map={mapped}", *allowed, program]

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        scope, _, module = NAME.partition("/")
        linked = self.folder / "node_modules" / scope / module
        if not linked.exists():  # as `npm install PATH` would link it
            linked.parent.mkdir(parents=True)
            linked.symlink_to(MODULE, target_is_directory=True)
        return name

    def started(self, text: str, address: str, key: str | None) -> AbstractAsyncContextManager[Process]:
        """A program that runs, with nothing but its environment to tell it where Tidegate is."""
        program = self.write("program.mjs", text)
        given = {"STACKSHIFT_BASE_URL": address} | ({} if key is None else {"STACKSHIFT_API_KEY": key})
        return begun(self.command(program), self.folder, {"DENO_DIR": str(self.folder / "deno"), **given})

    async def run(self, text: str, address: str, key: str | None) -> str:
        """What a program prints; it has to succeed, and say nothing else."""
        async with self.started(text, address, key) as process:
            return await printed(process)

    async def told(self, text: str, address: str, key: str | None) -> Any:
        """What a program prints as JSON."""
        return json.loads(await self.run(text, address, key))


async def printed(process: Process) -> str:
    """What a program has printed once it has ended well."""
    out, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert (process.returncode, err.decode()) == (0, ""), out.decode()
    return out.decode()


async def echo(vendor: Vendor, *names: str) -> None:
    """Register jobs for programs to start: they give their payload back."""
    for name in names:
        await vendor.register(job(name, {"state": {"get": "k"}, "as": "k"}, returns="${payload}"))
