"""go-template: types, options, references, what the workflow supplies, and what bounds it."""

from __future__ import annotations

import copy
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import Meter, evaluate, go_template, program
from definitions.expressions.go_template.run import TEXT_LIMIT
from definitions.expressions.go_template.table import FUNCTIONS, UNSUPPORTED
from definitions.expressions.source_error import SourceError
from definitions.model import Expression

DATA: dict[str, Any] = {
    "a": {"b": {"c": 1}, "x-y": [1, {"z": None}], "u_v": "under"},
    "n": 3,
    "f": 3.0,
    "s": "text",
    "yes": True,
    "nil": None,
    "list": [1, "two", None],
    "big": 1_000_000.0,
    "json": '{"k": [1, 2]}',
}


def render(template: Any, scope: dict[str, Any] | None = None, **options: Any) -> Any:
    expression = Expression(language="go-template", source={"template": template, **options})
    return evaluate(expression, DATA if scope is None else scope)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("no action", "no action"),
        ("{ not }", "{ not }"),
        ('["kept"]', '["kept"]'),
        ("{{ .a.b }}", {"c": 1}),
        ("{{.n}}", 3),
        ("{{- .yes -}}", True),
        ("{{ .nil }}", None),
        ("{{ (.a.b) }}", {"c": 1}),
        ("{{ ((.a).b).c }}", 1),
        ("  {{ .list }}\n", [1, "two", None]),
        ("{{ $.f }}", 3.0),
        ("{{ .a.x-y }}", [1, {"z": None}]),
        ("{{/* why */}}{{ .n }}", 3),
        ("{{ $x := .n }}{{ $x }}", "3"),
        ("{{ .n }}{{ .n }}", "33"),
        ("n={{ .n }}", "n=3"),
        ("{{ .nil | default 3 }}", "3"),
        ("{{ .n | add 1 }}", "4"),
        ("{{ .yes | not }}", "false"),
        ("{{ index .list 0 }}", "1"),
        ("{{ toJson .a.b }}", {"c": 1}),
        ("{{ .json }}", '{"k": [1, 2]}'),
        ("{{ .json | trim }}", {"k": [1, 2]}),
        ("[{{ .n }}, {{ .n }}]", [3, 3]),
        ("[{{ .s }}]", "[text]"),
        ("{{ list 1 2 }}", "[1 2]"),
        ("[NaN{{ .s }}]", "[NaNtext]"),
        (5, 5),
        (None, None),
        ([{"{{ .n }}": "{{ .n }}", "k": [True, "{{ .s }}!"]}], [{"{{ .n }}": 3, "k": [True, "text!"]}]),
    ],
)
def test_only_references_keep_their_type(template: Any, expected: Any) -> None:
    value = render(template)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("|{{ eq .n 3.0 }} {{ eq .f 3 }} {{ lt .n 3.5 }} {{ ne .n 2.5 }}", "|true true true true"),
        ('|{{ printf "%d %.2f" .f .n }}', "|3 3.00"),
        ("|{{ until .f }}", "|[0 1 2]"),
        ("|{{ .big }} {{ floor 1234567.8 }}", "|1000000 1234567"),
        ("|{{ has 3.0 (list 1 2 3) }}", "|true"),
        ("|{{ .list }}", "|[1 two <nil>]"),
        ("|{{ keys (dict `b` 1 `a` 2) }}", "|[a b]"),
        ("|{{ duration 95 }}", "|1m35s"),
        ('|{{ date "2006-01-02" "2021-02-03T04:05:06+07:00" }}', "|2021-02-02"),
        ("|{{ sub 3 -1 }} {{ -3 }}", "|4 -3"),
        ("|{{ range $k, $v := .a.x-y }}{{ $k }}{{ end }}", "|01"),
        ("|{{ (index .a.x-y 0) }}", "|1"),
        ("|{{ with .a }}{{ index .x-y 0 }}{{ end }}", "|1"),
    ],
)
def test_where_json_asks_for_other_than_go_does(template: str, expected: str) -> None:
    assert render(template) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("x{{ .nil }}", "null, which has no text"),
        ("{{ html .nil }}", "null"),
        ("{{ mul 9223372036854775807 2 }}", "64 bits"),
        ("{{ add 9223372036854775807 1 }}", "64 bits"),
        ('{{ date "2006" .s }}', "cannot parse"),
        ('{{ b64dec "???" }}', "b64dec"),
        ('{{ dateInZone "2006" 0 "No/Where" }}', "time zone"),
        ('{{ regexMatch "(" "a" }}', "regular expression"),
        ("{{ .a.x-z }}", 'no entry for key "x-z"'),
        ("{{ now }}", "no clock here"),
        ("{{ ago 5 }}", "no clock here"),
        ("{{ uuidv4 }}", "no randomness here"),
        ("{{ randInt 0 5 }}", "no randomness here"),
    ],
)
def test_errors_where_go_gives_a_value(template: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template)
    assert message in caught.value.message


def test_a_missing_key_is_named_with_its_path_and_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        render({"deep": ["ok", "line\n {{ .a.b.q }}"]})
    assert caught.value.path == "$.a.b.q"
    assert caught.value.message == '.template.deep[1]: line 2, column 5: map has no entry for key "q" (in .a.b.q)'


def test_aliases() -> None:
    assert render("{{ .a.x_y }}", aliases=True) == DATA["a"]["x-y"]
    assert render("{{ .a.u-v }}", aliases=True) == "under"
    assert render('|{{ index .a "u-v" }}', aliases=True) == "|under"
    assert render("{{ .k-k }}", {"k-k": 1, "k_k": 2}, aliases=True) == 1
    with pytest.raises(ExpressionError, match="could be"):
        render("{{ .k-k_k }}", {"k-k-k": 1, "k_k_k": 2}, aliases=True)
    with pytest.raises(ExpressionError, match="no entry"):
        render("{{ .a.x_y }}")


def test_root() -> None:
    assert render("{{ .b.c }}", root="a") == 1
    assert render("{{ . }}", {"v": 1, "$now": "x"}) == {"v": 1}
    with pytest.raises(ExpressionError):
        render("{{ .b }}", root="nowhere")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ .a }}", "key `template`"),
        ({}, "key `template`"),
        ({"template": 1, "more": 2}, "`more`|'more'"),
        ({"template": 1, "aliases": 1}, "true or false"),
        ({"template": 1, "root": 1}, "a text"),
    ],
)
def test_sources_of_another_form(source: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        go_template.compile(source)


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_unsupported_is_told_from_unknown(name: str) -> None:
    with pytest.raises(SourceError) as caught:
        go_template.compile({"template": {"k": f"a\n{{{{ {name} }}}}"}})
    assert caught.value.unsupported
    assert caught.value.place == ".template.k"
    assert caught.value.message == f'line 2, column 4: the function "{name}" is not supported'


def test_unknown_functions_are_invalid() -> None:
    with pytest.raises(SourceError) as caught:
        go_template.compile({"template": "{{ frobnicate 1 }}"})
    assert (caught.value.code, caught.value.unsupported) == ("template-function-unknown", False)


def test_the_clock_is_what_the_scope_has() -> None:
    scope = {"$now": "2024-02-29T12:00:00Z"}
    assert render('|{{ now | date "2006-01-02" }}', scope) == "|2024-02-29"
    assert render('|{{ now.Format "15:04" }} {{ now.Year }}', scope) == "|12:00 2024"
    assert render('|{{ ago (toDate "2006-01-02" "2024-02-29") }}', scope) == "|12h0m0s"
    assert render('|{{ now | dateModify "24h" | unixEpoch }}', scope) == "|1709294400"


def test_chance_follows_the_seed_and_the_place() -> None:
    template = {"one": "|{{ uuidv4 }} {{ uuidv4 }}", "two": "|{{ uuidv4 }} {{ randAlphaNum 8 }} {{ shuffle `abc` }}"}
    first, again = render(template, {"$seed": "run-1"}), render(template, {"$seed": "run-1"})
    assert first == again
    assert first != render(template, {"$seed": "run-2"})
    ids = [*first["one"][1:].split(), first["two"][1:].split()[0]]
    assert len(set(ids)) == 3
    assert all(len(text) == 36 and text[14] == "4" for text in ids)
    numbers = {render("|{{ randInt 2 5 }}", {"$seed": str(seed)}) for seed in range(50)}
    assert numbers == {"|2", "|3", "|4"}


def test_the_data_of_the_run_is_never_changed() -> None:
    scope = copy.deepcopy(DATA)
    assert render('|{{ $_ := set .a.b "new" 1 }}{{ .a.b }}{{ $_ := unset $.a "u_v" }}', scope) == "|map[c:1 new:1]"
    assert render('|{{ range .list }}{{ end }}{{ merge . (dict "q" 1) | len }}', scope) == "|10"
    assert render('|{{ with .a }}{{ mergeOverwrite .b (dict "c" 2) }}{{ end }}', scope) == "|map[c:2]"
    assert scope == DATA


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", []),
        ("{{ .a.b-c.d }} {{ $.e }} {{ .a.b-c.d }}", [("a", "b-c", "d"), ("e",)]),
        ("{{ if .a }}{{ .b }}{{ else }}{{ .c | default .d }}{{ end }}", [("a",), ("b",), ("c",), ("d",)]),
        ("{{ with .a }}{{ .b }}{{ $.c }}{{ else }}{{ .d }}{{ end }}", [("a",), ("a", "b"), ("c",), ("d",)]),
        ("{{ range .a }}{{ .b }}{{ $.c }}{{ end }}", [("a",), ("c",)]),
        ('{{ index .a "b" "c" }} {{ (index .d "e").f }}', [("a", "b", "c"), ("d", "e", "f")]),
        ("{{ index .a .b }}", [("a",), ("b",)]),
        ("{{ $x := .a }}{{ $x.b }}", [("a",)]),
        ("{{ toJson . }}", [()]),
        ('{{ define "t" }}{{ .x }}{{ $.y }}{{ end }}{{ template "t" .a }}', [("a",), ("a", "x"), ("a", "y")]),
        ('{{ define "t" }}{{ .x }}{{ template "t" .n }}{{ end }}{{ .a }}', [("a",)]),
    ],
)
def test_references(template: str, expected: list[tuple[str, ...]]) -> None:
    assert go_template.references(template) == expected


