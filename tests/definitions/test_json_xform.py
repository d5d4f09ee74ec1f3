"""json-xform: what templates make, as measured on the original."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import json_xform
from definitions.expressions.source_error import SourceError

SOURCE: dict[str, Any] = {
    "name": "Ada",
    "age": 36,
    "zero": 0,
    "no": False,
    "blank": "",
    "null": None,
    "empty": [],
    "hollow": {},
    "tags": ["x", "y", "x"],
    "address": {"city": "Turin", "zip": "10121", "under_score": 1, "a-b": 2},
    "day": "2026-01-31",
    "orders": [
        {"sku": "A1", "price": {"value": 9.5}, "lines": [{"n": 1}, {"n": 2}]},
        {"sku": "B2", "price": {"value": 0}, "lines": [{"n": 3}]},
    ],
    "deep": {"inner": {"orders": "never found first"}},
}
DATE = {"type": "date", "sourceFormat": "yyyy-MM-dd", "format": "dd/MM/yyyy"}

CASES: list[tuple[list[dict[str, Any]], Any]] = [
    # from and to
    ([{"from": "name"}], {"name": "Ada"}),
    ([{"from": "name", "to": "who"}], {"who": "Ada"}),
    ([{"from": "address.city"}], {"address": {"city": "Turin"}}),
    ([{"from": "address.city", "to": "city"}], {"city": "Turin"}),
    ([{"from": "name", "to": "a.b.c"}], {"a": {"b": {"c": "Ada"}}}),
    ([{"from": "orders.1.sku", "to": "second"}], {"second": "B2"}),
    ([{"from": "address.under_score", "to": "u"}, {"from": "address.a-b", "to": "v"}], {"u": 1, "v": 2}),
    ([{"from": "tags.length", "to": "n"}], {"n": 3}),
    ([{"from": "name.length", "to": "n"}], {}),
    ([{"from": "address..city", "to": "all"}], {"all": SOURCE["address"]}),
    # false values are dropped, empty lists and objects are not
    ([{"from": "zero"}, {"from": "no"}, {"from": "blank"}, {"from": "null"}, {"from": "missing"}], {}),
    ([{"from": "empty"}, {"from": "hollow"}], {"empty": [], "hollow": {}}),
    # who wins
    ([{"from": "name", "to": "x"}, {"from": "age", "to": "x"}], {"x": "Ada"}),
    ([{"from": "zero", "to": "x"}, {"from": "age", "to": "x"}], {"x": 36}),
    ([{"from": "name", "to": "x.y"}, {"from": "age", "to": "x.y"}], {"x": {"y": 36}}),
    ([{"from": "empty", "to": "x"}, {"from": "age", "to": "x"}], {"x": []}),
    ([{"from": "name", "to": "x.y"}, {"from": "age", "to": "x.z"}], {"x": {"y": "Ada", "z": 36}}),
    # toArray
    ([{"from": "name", "to": "x", "toArray": True}], {"x": ["Ada"]}),
    ([{"from": "tags", "to": "x.y", "toArray": True}], {"x": {"y": [["x", "y", "x"]]}}),
    # valueToKey
    ([{"from": "name", "valueToKey": True, "withValueFrom": "age"}], {"Ada": 36}),
    ([{"from": "name", "to": "unused", "valueToKey": True, "withValueFrom": "zero"}], {}),
    # withTemplate
    ([{"withTemplate": "${name} is ${age}", "to": "t"}], {"t": "Ada is 36"}),
    ([{"withTemplate": "${address.city}", "to": "a.b"}], {"a": {"b": "Turin"}}),
    ([{"withTemplate": "${missing}/${null}/${no}", "to": "t"}], {"t": "undefined/null/false"}),
    ([{"withTemplate": "${address} ${tags}", "to": "t"}], {"t": "[object Object] x,y,x"}),
    ([{"withTemplate": "{{name}} $name ${}", "to": "t"}], {"t": "{{name}} $name ${}"}),
    ([{"withTemplate": "${name} ${name}", "to": "t"}], {"t": "Ada ${name}"}),
    ([{"withTemplate": "plain", "withValueFrom": "t"}], {"t": "plain"}),
    # via
    ([{"from": "day", "via": DATE}], {"day": "31/01/2026"}),
    ([{"withTemplate": "on ${day}", "to": "t", "via": DATE}], {"t": "on 31/01/2026"}),
    ([{"from": "name", "to": "x"}, {"from": "name", "to": "x", "via": DATE}], {"x": "Ada"}),
    # fromEach
    ([{"fromEach": {"field": "tags"}}], {"tags": ["x", "y", "x"]}),
    ([{"fromEach": {"field": "tags", "to": "t"}}], {"t": ["x", "y", "x"]}),
    ([{"fromEach": {"field": "name"}}], {"name": ["Ada"]}),
    ([{"fromEach": {"field": "orders", "fieldset": [{"from": "sku"}]}}], {"orders": [{"sku": "A1"}, {"sku": "B2"}]}),
    ([{"fromEach": {"field": "lines", "fieldset": [{"from": "n"}]}}], {"lines": [{"n": 1}, {"n": 2}]}),
    ([{"fromEach": {"field": "price.value", "to": "p"}}], {"p": [9.5]}),
    (
        [{"fromEach": {"field": "orders", "to": "o", "fieldset": [{"from": "price.value", "to": "p"}]}}],
        {"o": [{"p": 9.5}]},
    ),
    (
        [{"fromEach": {"field": "orders", "to": "o", "flatten": True, "fieldset": [{"from": "sku"}]}}],
        {"o": [{"sku": "A1"}]},
    ),
    (
        [
            {
                "fromEach": {
                    "field": "orders",
                    "to": "o",
                    "flatten": True,
                    "fieldset": [{"fromEach": {"field": "lines", "fieldset": [{"from": "n"}]}}],
                }
            }
        ],
        {"o": [{"n": [1, 2, 3]}]},
    ),
    ([{"fromEach": {"field": "address", "to": "a", "fieldset": [{"from": "city"}]}}], {"a": [{"city": "Turin"}]}),
    ([{"fromEach": {"field": "tags", "to": "t"}}, {"fromEach": {"field": "name", "to": "t"}}], {"t": [*"xyx", "Ada"]}),
    # fromArray
    ([{"fromArray": ["name", "missing", "zero"], "to": "l"}], {"l": ["Ada", None, 0]}),
    ([{"fromArray": ["name", "missing", "blank", "zero"], "to": "l", "skipEmpty": True}], {"l": ["Ada", 0]}),
    ([{"fromArray": ["tags", "name"], "to": "l"}], {"l": [["x", "y", "x"], "Ada"]}),
    ([{"fromArray": ["tags", "name"], "to": "l", "flatten": True}], {"l": ["x", "y", "x", "Ada"]}),
    ([{"fromArray": ["tags", "name"], "to": "l", "flatten": True, "unique": True}], {"l": ["x", "y", "Ada"]}),
    ([{"fromArray": ["tags", "tags"], "to": "l", "unique": True}], {"l": [["x", "y", "x"]]}),
    ([{"fromArray": [], "to": "a.b"}], {"a": {"b": []}}),
    ([{"fromArray": ["day"], "to": "l", "via": DATE}], {"l": ["31/01/2026"]}),
    ([{"from": "name", "to": "l"}, {"fromArray": ["age"], "to": "l"}], {"l": "Ada"}),
    # several keys in one entry
    ([{"fromEach": {"field": "tags", "to": "t"}, "from": "name"}], {"t": ["x", "y", "x"], "name": "Ada"}),
]


@pytest.mark.parametrize(("fieldset", "expected"), CASES, ids=lambda value: json.dumps(value)[:60])
def test_template(fieldset: list[dict[str, Any]], expected: Any) -> None:
    before = copy.deepcopy(SOURCE)
    result = json_xform.compile({"fieldset": fieldset})(SOURCE)
    assert json.dumps(result, sort_keys=True) == json.dumps(expected, sort_keys=True)
    assert before == SOURCE


def test_nested_targets_do_not_reach_into_the_source() -> None:
    source = {"a": {"x": 1}, "b": 2}
    template = {"fieldset": [{"from": "a", "to": "out"}, {"from": "b", "to": "out.y"}]}
    assert json_xform.compile(template)(source) == {"out": {"x": 1, "y": 2}}
    assert source == {"a": {"x": 1}, "b": 2}


@pytest.mark.parametrize(
    ("template", "code", "place"),
    [
        ([], "transformer-invalid", ""),
        ({}, "transformer-invalid", ""),
        ({"fieldset": {}}, "transformer-invalid", ".fieldset"),
        ({"fieldset": []}, "transformer-empty", ".fieldset"),
        ({"fieldset": [1]}, "transformer-invalid", ".fieldset[0]"),
        ({"fieldset": [{}]}, "transformer-entry-invalid", ".fieldset[0]"),
        ({"fieldset": [{"from": 1}]}, "transformer-invalid", ".fieldset[0].from"),
        ({"fieldset": [{"from": ""}]}, "transformer-entry-invalid", ".fieldset[0].from"),
        ({"fieldset": [{"from": "a", "to": ".b"}]}, "transformer-entry-invalid", ".fieldset[0].to"),
        ({"fieldset": [{"from": "a." * 60 + "b"}]}, "transformer-entry-invalid", ".fieldset[0].from"),
        ({"fieldset": [{"from": "a", "withTemplate": "b", "to": "c"}]}, "transformer-entry-invalid", ".fieldset[0]"),
        ({"fieldset": [{"withTemplate": "b"}]}, "transformer-entry-invalid", ".fieldset[0]"),
        ({"fieldset": [{"fromArray": ["a"]}]}, "transformer-entry-invalid", ".fieldset[0]"),
        ({"fieldset": [{"fromArray": [1], "to": "a"}]}, "transformer-invalid", ".fieldset[0].fromArray[0]"),
        ({"fieldset": [{"from": "a", "valueToKey": True}]}, "transformer-entry-invalid", ".fieldset[0]"),
        ({"fieldset": [{"from": "a", "x": 1}]}, "transformer-key-unknown", ".fieldset[0].x"),
        ({"fieldset": [{"fromEach": {}}]}, "transformer-invalid", ".fieldset[0].fromEach"),
        (
            {"fieldset": [{"fromEach": {"field": "a", "fieldset": []}}]},
            "transformer-empty",
            ".fieldset[0].fromEach.fieldset",
        ),
        (
            {"fieldset": [{"fromEach": {"field": "a[*]"}}]},
            "transformer-field-unsupported",
            ".fieldset[0].fromEach.field",
        ),
        ({"fieldset": [{"from": "a", "via": {"type": "case"}}]}, "transformer-invalid", ".fieldset[0].via.type"),
        ({"fieldset": [{"from": "a", "via": {"type": "date"}}]}, "transformer-invalid", ".fieldset[0].via"),
        (
            {"fieldset": [{"from": "a", "via": {"type": "commands", "transform": []}}]},
            "transformer-commands-unsupported",
            ".fieldset[0].via",
        ),
    ],
)
def test_a_bad_template_is_found_when_compiled(template: Any, code: str, place: str) -> None:
    with pytest.raises(SourceError) as caught:
        json_xform.compile(template)
    assert (caught.value.code, caught.value.place) == (code, place)
    assert caught.value.unsupported == code.endswith("unsupported")


@pytest.mark.parametrize(
    ("fieldset", "says"),
    [
        ([{"fromEach": {"field": "missing"}}], "nothing is found"),
        ([{"fromEach": {"field": "null"}}], "nothing is found"),
        ([{"from": "age", "valueToKey": True, "withValueFrom": "name"}], "not text"),
        ([{"from": "name", "to": "x"}, {"from": "age", "to": "x.y"}], "cannot have properties"),
        ([{"from": "name", "to": "x"}, {"fromEach": {"field": "tags", "to": "x"}}], "something else than a list"),
        ([{"from": "name", "via": DATE}], "does not fit the pattern"),
        ([{"from": "age", "via": DATE}], "only text"),
        ([{"withTemplate": "${missing}", "to": "t", "via": DATE}], "only text"),
    ],
)
def test_what_cannot_be_made_is_an_error(fieldset: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        json_xform.compile({"fieldset": fieldset})(SOURCE)


def test_a_key_from_data_cannot_nest_without_end() -> None:
    template = {"fieldset": [{"from": "key", "valueToKey": True, "withValueFrom": "value"}]}
    with pytest.raises(ExpressionError, match="more than 50 keys"):
        json_xform.compile(template)({"key": "a." * 60 + "b", "value": 1})


def test_work_is_bounded() -> None:
    inner = {"fromEach": {"field": "nowhere", "fieldset": [{"from": "x"}]}}
    with pytest.raises(ExpressionError, match="more work"):
        json_xform.compile({"fieldset": [inner]})({"list": [[[]] * 1000] * 300})


names = st.sampled_from(["a", "b", "c", "a.b", "b.0", "c..a", "a.b.c"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "x", "2026-01-31"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
flags = st.booleans()
entries = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "from": names,
            "to": names,
            "fromArray": st.lists(names, max_size=3),
            "withTemplate": st.sampled_from(["${a} ${b.0}", "x"]),
            "withValueFrom": names,
            "valueToKey": flags,
            "toArray": flags,
            "flatten": flags,
            "skipEmpty": flags,
            "unique": flags,
            "via": st.just(DATE),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "fromEach": st.fixed_dictionaries(
                {"field": st.sampled_from(["a", "b", "c", "a.b"])},
                optional={"to": names, "flatten": flags, "fieldset": st.lists(inner, min_size=1, max_size=3)},
            )
        }
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(entries, min_size=1, max_size=4), st.dictionaries(st.sampled_from("abc"), values, max_size=3))
def test_any_template_makes_json_or_our_errors(fieldset: list[Any], source: dict[str, Any]) -> None:
    before = copy.deepcopy(source)
    try:
        result = json_xform.compile({"fieldset": fieldset})(source)
    except (SourceError, ExpressionError):
        pass
    else:
        json.dumps(result, allow_nan=False)
    assert source == before
