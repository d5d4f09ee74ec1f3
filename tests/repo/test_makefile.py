"""The Makefile: every target sets itself up, set-up happens once, and what is missing is one clear line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repo.sources import ROOT

TARGETS = ("setup", "demo", "run", "test", "lint", "bench", "schema", "clean", "wipe")
#: What these need is only what make itself can do.
WITHOUT_SETUP = ("setup", "clean", "wipe")

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout as far as make looks at it."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "test.txt").write_text("")
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, timeout=30)


def python_that(folder: Path, *, lacks: str) -> Path:
    """A Python for which a check that mentions `lacks` fails."""
    program = folder / "python"
    program.write_text(f'#!/bin/sh\ncase "$*" in *{lacks}*) exit 1;; esac\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("target", [target for target in TARGETS if target not in WITHOUT_SETUP])
def test_every_target_sets_itself_up(checkout: Path, target: str) -> None:
    planned = make(checkout, "--dry-run", target)
    assert planned.returncode == 0, planned.stderr
    assert "--require-hashes -r requirements/test.txt" in planned.stdout


def test_set_up_once_it_is_not_set_up_again(checkout: Path) -> None:
    stamp = checkout / ".venv" / ".setup-done"
    stamp.parent.mkdir()
    stamp.touch()
    assert "pip" not in make(checkout, "--dry-run", "test").stdout
    later = stamp.stat().st_mtime + 10
    os.utime(checkout / "requirements" / "test.txt", (later, later))
    assert "pip" in make(checkout, "--dry-run", "test").stdout


@pytest.mark.parametrize(
    ("lacks", "line"),
    [("ensurepip", "Python's venv module is missing"), ("version_info", "needs Python 3.10 or newer")],
)
def test_what_python_lacks_is_one_clear_line(checkout: Path, lacks: str, line: str) -> None:
    python = python_that(checkout, lacks=lacks)
    done = make(checkout, "setup", f"PYTHON={python}")
    assert done.returncode != 0
    told = [text for text in done.stderr.splitlines() if not text.startswith("make")]
    assert len(told) == 1 and line in told[0]
    assert not (checkout / ".venv").exists()


def test_wipe_deletes_the_data_and_nothing_else(checkout: Path) -> None:
    for name in (".tidegate", "definitions", ".venv"):
        (checkout / name).mkdir()
    assert make(checkout, "wipe").returncode == 0
    assert not (checkout / ".tidegate").exists()
    assert (checkout / "definitions").exists() and (checkout / ".venv").exists()


def test_the_list_of_targets_names_them_all() -> None:
    listed = make(ROOT, "help").stdout
    assert [target for target in TARGETS if not re.search(rf"^{target}\b", listed, re.MULTILINE)] == []


def test_continuous_integration_runs_the_tests() -> None:
    run = ROOT / ".ci" / "run"
    text = run.read_text()
    assert os.access(run, os.X_OK) and text.startswith("#!/usr/bin/env bash")
    assert "set -euo pipefail" in text and "make test" in text
    assert subprocess.run(["bash", "-n", str(run)]).returncode == 0
