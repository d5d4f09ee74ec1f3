"""The executors that a job may name are those that the worker has."""

from __future__ import annotations

from definitions.dialects.stackshift.executors import _HTTP, OUTPUTS
from worker.activities import EXECUTORS
from worker.activities.http import CONFIG_SCHEMA


def test_all_built_in_executors_are_known() -> None:
    # In texts of this language values stand for references wherever these are: in a query that would be an injection.
    assert set(OUTPUTS) == set(EXECUTORS) - {"database"}


def test_the_keys_of_http_are_known() -> None:
    assert set(_HTTP) == set(CONFIG_SCHEMA["properties"])
    assert _HTTP["method"] == CONFIG_SCHEMA["properties"]["method"]
