"""`tidegate validate`: every problem of every file, where it is, and by which code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.tidegate.library import invalid, valid
from tidegate import validate


def test_valid_definitions_are_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    files = valid()
    assert files and validate.run(files) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": valid (")[0] for line in lines] == [str(file) for file in files]


def test_every_problem_is_told_with_file_path_and_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cases = invalid()
    assert len(cases) >= 25
    for case in cases:
        file = case.write(tmp_path)
        assert validate.run([file]) == 1
        [line] = capsys.readouterr().out.splitlines()
        assert line.startswith(f"{file}: {case.path}: ") and line.endswith(f"[{case.code}]")


def test_one_bad_file_among_good_ones_fails_and_all_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [valid()[0], invalid()[0].write(tmp_path), valid()[-1]]
    assert validate.run(files) == 1
    out = capsys.readouterr().out
    assert all(str(file) in out for file in files)


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "json-invalid"), (b'{"steps": [}', "json-invalid"), (b"{}", "dialect-unknown"), (b"[]", "dialect-unknown"),
     (b"[" * 100_000, "json-too-deep"), (b"\xff", "file-unreadable"), (None, "file-unreadable")],
)  # fmt: skip
def test_what_is_no_definition_at_all_is_a_problem_like_any_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, code: str
) -> None:
    file = tmp_path / "some.json"
    if content is not None:
        file.write_bytes(content)
    assert validate.run([file]) == 1
    [line] = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{file}: $: ") and line.endswith(f"[{code}]")


def test_the_command_itself(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("tidegate")), "validate"]
    good = subprocess.run([*command, valid()[0]], capture_output=True, text=True, cwd=tmp_path, timeout=30)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run(
        [*command, invalid()[0].write(tmp_path)], capture_output=True, text=True, cwd=tmp_path, timeout=30
    )
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout
