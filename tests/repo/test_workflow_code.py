"""Workflow code runs again and again over one history, outside Temporal's sandbox, and must decide the same each time:
no clock, no randomness, no I/O, no threads, nothing whose order can change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo import sources

#: The modules whose code runs inside workflows.
FOLDERS = ("worker/steps", "definitions/expressions")
FILES = (
    "worker/interpreter.py",
    "worker/blocks.py",
    "worker/attempts.py",
    "worker/pace.py",
    "worker/values.py",
    "worker/value_entity.py",
    "worker/code_inspection.py",
    "worker/messages.py",
    "worker/showing.py",
    "worker/attributes.py",
    "worker/waits.py",
    "worker/state.py",
    "worker/resume.py",
    "worker/mailbox.py",
    "worker/mailbox_state.py",
    "worker/mailbox_messages.py",
    "worker/event_memory.py",
    "worker/pairing.py",
    "worker/catalog.py",
    "worker/record_workflows.py",
    "worker/topic.py",
    "worker/topic_state.py",
    "worker/fan_out.py",
    "worker/fan_out_messages.py",
    "worker/lineage.py",
    "definitions/ids.py",
    "definitions/schemas.py",
)

BANNED_MODULES = {
    "random": "randomness",
    "secrets": "randomness",
    "threading": "threads",
    "multiprocessing": "processes",
    "concurrent": "threads",
    "subprocess": "processes",
    "socket": "I/O",
    "http": "I/O",
    "urllib.request": "I/O",
    "httpx": "I/O",
    "requests": "I/O",
    "boto3": "I/O",
    "tempfile": "I/O",
    "shutil": "I/O",
    "time": "the clock",
    "sched": "the clock",
}
BANNED_CALLS = {
    "open": "I/O",
    "input": "I/O",
    "print": "I/O",
    "datetime.now": "the clock: workflow.now()",
    "datetime.utcnow": "the clock: workflow.now()",
    "datetime.today": "the clock: workflow.now()",
    "date.today": "the clock: workflow.now()",
    "uuid.uuid1": "the clock: workflow.uuid4()",
    "uuid.uuid4": "randomness: workflow.uuid4()",
    "uuid4": "randomness: workflow.uuid4()",
    "os.urandom": "randomness",
    "os.getenv": "the environment",
    "os.environ.get": "the environment",
    "asyncio.wait": "an order that can change: workflow.wait()",
    "asyncio.as_completed": "an order that can change: workflow.as_completed()",
    "asyncio.to_thread": "threads",
    "asyncio.create_subprocess_exec": "processes",
    "asyncio.open_connection": "I/O",
    "hash": "an order that can change: it is salted per process",
}


def workflow_modules() -> list[Path]:
    found = [path for path in sources.modules(*FOLDERS) if path.name != "__init__.py"]
    return found + [sources.ROOT / name for name in FILES if (sources.ROOT / name).exists()]


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression, or nothing."""
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return node.id if isinstance(node, ast.Name) else ""


def problems(tree: ast.Module) -> Iterator[str]:
    """Everything in a module that workflow code must not do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = dotted(node.func)
            for banned, reason in BANNED_CALLS.items():
                # `datetime.datetime.now` is meant by `datetime.now` as well, but `file.open` is not by `open`.
                if name == banned or ("." in banned and name.endswith(f".{banned}")):
                    yield f"line {node.lineno}: {name}() is {reason}"
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            full = (
                names if isinstance(node, ast.Import) else [node.module or "", *(f"{node.module}.{n}" for n in names)]
            )
            for name in full:
                for banned, reason in BANNED_MODULES.items():
                    if name == banned or name.startswith(f"{banned}."):
                        yield f"line {node.lineno}: {name} is {reason}"
        elif isinstance(node, (ast.For, ast.comprehension)) and _is_set(node.iter):
            yield f"line {node.iter.lineno}: a set has no order: sorted(…)"


def _is_set(node: ast.expr) -> bool:
    built = isinstance(node, ast.Call) and dotted(node.func) in ("set", "frozenset")
    return built or isinstance(node, (ast.Set, ast.SetComp))


@pytest.mark.parametrize("path", workflow_modules(), ids=sources.name)
def test_workflow_code_decides_the_same_every_time(path: Path) -> None:
    assert list(problems(sources.tree(path))) == []


def test_the_modules_that_hold_workflows_are_all_looked_at() -> None:
    """A module that defines a workflow but is not in the list would be checked by nobody."""
    looked_at = set(workflow_modules())
    missed = [
        sources.name(path)
        for path in sources.modules("worker")
        if path not in looked_at
        and any(
            isinstance(node, ast.ClassDef) and any("workflow.defn" in ast.unparse(d) for d in node.decorator_list)
            for node in ast.walk(sources.tree(path))
        )
    ]
    assert missed == []


@pytest.mark.parametrize(
    "code",
    [
        "import random",
        "from time import sleep",
        "import os\nos.urandom(4)",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.now()",
        "import uuid\nuuid.uuid4()",
        "open('x')",
        "import asyncio\nasyncio.wait([])",
        "for x in {1, 2}: pass",
        "[x for x in set('ab')]",
        "from urllib import request",
        "import concurrent.futures",
    ],
)
def test_the_check_itself_finds(code: str) -> None:
    assert list(problems(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "from temporalio import workflow\nworkflow.now()\nworkflow.uuid4()",
        "from temporalio import workflow\nworkflow.wait([])",
        "from datetime import datetime\ndatetime.fromisoformat('2026-01-01')",
        "for x in sorted({1, 2}): pass",
        "import timedelta_like\nfile.reopen()",
    ],
)
def test_the_check_itself_lets_pass(code: str) -> None:
    assert list(problems(ast.parse(code))) == []
