"""What must not be in a file: a package registry, a path of one machine, a vendor's name in a shared part."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.repo import sources

# Put together here, so that this file does not find itself.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("proxy", "golang", "org"),
    )
]
MACHINE_PATHS = [
    "/" + "/".join(parts)
    for parts in (("work", "main"), ("work", "shared"), ("root", ""), ("home", "user"), ("opt", "pypi"))
]
INDEX_LINE = re.compile(r"^\s*(--(extra-)?index-url|-i|--find-links|-f|--trusted-host)\b", re.MULTILINE)

#: Vendor -> where its name may stand.
VENDORS = ("justworkflowit", "jsworkflows", "fastgen", "compozy", "stackshift")
SHARED = ("definitions", "worker", "adapter", "tidegate")
OWN_PLACES = re.compile(
    r"^(definitions|adapter)/dialects/(?P<vendor>[a-z]+)|^definitions/library/|^worker/sandbox/|^(definitions|adapter)/dialects/__init__\.py$"
)


def texts() -> Iterator[tuple[str, str]]:
    for path in sources.files():
        try:
            yield sources.name(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.mark.parametrize("forbidden", [*HOSTS, *MACHINE_PATHS])
def test_no_file_names_a_registry_or_a_path_of_one_machine(forbidden: str) -> None:
    assert [name for name, text in texts() if forbidden in text] == []


def test_requirements_do_not_say_where_packages_come_from() -> None:
    pinned = [path for path in sources.files() if path.parent.name == "requirements"]
    assert len(pinned) >= 3
    assert [sources.name(path) for path in pinned if INDEX_LINE.search(path.read_text(encoding="utf-8"))] == []


def test_a_vendors_name_stands_in_its_own_files_only() -> None:
    wrong = []
    for name, text in texts():
        if not name.startswith(tuple(f"{room}/" for room in SHARED)) or not name.endswith(".py"):
            continue
        place = OWN_PLACES.match(name)
        own = place.group("vendor") if place else None
        for vendor in VENDORS:
            allowed = place is not None and own in (None, vendor)
            if not allowed and vendor in text.lower().replace("_", ""):
                wrong.append(f"{name} names {vendor}")
    assert wrong == []


def test_there_is_no_file_for_things_that_fit_nowhere() -> None:
    assert [
        sources.name(path) for path in sources.files() if path.stem in ("utils", "util", "common", "helpers", "misc")
    ] == []