def test_has_action() -> None:
    assert go_template.has_action("a {{ .b }}")
    assert not go_template.has_action("a } b {")


HOSTILE = [
    "{{ range until 1000000000 }}x{{ end }}",
    "{{ range 1000000000 }}{{ end }}",
    '{{ repeat 1000000000 "a" }}',
    '{{ repeat 1000000 "a" | repeat 1000 }}',
    '{{ indent 1000000000 "a" }}',
    '{{ indent 100000 (repeat 100000 "\\n") }}',
    '{{ replace "" (repeat 100000 "b") (repeat 100000 "a") }}',
    '{{ printf "%1000000000d" 1 }}',
    '{{ printf "%999999d%999999d%999999d" 1 2 3 }}',
    '{{ printf "%.1000000f" 1.5 }}',
    '{{ printf "%*d" 900000000 1 | len }}{{ fail "end" }}',
    '{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    '{{ define "t" }}{{ template "t" . }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
    "{{ seq 1000000000 }}",
    "{{ untilStep 0 1000000000 1 }}",
    "{{ range $i, $_ := until 5000 }}{{ range until 5000 }}{{ end }}{{ end }}",
    '{{ $d := dict "a" 1 }}{{ $_ := set $d "self" $d }}{{ $d }}',
    '{{ $d := dict "a" 1 }}{{ $_ := set $d "self" $d }}{{ toJson $d }}',
    '{{ $d := dict "a" 1 }}{{ $_ := set $d "self" $d }}{{ deepEqual $d (deepCopy $d) }}',
    '{{ $d := dict }}{{ range until 30 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ $d }}',
    "{{ $d := list }}{{ range until 30 }}{{ $d = concat $d $d (list 1) }}{{ end }}",
    '{{ $s := "a" }}{{ range until 60 }}{{ $s = cat $s $s }}{{ end }}',
    '{{ $s := "a" }}{{ range until 60 }}{{ $s = print $s $s }}{{ end }}',
    '{{ regexReplaceAll "" (repeat 20000 "a") (repeat 20000 "b") }}',
    '{{ regexMatch "(x+x+)+y" (repeat 1000000 "x") }}',
    '{{ regexMatch "((a{100}){100}){100}" "a" }}',
    '{{ regexFindAll "" (repeat 1000000 "x") -1 }}',
    '{{ range until 1000 }}{{ regexMatch (printf "(a{%d}){100}" .) "x" }}{{ end }}',
    '{{ wrapWith 1 (repeat 1000 "\\n") (repeat 100000 "a") }}',
    "{{ uniq (until 50000) }}",
    '{{ join (repeat 1000 "a") (until 50000) }}',
    "{{ toJson (until 90000) | quote | quote | quote | quote | quote | quote | quote | quote | quote | quote }}",
    "{{ randAlpha 1000000000 }}",
    '{{ divf 1 (printf "1e%d" 400) }}',
    "{{ round 1.5 1000000000 }}",
    '{{ fromJson (print (repeat 100000 "[") (repeat 100000 "]")) }}',
]


@pytest.mark.parametrize("template", HOSTILE)
def test_hostile_templates_fail_soon(template: str) -> None:
    started = time.monotonic()
    with pytest.raises(ExpressionError):
        go_template.compile({"template": "|" + template})(DATA)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "template",
    [
        "{{ .a }}" * 125_000,
        "{{" * 30_000,
        "{{ " + "(" * 40_000 + ".a" + ")" * 40_000 + " }}",
        "{{ if .a }}" * 8_000 + "{{ end }}" * 1,
        "{{ if .a }}" * 4_000 + "{{ end }}" * 4_000,
        "{{ if .a }}" + "{{ else if .a }}" * 5_000 + "{{ end }}",
        '{{ "' + "\\" * 50_001 + '" }}',
        "{{ " + " " * 90_000 + "-",
        "{{ 0x" + "f" * 90_000 + " }}",
        "{{ " + "9" * 90_000 + " }}",
        "{{/*" + "*" * 90_000,
        '{{ block "a" . }}' * 5_000,
    ],
)
def test_hostile_sources_are_refused_soon(template: str) -> None:
    started = time.monotonic()
    with pytest.raises(SourceError):
        go_template.compile({"template": template})
    assert time.monotonic() - started < 2


