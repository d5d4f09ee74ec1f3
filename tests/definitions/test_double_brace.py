"""double-brace: what templates give, and which are refused."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import double_brace, evaluate
from definitions.expressions.double_brace import Reference, references
from definitions.expressions.path import TEXT_LIMIT
from definitions.expressions.source_error import SourceError
from definitions.model import Expression

ROOTS = ["action", "var", "body", "bodyRaw", "query", "header", "param", "user"]
SCOPE: dict[str, Any] = {
    "action": {"send-email": {"status": 202}, "greeting": "hi", "list": [{"n": 1}, [2, 3]], "1st": "one"},
    "var": {"a b": 1, "it's": 2, 'say "x"': 3, "a}}b": 4, "back\\slash": 5, "": 6, "größe": 7, "no": None, "0": 8},
    "body": {"sku": {"id": "SKU-1", "count": 49, "price": 2.0, "rate": 0.25}, "ok": True, "SKU": "other"},
    "bodyRaw": '{"sku": 1}',
    "query": {"n": "5"},
    "header": {"Content-Type": "text/plain", "x-id": "low", "X-ID": "up"},
    "param": {},
}

CASES: list[tuple[Any, Any]] = [
    # a whole string keeps its type
    ("{{$body.sku.id}}", "SKU-1"),
    ("{{$body.sku.count}}", 49),
    ("{{$body.sku.price}}", 2.0),
    ("{{$body.ok}}", True),
    ("{{$body.sku}}", {"id": "SKU-1", "count": 49, "price": 2.0, "rate": 0.25}),
    ("{{$action.list}}", [{"n": 1}, [2, 3]]),
    ("{{$bodyRaw}}", '{"sku": 1}'),
    ("{{$param}}", {}),
    ("{{ $body.ok }}", True),
    ("{{$body . sku\n.id}}", "SKU-1"),
    # every way to write a key
    ("{{$action['send-email']}}", {"status": 202}),
    ('{{$action["send-email"].status}}', 202),
    ("{{$action.send-email.status}}", 202),
    ("{{$action['send-email']['status']}}", 202),
    ("{{$action[ 'greeting' ]}}", "hi"),
    ("{{$action.list[0].n}}", 1),
    ("{{$action.list.0.n}}", 1),
    ("{{$action.list[1][1]}}", 3),
    ("{{$action['list']['1']['0']}}", 2),
    ("{{$action.1st}}", "one"),
    ("{{$var['a b']}}", 1),
    (r"{{$var['it\'s']}}", 2),
    ('{{$var["it\'s"]}}', 2),
    (r'{{$var["say \"x\""]}}', 3),
    ("{{$var['a}}b']}}", 4),
    (r"{{$var['back\\slash']}}", 5),
    ("{{$var['']}}", 6),
    ("{{$var.größe}}", 7),
    ("{{$var[0]}}", 8),
    # nothing there
    ("{{$body.nothing}}", None),
    ("{{$body.nothing.more}}", None),
    ("{{$body.sku.id.length}}", None),
    ("{{$body.sku.id[0]}}", None),
    ("{{$action.list[2]}}", None),
    ("{{$action.list.n}}", None),
    ("{{$user.emailVerified}}", None),
    ("{{$user}}", None),
    ("{{$var.no}}", None),
    ("{{$var.no.more}}", None),
    # case
    ("{{$body.SKU}}", "other"),
    ("{{$body.Sku}}", None),
    ("{{$header.content-type}}", "text/plain"),
    ("{{$header['CONTENT-TYPE']}}", "text/plain"),
    ("{{$header.X-ID}}", "up"),
    ("{{$header.x-id}}", "low"),
    ("{{$header.X-id}}", "low"),
    ("{{$header.accept}}", None),
    ("{{$query.N}}", None),
    # inside a text
    ("id: {{$body.sku.id}}!", "id: SKU-1!"),
    ("{{$body.sku.id}}{{$body.sku.count}}", "SKU-149"),
    (" {{$body.sku.count}}", " 49"),
    ("{{$body.ok}} {{$body.nothing}}|{{$var.no}}|", "true ||"),
    ("{{$body.sku.price}} and {{$body.sku.rate}}", "2 and 0.25"),
    ("={{$action.list}}", '=[{"n":1},[2,3]]'),
    ("={{$action['send-email']}}", '={"status":202}'),
    ("={{$bodyRaw}}", '={"sku": 1}'),
    ('{"a":{{$body.sku.count}}}', '{"a":49}'),
    ("{{{$body.sku.count}}}", "{49}"),
    # no reference
    ("plain", "plain"),
    ("", ""),
    ("{ $body.sku }", "{ $body.sku }"),
    ("$body.sku ${body.sku} }}", "$body.sku ${body.sku} }}"),
    ("a {{ b", "a {{ b"),
    ("{{", "{{"),
    # any JSON
    ({"a": ["{{$body.ok}}", {"b": "{{$query.n}}"}], "c": 1, "d": None}, {"a": [True, {"b": "5"}], "c": 1, "d": None}),
    ({"{{$body.ok}}": "{{$body.none}}"}, {"{{$body.ok}}": None}),
    (["{{$body.none}}", "x{{$body.none}}"], [None, "x"]),
    (5, 5),
    (None, None),
]


def run(template: Any, scope: Any = SCOPE, roots: Any = ROOTS) -> Any:
    return double_brace.compile({"template": template, "roots": roots, "caseless": ["header"]})(scope)


@pytest.mark.parametrize(("template", "value"), CASES)
def test_values(template: Any, value: Any) -> None:
    found = run(template)
    assert found == value
    assert type(found) is type(value)


REFUSED: list[tuple[Any, str, str]] = [
    ("{{$nope.x}}", ".template", r"no \$nope here; known are \$action, .* \(character 1\)"),
    ("ab {{$Body.x}}", ".template", r"no \$Body here.*\(character 4\)"),
    ({"a": ["x", "{{$nope}}"]}, ".template.a[1]", "no .nope"),
    ({"a b": "{{$nope}}"}, '.template["a b"]', "no .nope"),
    ("{{$body.a + 1}}", ".template", r"'\{\{\$body.a \+ 1\}\}' cannot be read: supported are"),
    ("{{$body.a()}}", ".template", "cannot be read"),
    ("{{$body.a | upper}}", ".template", "cannot be read"),
    ("{{$body.}}", ".template", "cannot be read"),
    ("{{$body[]}}", ".template", "cannot be read"),
    ("{{$body[-1]}}", ".template", "cannot be read"),
    ("{{$body[a]}}", ".template", "cannot be read"),
    ("{{$body['a]}}", ".template", "cannot be read"),
    ("{{$body['a'}}", ".template", "cannot be read"),
    ("{{$}}", ".template", "cannot be read"),
    ("{{}}", ".template", "cannot be read"),
    ("{{body.a}}", ".template", "cannot be read"),
    ("{{'text'}}", ".template", "cannot be read"),
    ("{{1 + 1}}", ".template", "cannot be read"),
    ("{{#if $body.a}}", ".template", "cannot be read"),
    ("x {{$body.a", ".template", r"not closed by `}}` \(character 3\)"),
    ("{{$body.a}", ".template", "not closed"),
    ("{{$body.a}} {{$body.b", ".template", r"not closed .*\(character 13\)"),
]


@pytest.mark.parametrize(("template", "place", "message"), REFUSED)
def test_refused_when_compiled(template: Any, place: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        run(template)
    assert caught.value.place == place


@pytest.mark.parametrize(
    "source",
    [
        None,
        "{{$body}}",
        {},
        {"template": 1},
        {"roots": []},
        {"template": 1, "roots": "body"},
        {"template": 1, "roots": [1]},
        {"template": 1, "roots": {"a": 1}},
        {"template": 1, "roots": ["a"], "caseless": ["b"]},
        {"template": 1, "roots": ["a"], "caseless": "a"},
        {"template": 1, "roots": ["a"], "more": 1},
    ],
)
def test_a_bad_source(source: Any) -> None:
    with pytest.raises(SourceError):
        double_brace.compile(source)


def test_a_template_nested_too_deeply() -> None:
    template: Any = "x"
    for _ in range(60):
        template = [template]
    with pytest.raises(SourceError, match="nested more than 50 deep"):
        run(template)


def test_roots_may_be_found_elsewhere() -> None:
    source = {"template": ["{{$body.a}}", "{{$raw}}"], "roots": {"body": "input.body", "raw": "input.raw"}}
    assert double_brace.compile(source)({"input": {"body": {"a": 1}, "raw": "r"}}) == [1, "r"]
    assert double_brace.compile(source)({"body": {"a": 1}}) == [None, None]


def test_caseless_needs_to_be_asked_for() -> None:
    source = {"template": "{{$header.content-type}}", "roots": ["header"]}
    assert double_brace.compile(source)(SCOPE) is None


def test_the_references_of_a_template() -> None:
    template = {"a": "x {{$body.sku['id']}} {{$action['send-email'][0]}}", "b": [1, "{{$bodyRaw}}"]}
    assert list(references(template, ROOTS)) == [
        (".a", Reference("body", ("sku", "id"))),
        (".a", Reference("action", ("send-email", 0))),
        (".b[1]", Reference("bodyRaw", ())),
    ]
    with pytest.raises(SourceError):
        list(references({"a": "{{$x}}"}, ROOTS))


def test_a_text_is_bounded() -> None:
    scope = {"body": "x" * 1_000_000}
    assert len(run("{{$body}}y", scope)) == 1_000_001
    with pytest.raises(ExpressionError, match=f"more than {TEXT_LIMIT} characters"):
        run("{{$body}}{{$body}}y", scope)
    with pytest.raises(ExpressionError, match="more work"):
        run(["{{$body}}y"] * 50, scope)


@pytest.mark.parametrize("text", ["{{$body" + ".a" * 50_000 + "}}", "{{$body['" + "\\'" * 50_000, "{{ " * 50_000])
def test_reading_takes_linear_time(text: str) -> None:
    start = time.perf_counter()
    try:
        run(text)
    except SourceError as error:
        assert "not closed" in error.message or "cannot be read" in error.message
    assert time.perf_counter() - start < 2


def test_by_the_table_of_languages() -> None:
    source = {"template": "{{$body.sku.id}}-{{$body.sku.count}}", "roots": ["body"]}
    assert evaluate(Expression(language="double-brace", source=source), SCOPE) == "SKU-1-49"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(max_size=10), _JSON)
def test_any_key_can_be_written_in_quotes(key: str, value: Any) -> None:
    quoted = key.replace("\\", "\\\\").replace("'", "\\'")
    assert run(f"{{{{$body['{quoted}']}}}}", {"body": {key: value}}) == value


@given(_JSON)
def test_data_is_never_read_as_a_template(value: Any) -> None:
    assert run("{{$body}}", {"body": "{{$query.n}}", "query": {"n": 1}}) == "{{$query.n}}"
    assert run("{{$body}}", {"body": value}) == value


@settings(deadline=1000)
@given(
    st.lists(st.sampled_from(["{{", "}}", "$body", ".a", "['b']", "[0]", " ", "x", "'", "\\", "{", "}"])).map("".join),
    _JSON,
)
def test_any_text_has_a_value_or_is_refused(text: str, value: Any) -> None:
    try:
        program = double_brace.compile({"template": text, "roots": ["body"]})
    except SourceError as error:
        assert "{{" in text and error.place == ".template"
        return
    found = program({"body": value})
    assert found == program({"body": value})
    json.dumps(found)
    if "{{" not in text:
        assert found == text
