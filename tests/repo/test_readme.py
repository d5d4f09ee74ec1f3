"""README and docs say what is so: settings, targets, files, commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.settings import described as adapter_settings
from definitions.contract import SEARCH_ATTRIBUTES
from worker.settings import described as worker_settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/**/README.md")])
PAGES = [page for page in PAGES if not {".venv", "node_modules", "build"} & set(page.relative_to(ROOT).parts)]
ROW = re.compile(r"^\| `(TIDEGATE_\w+)` \| (?:`([^|]*)`)? ?\| ([a-z, ]+) \| (.*) \|$", re.MULTILINE)


def settings() -> dict[str, tuple[str, str, str]]:
    """Environment name -> (default, who reads it, description), from the code."""
    found: dict[str, tuple[str, str, str]] = {}
    for reader, described in (("adapter", adapter_settings()), ("worker", worker_settings())):
        for name, default, description in described:
            readers = f"{found[name][1]}, {reader}" if name in found else reader
            found[name] = (default, readers, description)
    return found


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = {name: (default or "", readers, description) for name, default, readers, description in ROW.findall(README)}
    assert table == settings()


def test_every_setting_that_the_code_reads_is_in_the_table() -> None:
    read = set()
    for room in ("adapter", "worker", "tidegate", "definitions"):
        for source in (ROOT / room).rglob("*.py"):
            read |= set(re.findall(r"TIDEGATE_[A-Z_]+", source.read_text()))
    assert {name.rstrip("_") for name in read} - set(settings()) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_the_make_targets_named_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z]+)`", page.read_text())) <= targets, page


def test_every_search_attribute_is_documented_and_registered() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text()
    register = (ROOT / "deploy" / "temporal" / "register.sh").read_text()
    for name in SEARCH_ATTRIBUTES:
        assert name in operations and name in register, name


def test_the_first_screen_shows_a_result() -> None:
    first = "\n".join(README.splitlines()[:24])
    assert "$ make demo" in first and "SUCCEEDED" in first
    assert len(README.splitlines()) <= 150
