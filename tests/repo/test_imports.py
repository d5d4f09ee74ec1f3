"""Which room may import what: a room that reached further could no longer be understood, or tested, on its own."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterator

import pytest

from tests.repo import sources

#: Room -> what it may import of ours, as prefixes of full names.
MAY_IMPORT = {
    "definitions": ("definitions",),
    "worker": ("definitions", "worker"),
    "adapter": ("definitions", "worker.client", "adapter"),
    "tidegate": ("definitions", "worker", "adapter", "tidegate"),
}
#: Room -> what it must do without, ours or not.
NEVER = {
    "definitions": ("temporalio", "fastapi", "starlette", "httpx", "boto3", "requests", "uvicorn"),
    "worker": ("fastapi", "starlette", "uvicorn"),
    "adapter": ("temporalio", "boto3"),
    "tidegate": (),
}
#: Installed for what they do, not for what can be imported from them.
USED_UNIMPORTED = {"httptools", "requests", "uvloop"}


def below(full_name: str, prefix: str) -> bool:
    return full_name == prefix or full_name.startswith(f"{prefix}.")


def imports_of(room: str) -> Iterator[tuple[str, str]]:
    for path in sources.modules(room):
        for line, full_name in sources.imported(path):
            yield f"{sources.name(path)}:{line}", full_name


@pytest.mark.parametrize("room", sources.ROOMS)
def test_a_room_imports_only_the_rooms_it_stands_on(room: str) -> None:
    wrong = [
        f"{place} imports {full_name}"
        for place, full_name in imports_of(room)
        if full_name.partition(".")[0] in (*sources.ROOMS, "tests", "bench", "demo")
        and not any(below(full_name, prefix) for prefix in MAY_IMPORT[room])
    ]
    assert not wrong


@pytest.mark.parametrize("room", sources.ROOMS)
def test_a_room_does_without_the_libraries_of_others(room: str) -> None:
    wrong = [
        f"{place} imports {full_name}"
        for place, full_name in imports_of(room)
        if any(below(full_name, prefix) for prefix in NEVER[room])
    ]
    assert not wrong


def test_what_is_imported_is_declared_and_what_is_declared_is_used() -> None:
    declared = {
        re.split(r"[\s<>=!~;\[(]", line, maxsplit=1)[0].lower()
        for line in importlib.metadata.requires("tidegate") or []
        if "extra ==" not in line
    }
    provided = importlib.metadata.packages_distributions()
    used = {
        distribution.lower()
        for room in sources.ROOMS
        for _, full_name in imports_of(room)
        if (top := full_name.partition(".")[0]) not in (*sources.ROOMS, *sys.stdlib_module_names)
        for distribution in _providers(provided, top, full_name)
    }
    # What a framework re-exports comes with the framework.
    used = {_by_way_of(one) for one in used}
    assert used - declared == set(), "imported, but not in pyproject.toml"
    assert declared - used - USED_UNIMPORTED == set(), "in pyproject.toml, but imported nowhere"


def _providers(provided: dict[str, list[str]] | object, top: str, full_name: str) -> list[str]:
    assert isinstance(provided, dict)
    if top == "google":  # a namespace of several distributions
        return ["google-auth"] if full_name.startswith(("google.auth", "google.oauth2")) else ["protobuf"]
    return list(provided.get(top, [top]))[:1]


def _by_way_of(distribution: str) -> str:
    ways = {
        "starlette": "fastapi",
        "botocore": "boto3",
        "protobuf": "temporalio",
        "prometheus_client": "prometheus-client",
    }
    ways |= {"google_re2": "google-re2", "referencing": "jsonschema"}
    return ways.get(distribution, distribution)
