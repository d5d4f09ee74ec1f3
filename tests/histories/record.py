"""Record the histories of a release: `python -m tests.histories.record [VERSION [FLOW …]]`.

Writes one file per execution into `tests/histories/VERSION/`, in place of those that are there; of named flows, beside
them.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.histories.cleaning import cleaned
from tests.histories.flows import FLOWS
from tests.histories.scene import Scene, scene

FOLDER = Path(__file__).parent
VERSION = "v0.1.0"


async def _history(stage: Scene, workflow_id: str, run_id: str) -> dict[str, Any]:
    history = await stage.temporal.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    return {"workflow_id": workflow_id, "events": cleaned(history.to_json_dict())["events"]}


def _write(file: Path, history: dict[str, Any]) -> None:
    """One event a line: short, and a change can be seen."""
    events = ",\n".join(json.dumps(event, sort_keys=True, separators=(",", ":")) for event in history["events"])
    file.write_text(f'{{"workflow_id":{json.dumps(history["workflow_id"])},"events":[\n{events}\n]}}\n')


async def play(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Play flows; name -> history."""
    found: dict[str, dict[str, Any]] = {}
    async with scene() as stage:
        for name in names:
            for label, workflow_id in (await FLOWS[name](stage)).items():
                run_ids = await stage.executions(workflow_id)
                for number, run_id in enumerate(run_ids, 1):
                    parts = [name, label, str(number) if len(run_ids) > 1 else ""]
                    found["-".join(part for part in parts if part)] = await _history(stage, workflow_id, run_id)
    return found


def main(folder: Path, names: Sequence[str]) -> None:
    """Record anew; the files of before are removed once all flows have been played. Or add only those of some flows."""
    found = asyncio.run(play(names or list(FLOWS)))
    folder.mkdir(exist_ok=True)
    for old in [] if names else folder.glob("*.json"):
        old.unlink()
    for name, history in found.items():
        _write(folder / f"{name}.json", history)
    print(f"{len(found)} histories are in {folder}")


if __name__ == "__main__":
    main(FOLDER / (sys.argv[1] if len(sys.argv) > 1 else VERSION), sys.argv[2:])
