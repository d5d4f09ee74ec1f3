"""The Compose file: it fits the Compose specification, and everything it names is there."""

from __future__ import annotations

import copy
import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

import adapter.settings
import worker.settings
from tests.repo import deployment
from tests.repo.deployment import JOBS, OURS, compose, service
from tests.repo.sources import ROOT
from tidegate.cli import parse

#: The variables of Temporal's own client configuration.
TEMPORAL_CLIENT = {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Validator:
    text = (resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json").read_text()
    schema = json.loads(text)
    return jsonschema.validators.validator_for(schema)(schema)


def settings() -> set[str]:
    return {name for room in (adapter.settings, worker.settings) for name, _, _ in room.described()}


def test_it_fits_the_compose_specification(validator: jsonschema.Validator) -> None:
    assert [error.message for error in validator.iter_errors(compose())] == []


@pytest.mark.parametrize(
    ("where", "wrong"), [(("services", "worker", "comand"), ["worker"]), (("services", "adapter", "ports"), {"a": 1})]
)
def test_the_schema_does_refuse(validator: jsonschema.Validator, where: tuple[str, ...], wrong: Any) -> None:
    broken = copy.deepcopy(compose())
    target = broken
    for key in where[:-1]:
        target = target[key]
    target[where[-1]] = wrong
    assert list(validator.iter_errors(broken))


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_built_here_and_run_a_command_that_exists(name: str) -> None:
    assert (ROOT / service(name)["build"]["context"] / "Dockerfile").is_file()
    assert deployment.instructions("ENTRYPOINT") == ['["tidegate"]']
    assert callable(parse(service(name)["command"]).run)


@pytest.mark.parametrize("name", OURS)
def test_our_health_checks_are_commands_that_exist(name: str) -> None:
    kind, program, *arguments = service(name)["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "tidegate")
    assert parse(arguments).check is True
    assert arguments[0] == service(name)["command"][0]


@pytest.mark.parametrize("name", OURS)
def test_our_variables_are_settings_of_ours(name: str) -> None:
    known = settings() | TEMPORAL_CLIENT
    assert set(service(name)["environment"]) - known == set()
    assert deployment.variables(service(name)["environment"]) - known == set()


@pytest.mark.parametrize("name", OURS)
def test_each_has_what_it_refuses_to_start_without(name: str) -> None:
    demanded = {"TIDEGATE_TOKEN_KEYS", "TIDEGATE_SECRET_KEYS"} | ({"TIDEGATE_API_KEYS"} if name == "adapter" else set())
    environment = service(name)["environment"]
    assert all(environment[variable].startswith(f"${{{variable}:?") for variable in demanded)
    assert "TIDEGATE_PUBLIC_URL" in environment


def test_there_are_no_keys_in_the_file() -> None:
    for name in OURS:
        keys = [value for variable, value in service(name)["environment"].items() if variable.endswith("_KEYS")]
        assert keys and all(value.startswith("${") for value in keys)


@pytest.mark.parametrize("name", OURS)
def test_our_services_can_be_scaled(name: str) -> None:
    assert "container_name" not in service(name)
    for port in service(name).get("ports", []):
        published = port.rpartition(":")[0]
        assert "-" in published, f"{port}: a second container could not have the same port"


def test_the_adapters_port_is_the_one_it_listens_on() -> None:
    [port] = service("adapter")["ports"]
    inside = port.rpartition(":")[2]
    assert deployment.image_environment()["TIDEGATE_PORT"] == inside
    assert deployment.instructions("EXPOSE") == [inside]
    assert deployment.image_environment()["TIDEGATE_HOST"] == "0.0.0.0"
    assert f":{inside}" in service("adapter")["environment"]["TIDEGATE_PUBLIC_URL"]


def test_every_service_that_stays_up_says_how_it_is() -> None:
    silent = [name for name, one in compose()["services"].items() if name not in JOBS and "healthcheck" not in one]
    assert silent == []


def test_what_is_depended_on_can_fulfil_the_condition() -> None:
    conditions = {"service_healthy": lambda name: name not in JOBS, "service_completed_successfully": JOBS.__contains__}
    for one in compose()["services"].values():
        for other, how in one.get("depends_on", {}).items():
            assert conditions[how["condition"]](other), f"{other}: {how['condition']}"


def test_images_of_others_have_exact_tags() -> None:
    images = [one["image"] for name, one in compose()["services"].items() if name not in OURS]
    tags = {image.partition(":")[0]: image.partition(":")[2] for image in images}
    assert tags.keys() == {"postgres", "temporalio/server", "temporalio/admin-tools", "temporalio/ui"}
    assert all(tag[:1].isdigit() for tag in tags.values())
    assert tags["temporalio/server"] == tags["temporalio/admin-tools"], "the schema must be the server's"


def test_files_that_are_mounted_are_there() -> None:
    for name, one in compose()["services"].items():
        for volume in one.get("volumes", []):
            source, target, *_ = volume.split(":")
            if not source.startswith("."):
                assert source in compose()["volumes"]
                continue
            assert (ROOT / source).is_dir(), f"{name}: {source}"
            for argument in one.get("entrypoint", []):
                if argument.startswith(f"{target}/"):
                    assert (ROOT / source / argument.removeprefix(f"{target}/")).is_file()
    dynamic = service("temporal")["environment"]["DYNAMIC_CONFIG_FILE_PATH"]
    assert (ROOT / "deploy" / "temporal" / dynamic.rpartition("/")[2]).is_file()


def test_the_image_carries_our_version() -> None:
    import importlib.metadata

    assert service("adapter")["image"] == f"tidegate:{importlib.metadata.version('tidegate')}"
