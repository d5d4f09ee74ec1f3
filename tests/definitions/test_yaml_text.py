"""YAML text: what each value becomes, and what is refused, with its place."""

from __future__ import annotations

import time
from typing import Any

import pytest

from definitions import yaml_text
from definitions.errors import DefinitionError

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: 1", {"a": 1}),
        ("on: yes", {"on": "yes"}),
        ("[true, True, false, null, ~, off]", [True, True, False, None, None, "off"]),
        ("[1, -2, 0x1F, 0o17, 017, -08, 0, 1_000, 1:30]", [1, -2, 31, 15, 15, -8, 0, "1_000", "1:30"]),
        ("[1.5, .5, 1e3, 1., 5m]", [1.5, 0.5, 1000.0, 1.0, "5m"]),
        ("[2024-01-01, 'true', \"1\", !!str 1]", ["2024-01-01", "true", "1", "1"]),
        ("{true: a, 1: b, null: c}", {"true": "a", "1": "b", "null": "c"}),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: >\n  one\n  two\n", {"a": "one two\n"}),
        ("a: '{{ .x }}'", {"a": "{{ .x }}"}),
        ("base: &b {x: 1, y: 2}\nof:\n  <<: *b\n  y: 3", {"base": {"x": 1, "y": 2}, "of": {"x": 1, "y": 3}}),
        ("a: &a [1]\nb: *a", {"a": [1], "b": [1]}),
        ("--- {a: 1}", {"a": 1}),
    ],
)
def test_a_text_has_its_value(text: str, value: Any) -> None:
    found = yaml_text.parse(text)
    assert found == value
    assert repr(found) == repr(value)


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("a: [", "yaml-invalid", "$"),
        ("a: b: c", "yaml-invalid", "$"),
        ("a: {{ .x }}", "yaml-value-unsupported", "$.a"),
        ("a: 1\n---\nb: 2", "yaml-invalid", "$"),
        ("a: *b", "yaml-invalid", "$.a"),
        ("a: &a [*a]", "yaml-invalid", "$.a[0]"),
        ("<<: 1", "yaml-invalid", '$["<<"]'),
        ("a: {b: 1, b: 2}", "yaml-key-repeated", "$.a.b"),
        ("a: !!python/object:os.system x", "yaml-value-unsupported", "$.a"),
        ("a: !mine x", "yaml-value-unsupported", "$.a"),
        ("a: .nan", "yaml-value-unsupported", "$.a"),
        ("a: 1e999", "yaml-value-unsupported", "$.a"),
        ("[" * 100_000, "yaml-too-deep", "$" + "[0]" * 64),
        (LAUGHS, "yaml-too-large", None),
        (f"a: &a {'x' * 100_000}\nb: [{'*a, ' * 20_000}]", "yaml-too-large", None),
        ("x" * 300_000, "yaml-too-large", "$"),
        ("a: \x07", "yaml-invalid", "$"),
        ("a: \ud800", "yaml-invalid", "$"),
    ],
)
def test_a_text_is_refused(text: str, code: str, path: str | None) -> None:
    began = time.monotonic()
    with pytest.raises(DefinitionError) as caught:
        yaml_text.parse(text)
    assert time.monotonic() - began < 2
    assert caught.value.problems[0].code == code
    assert path is None or caught.value.problems[0].path == path