def test_a_deep_source_is_refused() -> None:
    source: Any = "{{ .a }}"
    for _ in range(500):
        source = [source]
    with pytest.raises(SourceError, match="nested"):
        go_template.compile({"template": source})


def test_long_pipelines_and_lists_of_arguments_work() -> None:
    assert render("|{{ 1" + " | add 1" * 2_000 + " }}") == "|2001"
    assert render("|{{ add" + " 1" * 5_000 + " }}") == "|5000"


def test_templates_run_to_a_fixed_depth_whatever_the_stack_is() -> None:
    define = '|{{ define "t" }}{{ if gt . 0 }}{{ template "t" (sub . 1) }}{{ end }}{{ end }}'
    assert render(define + '{{ template "t" 50 }}') == "|"
    endless = '|{{ define "t" }}{{ template "t" . }}{{ end }}{{ template "t" 1 }}'
    for template in (define + '{{ template "t" 5000 }}', endless):
        with pytest.raises(ExpressionError, match="exceeded maximum template depth"):
            render(template)


def test_work_is_counted() -> None:
    meter = Meter()
    expression = Expression(language="go-template", source={"template": "{{ range until 100 }}{{ . }}{{ end }}"})
    evaluate(expression, {}, meter)
    assert 200 < meter.spent < 2000
    with pytest.raises(ExpressionError, match="more work"):
        evaluate(expression, {}, Meter(50))


