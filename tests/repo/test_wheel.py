"""What is in the wheel: our four packages, whole, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.repo import sources


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the project without any network."""
    copy = tmp_path_factory.mktemp("project")
    for path in sources.files():
        target = copy / path.relative_to(sources.ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    line = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    built = subprocess.run([*line, "--wheel-dir", str(copy / "dist"), str(copy)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    [path] = (copy / "dist").glob("tidegate-*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    return {name for name in wheel.namelist() if not name.endswith("/")}


def test_it_holds_our_packages_and_nothing_else(names: set[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(sources.ROOMS)


def test_every_file_of_the_packages_is_in_it(names: set[str]) -> None:
    documents = {"README.md"}
    expected = {
        sources.name(path)
        for room in sources.ROOMS
        for path in sources.files()
        if path.is_relative_to(sources.ROOT / room) and path.name not in documents
    }
    assert expected - names == set()


def test_it_says_that_it_is_typed(names: set[str]) -> None:
    assert {f"{room}/py.typed" for room in sources.ROOMS} <= names


def test_the_command_and_the_licence_are_in_it(wheel: zipfile.ZipFile, names: set[str]) -> None:
    [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
    assert "tidegate = tidegate.cli:entry" in wheel.read(entry_points).decode()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_it_names_its_licence_its_python_and_the_extras_of_the_readme(wheel: zipfile.ZipFile, names: set[str]) -> None:
    [metadata] = [name for name in names if name.endswith("/METADATA")]
    text = wheel.read(metadata).decode()
    assert "License-Expression: Apache-2.0" in text
    assert "Requires-Python: >=3.10" in text
    named = set(re.findall(r"tidegate\[(\w+)\]", (sources.ROOT / "README.md").read_text(encoding="utf-8")))
    assert "dev" in named and all(f"Provides-Extra: {extra}\n" in text for extra in named)


def test_it_can_be_used_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """Imports from the unpacked wheel, in a folder that holds a `worker.py` of somebody else's."""
    unpacked = tmp_path / "unpacked"
    wheel.extractall(unpacked)
    (tmp_path / "worker.py").write_text("raise SystemExit('the wrong worker')")
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "key", "new", "--organisation", "acme", "--permission", "*"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert '"organisation": "acme"' in done.stdout
