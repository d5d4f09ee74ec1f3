"""Ids by rule. Literal ids are those of recorded runs: they may never change."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions import ids

DEFINITION = ids.definition_id("dialect", "acme", "flow")


def test_ids_stay_what_they_are() -> None:
    assert DEFINITION == "8c43032b-fcdf-882c-9981-5e4c706726f7"
    assert ids.prefix("dialect", "acme") == "dialect/07fad54f7446269a/"
    assert ids.run_id("acme", DEFINITION, 7, "request") == "08eba22c-0007-825d-a66e-9f02cc3f9785"
    assert ids.run_id("acme", DEFINITION, 7, "request", child=True) == "88eba22c-0007-8ca0-800e-9f96b82137d4"
    assert ids.version_id(DEFINITION, 7) == "00000007-4ad1-8a2c-9e00-fc609cce4db9"
    assert ids.secret_workflow_id("acme", "TOKEN") == "secret/07fad54f7446269a/8978e77d1b2d2acd9975d3cfb6e4e199"


def test_workflow_ids_begin_with_dialect_and_organisation() -> None:
    start = ids.prefix("dialect", "acme")
    run = ids.run_workflow_id("dialect", "acme", "r")
    assert run == f"{start}run/r"
    assert ids.definition_workflow_id("dialect", "acme", "d") == f"{start}definition/d"
    assert ids.version_workflow_id("dialect", "acme", "d", 3) == f"{start}version/d/3"
    assert ids.resume_workflow_id(run, "t") == f"{start}resume/r/t"


def test_joined_texts_do_not_meet() -> None:
    assert ids.definition_id("a", "b/c", "d") != ids.definition_id("a", "b", "c/d")
    assert ids.prefix("d", "ab") != ids.prefix("d", "a")
    assert ids.digest("a", "bc") != ids.digest("ab", "c")
    assert ids.digest(["a"]) != ids.digest("a")


@given(st.text(max_size=20), st.integers(1, 2**32 - 1))
def test_a_version_id_tells_its_number_and_whose_it_is(name: str, number: int) -> None:
    definition = ids.definition_id("dialect", "acme", name)
    version = ids.version_id(definition, number)
    assert uuid.UUID(version).version == 8
    assert ids.version_number(definition, version) == number
    assert ids.version_number(ids.definition_id("dialect", "other", name), version) is None


@pytest.mark.parametrize("bad", ["", "x", "00000000-0000-0000-0000-000000000000", str(uuid.UUID(int=1))])
def test_a_foreign_version_id_has_no_number(bad: str) -> None:
    assert ids.version_number(DEFINITION, bad) is None


@given(st.integers(1, 100_000), st.booleans(), st.one_of(st.text(max_size=20), st.lists(st.integers(), max_size=3)))
def test_a_run_id_carries_what_lists_filter_by(number: int, child: bool, unique: Any) -> None:
    run = ids.run_id("acme", DEFINITION, number, unique, child=child)
    assert str(uuid.UUID(run)) == run and uuid.UUID(run).version == 8
    assert run == ids.run_id("acme", DEFINITION, number, unique, child=child)
    assert ids.is_child(run) is child
    assert run.startswith(ids.run_id_prefix(DEFINITION, child))
    assert run.startswith(ids.run_id_prefix(DEFINITION, child, number))
    assert not run.startswith(ids.run_id_prefix(DEFINITION, not child))


def test_runs_differ_in_all_that_makes_them() -> None:
    variants = [
        ids.run_id("acme", DEFINITION, 1, "u"),
        ids.run_id("other", DEFINITION, 1, "u"),
        ids.run_id("acme", ids.definition_id("dialect", "acme", "else"), 1, "u"),
        ids.run_id("acme", DEFINITION, 2, "u"),
        ids.run_id("acme", DEFINITION, 1, "v"),
        ids.run_id("acme", DEFINITION, 1, "u", child=True),
    ]
    assert len(set(variants)) == len(variants)


def test_the_hash_of_content_does_not_depend_on_the_order_of_keys() -> None:
    assert ids.content_hash({"a": 1, "b": [1.5, "é"]}) == ids.content_hash({"b": [1.5, "é"], "a": 1})
    # One number, however a sender writes it: 12.0 and 12, 1e2 and 100.
    assert ids.content_hash({"a": [12.0, -0.0, 1e2]}) == ids.content_hash({"a": [12, 0, 100]})
    assert len({ids.content_hash(value) for value in (1, True, "1", 1.5, None, [1], {"1": 1})}) == 7
    assert ids.canonical({"b": "é", "a": [1, None]}) == '{"a":[1,null],"b":"é"}'.encode()
    assert ids.canonical("\ud800") == b'"\xed\xa0\x80"'
