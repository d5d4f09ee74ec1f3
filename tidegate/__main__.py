"""`python -m tidegate`, and what `tidegate dev` runs by path for its child processes."""

from __future__ import annotations

import os.path
import sys

# Run by path, Python puts this folder first, where our modules would stand in for the standard library's.
if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
    del sys.path[0]

from tidegate.cli import entry

if __name__ == "__main__":
    entry()
