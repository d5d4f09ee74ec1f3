"""The folder that `tidegate dev` keeps: Temporal's database, and the keys that are made once."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tidegate.errors import CommandError

DATABASE = "temporal.db"
KEYS = "keys.json"
LOCK = "lock"
KEY_NAMES = ("TIDEGATE_TOKEN_KEYS", "TIDEGATE_SECRET_KEYS")


def open_folder(folder: Path) -> IO[str]:
    """Make the folder, for its owner only, and lock it until the returned file is closed. Raises CommandError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w", encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"cannot use {folder} for the data (--data): {(error.strerror or str(error)).lower()}"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise CommandError(f"another `tidegate dev` uses {folder} (--data)") from None
    return lock


def read_or_make_keys(folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that sign tokens and seal secrets: from the environment, else from the folder, made there once.

    Raises CommandError when the file of the folder cannot be read.
    """
    path = folder / KEYS
    if not path.exists():
        _write_once(path)
    try:
        path.chmod(0o600)
        stored = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: str(stored[name]) for name in KEY_NAMES}
    except (OSError, ValueError, KeyError, TypeError):
        raise CommandError(
            f"{path} cannot be read as the keys of this folder: restore it, or wipe the folder"
        ) from None
    return {name: environ.get(name, "").strip() or kept[name] for name in KEY_NAMES}


def _write_once(path: Path) -> None:
    """Write new keys so that a crash leaves either none or all of them."""
    from worker.secrets import new_key

    keys = {"TIDEGATE_TOKEN_KEYS": secrets.token_urlsafe(32), "TIDEGATE_SECRET_KEYS": new_key()}
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keys, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
