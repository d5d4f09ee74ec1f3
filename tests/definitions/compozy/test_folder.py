"""Workflows kept as files, published when a server starts."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
import yaml
from temporalio.client import Client

from definitions.contract import PublishEvent
from tests.running import worker_settings
from tidegate import definitions_folder, validate
from tidegate.errors import CommandError
from worker.__main__ import running
from worker.client import TidegateClient

FLOW = {"tasks": [{"id": "a", "type": "aggregate"}], "triggers": [{"type": "signal", "name": "go"}]}


def test_a_file_may_be_yaml_and_have_several_definitions(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text("id: one\ntasks: [{id: a, type: aggregate}]\n")
    (tmp_path / "more.yaml").write_text(yaml.safe_dump({"workflows": [{"id": "two", **FLOW}, {"id": "three", **FLOW}]}))
    found = definitions_folder.read(tmp_path)
    assert [document.name for _, document in found] == ["two", "three", "one"]
    (tmp_path / "again.yaml").write_text(yaml.safe_dump({"id": "two", **FLOW}))
    with pytest.raises(CommandError, match=r"more\.yaml: \$: the name 'two' is taken by .*again\.yaml"):
        definitions_folder.read(tmp_path)


def test_a_slip_in_a_yaml_file_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("id: one\ntasks: [\n")
    with pytest.raises(CommandError, match=r"one\.yaml: \$: .*line 3.*\[yaml-invalid\]"):
        definitions_folder.read(tmp_path)


def test_what_has_to_be_claimed_is_not_published_from_a_file(tmp_path: Path) -> None:
    hook = {"type": "webhook", "webhook": {"slug": "s", "events": [{"name": "e"}]}}
    (tmp_path / "one.yaml").write_text(yaml.safe_dump({"id": "one", **FLOW, "triggers": [hook]}))
    with pytest.raises(CommandError, match=r"one\.yaml: \$\.triggers\[0\]: .*\[feature-unsupported\]"):
        definitions_folder.read(tmp_path)


async def test_what_is_published_is_started_by_its_events(tmp_path: Path, temporal_client: Client) -> None:
    task_queue, organisation = f"folder-{uuid.uuid4()}", f"org-{uuid.uuid4()}"
    (tmp_path / organisation).mkdir()
    file = tmp_path / organisation / "one.yaml"
    client = TidegateClient(temporal_client, task_queue)

    async def started(trigger: str, event: str) -> int:
        file.write_text(yaml.safe_dump({"id": "one", **FLOW, "triggers": [{"type": "signal", "name": trigger}]}))
        await definitions_folder.publish(definitions_folder.read(tmp_path), client, lambda line: None)
        published = PublishEvent(organisation=organisation, dialect="compozy", name=event, event_id=str(uuid.uuid4()))
        return len((await client.publish(published)).started)

    async with running(temporal_client, worker_settings(task_queue)):
        assert await started("go", "go") == 1
        assert await started("go", "stop") == 0
        assert await started("stop", "go") == 0
        assert await started("stop", "stop") == 1


def test_a_file_is_validated_as_a_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "flows.yaml"
    file.write_text(yaml.safe_dump({"workflows": [{"id": "one", **FLOW}, {"id": "two", **FLOW}]}))
    assert validate.run([file]) == 0
    assert capsys.readouterr().out == "".join(f"{file}: valid (compozy, {name})\n" for name in ("one", "two"))
    file.write_text(yaml.safe_dump({"workflows": [{"id": "one", **FLOW}, {"id": "two", "tasks": []}]}))
    assert validate.run([file]) == 1
    assert f"{file}: $.workflows[1].tasks: " in capsys.readouterr().out