def test_a_simple_chain_is_quick() -> None:
    run = program(Expression(language="go-template", source={"template": "{{ .a.b.c }}"}))
    best = min(_seconds(run) for _ in range(5))
    assert best < 200e-6  # some 5 microseconds on a free machine


def _seconds(run: Any) -> float:
    started = time.perf_counter()
    for _ in range(200):
        run(DATA)
    return (time.perf_counter() - started) / 200


OPERANDS = '.a .n .s .list .nil .yes .f .a.x-y $ 1 -2 2.5 "a" nil ( ) | true $x := = , `2006` "%v%d%s" 100000000'
WORDS = st.sampled_from([*sorted(FUNCTIONS), *OPERANDS.split(), '"a*"', '","'])
BLOCKS = '{{ if .yes }}_{{ else }}_{{ end }}_{{ range .list }}_{{ with .a }}_{{ define "t" }}_text _{{- _ -}}_}}_{{'
BLOCKS += '_{{ template "t" . }}_{{ break }}_{{/* c */}}_{{ $x := .n }}'
KEYWORDS = st.sampled_from(BLOCKS.split("_"))
ACTIONS = st.lists(WORDS, min_size=1, max_size=6).map(lambda words: "{{ " + " ".join(words) + " }}")
TEMPLATES = st.lists(st.one_of(ACTIONS, ACTIONS, KEYWORDS, st.text(max_size=5)), max_size=6).map("".join)


@settings(max_examples=400, deadline=None)
@given(TEMPLATES)
def test_nothing_but_its_own_errors_is_raised_and_nothing_is_changed(template: str) -> None:
    scope = {**copy.deepcopy(DATA), "$now": "2024-02-29T12:00:00Z", "$seed": "s"}
    before = json.dumps(scope)
    outcomes = []
    for _ in range(2):
        try:
            value = go_template.compile({"template": template})(scope)
            json.dumps(value)
            assert not isinstance(value, str) or len(value) <= TEXT_LIMIT
            outcomes.append(("value", json.dumps(value)))
        except (ExpressionError, ValueError) as error:
            outcomes.append((type(error).__name__, str(error)))
    assert outcomes[0] == outcomes[1]
    assert json.dumps(scope) == before


CALLS = st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(st.integers(0, 4), max_size=4))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(CALLS, st.lists(JSON, min_size=5, max_size=5))
def test_functions_take_any_data(call: tuple[str, list[int]], values: list[Any]) -> None:
    name, arguments = call
    template = "|{{ " + " ".join([name, *(f".v{index}" for index in arguments)]) + " }}"
    scope = {**{f"v{index}": value for index, value in enumerate(values)}, "$now": "2024-02-29T12:00:00Z", "$seed": "s"}
    try:
        text = go_template.compile({"template": template})(scope)
    except (ExpressionError, SourceError):
        return
    assert isinstance(text, str)
    assert "<no value>" not in text or "<no value>" in str(values)


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_actions_stays(text: str) -> None:
    assert go_template.compile({"template": text})({}) == text
    framed = text.strip("{}[] \t\r\n")
    assert go_template.compile({"template": "<" + framed + ">{{ .v }}"})({"v": "x"}) == f"<{framed}>x"


@given(JSON)
def test_a_reference_gives_the_value_itself(value: Any) -> None:
    assert go_template.compile({"template": ["{{ .v.w }}"]})({"v": {"w": value}})[0] is value
