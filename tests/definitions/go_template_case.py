"""What the cases of go-template are rendered with, and held to."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from definitions.errors import ExpressionError
from definitions.expressions import go_template
from definitions.expressions.source_error import SourceError

DATA: dict[str, Any] = {
    "name": "Ada",
    "n": 3,
    "neg": -7,
    "f": 2.5,
    "zero": 0,
    "empty": "",
    "yes": True,
    "no": False,
    "nil": None,
    "list": [1, 2, 3],
    "words": ["pear", "apple", "fig"],
    "none": [],
    "map": {"b": 2, "a": 1},
    "m0": {},
    "deep": {"x": {"y": "z"}},
    "text": "  padded\t",
    "uni": "héllo wörld",
    "html": "<a href=\"x\">'&'</a>",
    "mixed": [1, "a", None, 2.5, True, [1], {"k": "v"}],
    "users": [{"name": "Bo", "age": 5}, {"name": "Cy", "age": 7}],
    "lines": "one\ntwo\nthree",
}


def rendered(template: str) -> object:
    """The text; something before it keeps it from being taken as JSON."""
    value = go_template.compile({"template": "|" + template})(copy.deepcopy(DATA))
    assert isinstance(value, str)
    return value[1:]


def fails(template: str, message: str) -> None:
    """When it is rendered, with this in its message."""
    with pytest.raises(ExpressionError) as caught:
        rendered(template)
    assert message in caught.value.message


def is_refused(template: str, message: str) -> None:
    """When it is compiled, as wrong and not as unsupported, with its place and this in its message."""
    with pytest.raises(SourceError) as caught:
        go_template.compile({"template": template})
    assert message in caught.value.message
    assert caught.value.message.startswith("line 1, column ")
    assert not caught.value.unsupported
