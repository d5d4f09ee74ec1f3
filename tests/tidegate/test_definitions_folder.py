"""A folder of definitions: read whole or not at all, published once, however often a server starts."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest
from temporalio.client import Client

from definitions import ids
from definitions.dialects import DIALECTS
from tests.running import worker_settings
from tests.tidegate.library import invalid, other_version, valid
from tidegate import definitions_folder
from tidegate.errors import CommandError
from worker.__main__ import running
from worker.client import TidegateClient


def test_files_belong_to_the_organisation_whose_folder_they_are_in(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / ".hidden").mkdir()
    shutil.copy(valid()[0], tmp_path / "one.json")
    shutil.copy(valid()[0], tmp_path / "acme" / "same.json")
    invalid()[0].write(tmp_path / ".hidden")
    (tmp_path / "notes.txt").write_text("no definition")
    found = definitions_folder.read(tmp_path)
    assert [(organisation, document.path.name) for organisation, document in found] == [
        ("default", "one.json"),
        ("acme", "same.json"),
    ]


def test_one_bad_file_stops_all_and_every_problem_is_told(tmp_path: Path) -> None:
    shutil.copy(valid()[0], tmp_path)
    bad = [case.write(tmp_path) for case in invalid()[:2]]
    with pytest.raises(CommandError) as caught:
        definitions_folder.read(tmp_path)
    assert all(str(file) in str(caught.value) for file in bad)


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        shutil.copy(valid()[0], tmp_path / name)
    with pytest.raises(CommandError, match=r"b\.json: \$: the name '.*' is taken by .*a\.json \[name-taken\]"):
        definitions_folder.read(tmp_path)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"is not a folder \(--definitions\)$"):
        definitions_folder.read(tmp_path / "nowhere")


async def test_publishing_again_changes_nothing_and_a_new_text_is_a_new_version(
    tmp_path: Path, temporal_client: Client
) -> None:
    task_queue, organisation = f"folder-{uuid.uuid4()}", f"org-{uuid.uuid4()}"
    (tmp_path / organisation).mkdir()
    file = tmp_path / organisation / "one.json"
    shutil.copy(valid()[0], file)
    client = TidegateClient(temporal_client, task_queue)
    said: list[str] = []

    async def publish() -> tuple[int, int]:
        """Latest version and live version after another publication."""
        found = definitions_folder.read(tmp_path)
        await definitions_folder.publish(found, client, said.append)
        [(_, document)] = found
        definition_id = ids.definition_id(document.dialect, organisation, document.name)
        facts = await client.describe_definition(document.dialect, organisation, definition_id)
        return facts.latest, facts.tags[DIALECTS[document.dialect].LIVE_TAG]

    async with running(temporal_client, worker_settings(task_queue)):
        assert await publish() == (1, 1)
        assert await publish() == (1, 1)
        first = file.read_text()
        file.write_text(other_version(file))
        assert await publish() == (2, 2)
        # Back to the first text: its version is there already, and is live again.
        file.write_text(first)
        assert await publish() == (2, 1)
    assert [line.split(" version ")[1].split()[0] for line in said] == ["1", "1", "2", "1"]
