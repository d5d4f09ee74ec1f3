"""Find our own packages wherever the command is run: a folder may hold somebody's `worker.py` or `adapter.py`."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

ROOMS = ("definitions", "worker", "adapter")


def import_own() -> None:
    """Import our packages from beside this one, so that later imports cannot find others of the same name.

    Raises ImportError when a foreign module has taken one of the names already.
    """
    root = Path(__file__).resolve().parent.parent
    sys.path.insert(0, str(root))
    try:
        for name in ROOMS:
            found = importlib.import_module(name).__file__
            if found is None or Path(found).resolve().parent != root / name:
                raise ImportError(f"{name} is {found}, not a part of Tidegate")
    finally:
        sys.path.remove(str(root))
