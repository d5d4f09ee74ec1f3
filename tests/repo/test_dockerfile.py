"""The Dockerfile: all it copies is there and gets past .dockerignore, all it runs exists, and it is not root."""

from __future__ import annotations

import json

from tests.repo import deployment
from tests.repo.sources import ROOMS, ROOT
from tidegate.cli import parse


def copied() -> list[str]:
    return [source for rest in deployment.instructions("COPY") if "--from" not in rest for source in rest.split()[:-1]]


def test_what_is_copied_exists() -> None:
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_what_is_copied_is_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert [source for source in copied() if source.split("/")[0] not in allowed] == []
    assert set(allowed) == {source.split("/")[0] for source in copied()}


def test_all_our_packages_are_copied() -> None:
    assert set(ROOMS) <= set(copied())


def test_requirements_are_hashed() -> None:
    installs = [rest for rest in deployment.instructions("RUN") if "pip install" in rest and "-r " in rest]
    assert len(installs) == 2
    assert all("--require-hashes" in rest for rest in installs)


def test_default_command_and_health_check_exist() -> None:
    assert callable(parse(json.loads(deployment.instructions("CMD")[-1])).run)
    [health] = deployment.instructions("HEALTHCHECK")
    program, *arguments = json.loads(health.partition(" CMD ")[2])
    assert program == "tidegate" and parse(arguments).check is True


def test_it_does_not_run_as_root() -> None:
    [user] = deployment.instructions("USER")
    assert int(user) > 0
