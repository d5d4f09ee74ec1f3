"""The command line as a user meets it: real processes, exit codes, one line for what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.keyring import read_keyring
from tidegate.cli import parse

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "TEMPORAL_"))}


def tidegate(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("tidegate"), *arguments],
        cwd=cwd,
        env=CLEAN | environ,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_new_key_is_one_that_the_server_knows(tmp_path: Path) -> None:
    done = tidegate("key", "new", "--organisation", "acme", "--permission", "a", "--permission", "b", cwd=tmp_path)
    assert done.returncode == 0
    key, entry = (line.partition(": ")[2] for line in done.stdout.splitlines())
    assert json.loads(entry)["key_sha256"] == hashlib.sha256(key.encode()).hexdigest()
    holder = read_keyring(f"[{entry}]").find(key)
    assert holder is not None
    assert (holder.organisation, holder.permissions) == ("acme", frozenset({"a", "b"}))


def test_a_new_key_can_have_a_name(tmp_path: Path) -> None:
    done = tidegate("key", "new", "--organisation", "acme", "--permission", "*", "--name", "ci", cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[1].partition(": ")[2])["name"] == "ci"


def test_two_keys_differ(tmp_path: Path) -> None:
    made = {tidegate("key", "new", "--organisation", "a", "--permission", "*", cwd=tmp_path).stdout for _ in range(2)}
    assert len(made) == 2


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize("lacking", ["TIDEGATE_TOKEN_KEYS", "TIDEGATE_SECRET_KEYS", "TIDEGATE_PUBLIC_URL"])
def test_servers_refuse_to_start_without_keys(tmp_path: Path, command: str, lacking: str) -> None:
    from cryptography.fernet import Fernet

    environ = {
        "TIDEGATE_TOKEN_KEYS": "k" * 40,
        "TIDEGATE_SECRET_KEYS": Fernet.generate_key().decode(),
        "TIDEGATE_PUBLIC_URL": "http://localhost",
    }
    del environ[lacking]
    done = tidegate(command, cwd=tmp_path, **environ)
    assert done.returncode != 0
    [line] = done.stderr.splitlines()
    assert lacking in line and "must be set" in line


def test_a_secret_is_refused_without_a_key_to_seal_it(tmp_path: Path) -> None:
    done = tidegate("secret", "put", "acme", "TOKEN", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "tidegate: TIDEGATE_SECRET_KEYS must be set\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["nope"], ["dev", "--port", "x"], ["dev", "--port", "70000"], ["validate"], ["key"], ["key", "new"],
     ["key", "new", "--organisation", " ", "--permission", "*"], ["secret", "put", "acme"], ["secret", "put", "", "X"]],
)  # fmt: skip
def test_a_wrong_command_line_ends_with_2_and_says_how(tmp_path: Path, arguments: list[str]) -> None:
    done = tidegate(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert "usage: tidegate" in done.stderr
    assert "Traceback" not in done.stderr


def test_defaults_of_dev_are_those_of_the_contract() -> None:
    asked = parse(["dev"])
    assert (asked.host, asked.port, asked.temporal_port, asked.ui_port) == ("127.0.0.1", 8080, 7233, 8233)
    assert (asked.data, asked.definitions, asked.headless) == (Path(".tidegate"), None, False)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_check_of_what_does_not_run_fails_in_one_line(tmp_path: Path, command: str) -> None:
    done = tidegate(command, "--check", cwd=tmp_path, TEMPORAL_ADDRESS="127.0.0.1:1", TIDEGATE_PORT="1")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and "Traceback" not in done.stderr


def test_python_m_works_in_a_folder_with_modules_of_our_names(tmp_path: Path) -> None:
    for name in ("worker", "adapter", "definitions"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module was imported')")
    done = subprocess.run(
        [sys.executable, "-m", "tidegate", "worker", "--check"],
        cwd=tmp_path,
        env=CLEAN | {"TEMPORAL_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == "tidegate: Temporal cannot be reached\n"
