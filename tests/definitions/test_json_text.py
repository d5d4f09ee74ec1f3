"""Strict JSON and JSON paths."""

from __future__ import annotations

from typing import Any

import pytest

from definitions import json_text
from definitions.errors import DefinitionError
from definitions.json_path import child


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("", "json-invalid", "$"),
        ("{'a': 1}", "json-invalid", "$"),
        ('{"a": 1} x', "json-invalid", "$"),
        ('{"a": ["\\ud800"]}', "json-invalid", "$.a[0]"),
        ('{"a": {"\\udc00": 1}}', "json-invalid", "$.a"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "json-key-repeated", "$.a.b"),
        ('{"a b": [NaN]}', "json-not-finite", '$["a b"][0]'),
        ("[1, -Infinity]", "json-not-finite", "$[1]"),
        ("[1e999]", "json-not-finite", "$[0]"),
        ("[" + "9" * 400 + "]", "json-not-finite", "$[0]"),
        ("[" + "9" * 5000 + "]", "json-not-finite", "$"),
        ("[" * 65 + "]" * 65, "json-too-deep", "$" + "[0]" * 64),
        ("[" * 100_000, "json-too-deep", "$"),
        ('"' + "é" * (128 * 1024) + '"', "json-too-large", "$"),
    ],
    ids=lambda value: value[:20],
)
def test_refused(text: str, code: str, path: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        json_text.parse(text)
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == (code, path)
    assert code in json_text.CODES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"b": 1, "a": [true, null, 1.5, "\\ud83d\\ude00"]}', {"b": 1, "a": [True, None, 1.5, "😀"]}),
        ("[" * 64 + "]" * 64, None),
        (' "x"\n', "x"),
    ],
)
def test_taken(text: str, value: Any) -> None:
    parsed = json_text.parse(text)
    assert value is None or parsed == value
    assert type(parsed) in (dict, list, str)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("name", "$.name"),
        ("$ref", "$.$ref"),
        ("two-words", "$.two-words"),
        ("a.b", '$["a.b"]'),
        ('q"', '$["q\\""]'),
        ("", '$[""]'),
        (3, "$[3]"),
        ("k" * 200, "$." + "k" * 80),
    ],
)
def test_paths(key: str | int, path: str) -> None:
    assert child("$", key) == path
