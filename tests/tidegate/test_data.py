"""The data folder: private, used by one `tidegate dev` at a time, with keys that are made once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from definitions.tokens import TokenKeys
from tidegate import data
from tidegate.errors import CommandError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    first = data.read_or_make_keys(tmp_path, {})
    assert data.read_or_make_keys(tmp_path, {}) == first
    assert mode(tmp_path / data.KEYS) == 0o600
    assert set(first) == {"TIDEGATE_TOKEN_KEYS", "TIDEGATE_SECRET_KEYS"}
    assert len(set(first.values())) == 2


def test_the_keys_are_of_the_kind_that_their_readers_take(tmp_path: Path) -> None:
    keys = data.read_or_make_keys(tmp_path, {})
    TokenKeys([keys["TIDEGATE_TOKEN_KEYS"]])
    Fernet(keys["TIDEGATE_SECRET_KEYS"])


def test_two_folders_have_different_keys(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert data.read_or_make_keys(tmp_path / "a", {}) != data.read_or_make_keys(tmp_path / "b", {})


def test_keys_of_the_environment_win_one_by_one(tmp_path: Path) -> None:
    kept = data.read_or_make_keys(tmp_path, {})
    mixed = data.read_or_make_keys(tmp_path, {"TIDEGATE_TOKEN_KEYS": "new,old", "TIDEGATE_SECRET_KEYS": " "})
    assert mixed == {"TIDEGATE_TOKEN_KEYS": "new,old", "TIDEGATE_SECRET_KEYS": kept["TIDEGATE_SECRET_KEYS"]}


def test_a_draft_left_by_a_crash_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / data.KEYS).with_suffix(".new").write_text("half")
    assert all(data.read_or_make_keys(tmp_path, {}).values())


def test_keys_that_others_could_read_are_closed_again(tmp_path: Path) -> None:
    data.read_or_make_keys(tmp_path, {})
    (tmp_path / data.KEYS).chmod(0o644)
    data.read_or_make_keys(tmp_path, {})
    assert mode(tmp_path / data.KEYS) == 0o600


@pytest.mark.parametrize("content", ["", "{}", "[]", "not JSON", '{"TIDEGATE_TOKEN_KEYS": "only one"}'])
def test_damaged_keys_are_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / data.KEYS
    path.write_text(content)
    with pytest.raises(CommandError, match="cannot be read"):
        data.read_or_make_keys(tmp_path, {})
    assert path.read_text() == content


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    data.open_folder(folder).close()
    assert mode(folder) == 0o700


def test_a_folder_serves_one_at_a_time(tmp_path: Path) -> None:
    first = data.open_folder(tmp_path)
    with pytest.raises(CommandError, match="another `tidegate dev` uses"):
        data.open_folder(tmp_path)
    first.close()
    data.open_folder(tmp_path).close()


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(CommandError, match=r"--data\): file exists"):
        data.open_folder(tmp_path / "data")
