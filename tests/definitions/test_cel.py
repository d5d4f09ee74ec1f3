"""cel: what expressions give, as the language's definition and its conformance tests have it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from definitions.errors import ExpressionError
from definitions.expressions import LANGUAGES, Meter, cel, evaluate
from definitions.expressions.meter import LIMIT
from definitions.expressions.source_error import SourceError
from definitions.model import Expression

SCOPE: dict[str, Any] = {
    "signal": {"payload": {"status": "ready", "amount": 120, "rate": 1.5, "tags": ["a", "b"], "no": None, "x-y": 1}},
    "items": [{"n": 1, "ok": True}, {"n": 2, "ok": False}, {"n": 3}],
    "empty": [],
    "int": "shadowed",
    "n": 5,
    "unicode": "héllo 🎈",
}

CASES: list[tuple[str, Any]] = [
    # literals
    ("42", 42),
    ("-0xFF", -255),
    ("42u", 42),
    ("1.5e3", 1500.0),
    (".5", 0.5),
    ("-9223372036854775808", -(2**63)),
    ("18446744073709551615u", 2**64 - 1),
    ("null", None),
    ("true", True),
    (r"'a\n\t\"\'\\\x41\u00e9\U0001F388\101'", "a\n\t\"'\\Aé🎈A"),
    (r"r'a\n'", "a\\n"),
    ('"""a "quoted"\ntext"""', 'a "quoted"\ntext'),
    ("'''it's'''", "it's"),
    ("''", ""),
    (r"b'\xff\101é'", "/0HDqQ=="),
    (r"br'\x'", "XHg="),
    ("[1, 2u, 3.0, 'a', null,]", [1, 2, 3.0, "a", None]),
    ("{'a': 1, 2: 'b', true: null}", {"a": 1, "2": "b", "true": None}),
    ("1 // a comment\n + 1", 2),
    # variables
    ("signal.payload.status", "ready"),
    (".signal.payload.status", "ready"),
    ("signal['payload']['amount']", 120),
    ("signal.payload.`x-y`", 1),
    ("items[1].n", 2),
    ("items[1.0].n", 2),
    ("signal.payload.no == null", True),
    # arithmetic
    ("7 / 2", 3),
    ("-7 / 2", -3),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("7.0 / 2.0", 3.5),
    ("1 - -1", 2),
    ("5-3", 2),
    ("--1", 1),
    ("1u + 2u", 3),
    ("2 + 3 * 4 - 1", 13),
    ("(2 + 3) * 4", 20),
    ("'a' + 'b'", "ab"),
    ("b'a' + b'b'", "YWI="),
    ("[1] + [2, 3]", [1, 2, 3]),
    ("signal.payload.amount * signal.payload.rate", 180.0),
    ("1.0 / 0.0 > 1e308", True),
    ("double('NaN') == double('NaN')", False),
    # equality and order
    ("1 == 1.0 && 1u == 1 && 1.0 == 1u", True),
    ("1 == '1'", False),
    ("true == 1", False),
    ("null == 0", False),
    ("[1, 2] == [1.0, 2u]", True),
    ("{'a': [1]} == {'a': [1.0]}", True),
    ("{'a': 1} == {'b': 1}", False),
    ("[1] != [1, 2]", True),
    ("1 < 1.5 && 2u > 1 && -1 < 0u", True),
    ("9007199254740993 > 9007199254740992.0", True),
    ("'a' < 'b' && b'a' <= b'a' && false < true", True),
    # logic
    ("false && 1 / 0 > 0", False),
    ("1 / 0 > 0 && false", False),
    ("true || 1 / 0 > 0", True),
    ("1 / 0 > 0 || true", True),
    ("'x' || true", True),
    ("signal.nothing.at.all == 1 || true", True),
    ("!true || !!true", True),
    ("true ? 1 : 1 / 0", 1),
    ("false ? 1 : true ? 2 : 3", 2),
    # in, size, has
    ("'a' in signal.payload.tags", True),
    ("1 in [3.0, 1.0]", True),
    ("true in [1]", False),
    ("'status' in signal.payload", True),
    ("1 in {true: 1}", False),
    ("{true: 1, 1: 2}[true]", 1),
    ("{1: 'a'}[1.0]", "a"),
    ("size(unicode)", 7),
    ("unicode.size() == size(b'\\x00\\x01') + 5", True),
    ("size(items) + size({'a': 1}) + empty.size()", 4),
    ("has(signal.payload.status) && !has(signal.payload.other)", True),
    ("has(signal.payload.no)", True),
    # macros
    ("items.all(i, i.n > 0)", True),
    ("items.all(i, i.n > 1)", False),
    ("empty.all(i, i.n)", True),
    ("empty.exists(i, i.n)", False),
    ("items.exists(i, i.ok)", True),
    ("items.all(i, i.ok)", False),
    ("items.exists(i, 1 / 0 > i.n || i.n == 3)", True),
    ("items.exists_one(i, i.n == 2)", True),
    ("items.existsOne(i, i.n > 1)", False),
    ("items.map(i, i.n * 2)", [2, 4, 6]),
    ("items.map(i, i.n > 1, i.n)", [2, 3]),
    ("items.filter(i, has(i.ok)).map(i, i.ok)", [True, False]),
    ("signal.payload.exists(key, key == 'rate')", True),
    ("{'b': 1, 'a': 2}.map(key, key)", ["b", "a"]),
    ("[1, 2].map(x, [10, 20].map(y, x * y))", [[10, 20], [20, 40]]),
    ("[1, 2].map(n, n) == [1, 2] && n == 5", True),
    ("[1].map(x, [2].map(x, x)[0] + x)", [3]),
    # text
    ("'abc'.contains('b') && 'abc'.startsWith('ab') && 'abc'.endsWith('bc')", True),
    ("'abc'.contains('')", True),
    ("'abc'.matches('^a.c$') && matches('xabcx', 'b')", True),
    (r"unicode.matches('\\p{L}+ .$')", True),
    ("'A'.matches('(?i)a')", True),
    # conversions
    ("int('-12') + int(3.9) + int(-3.9) + int(4u)", -8),
    ("uint(3) == 3u", True),
    ("double('1.5') + double(1)", 2.5),
    ("[string(1), string(true), string(2u), string(b'ab')]", ["1", "true", "2", "ab"]),
    ("[1.0, 1.5, 100000.0, 1e6, 1234567.5, 1e-7, 0.0001, -0.5, 0.0].map(x, string(x))",
     ["1", "1.5", "100000", "1e+06", "1.2345675e+06", "1e-07", "0.0001", "-0.5", "0"]),
    ("bool('true') && !bool('F')", True),
    ("bytes('é')", "w6k="),
    ("dyn(n)", 5),
    ("type(1) == int && type('') == string && type(1) != type(1.0)", True),
    ("type(null) == null_type && type(type(1)) == type && type([]) == list", True),
    # time
    ("timestamp('2020-01-01T00:00:00Z') + duration('1h30m')", "2020-01-01T01:30:00Z"),
    ("duration('1h') + timestamp('2020-01-01T00:00:00.5+01:00')", "2020-01-01T00:00:00.5Z"),
    ("timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z')", "86400s"),
    ("timestamp('2020-01-02T00:00:00Z') - duration('1ns')", "2020-01-01T23:59:59.999999999Z"),
    ("duration('-1.5s') - duration('500ms')", "-2s"),
    ("duration('-1m')", "-60s"),
    ("duration('0') < duration('1us')", True),
    ("timestamp('2020-01-01T00:00:00Z') < timestamp('2020-01-01T00:00:00+00:00')", False),
    ("int(timestamp('1970-01-01T00:01:00.9Z')) + int(timestamp(5))", 65),
    ("timestamp('2009-02-13T23:31:30Z').getFullYear()", 2009),
    ("timestamp('2009-02-13T23:31:30Z').getMonth()", 1),
    ("timestamp('2009-02-13T23:31:30Z').getDate() - timestamp('2009-02-13T23:31:30Z').getDayOfMonth()", 1),
    ("timestamp('2009-02-13T23:31:30Z').getDayOfWeek()", 5),
    ("timestamp('2009-02-13T23:31:30Z').getDayOfYear('+01:00')", 44),
    ("timestamp('2009-02-13T23:31:30.25Z').getHours('-02:30') * 1000 + "
     "timestamp('2009-02-13T23:31:30.25Z').getMilliseconds()", 21250),
    ("duration('3730s').getHours() + duration('3730s').getMinutes() + duration('3730s').getSeconds()", 3793),
    ("duration('1.5s').getMilliseconds()", 500),
    ("string(timestamp('2020-01-01T00:00:00Z')) + string(duration('1m1.5s'))", "2020-01-01T00:00:00Z61.5s"),
]  # fmt: skip


def run(expression: str, scope: dict[str, Any] | None = None, **source: Any) -> Any:
    return cel.compile({"expression": expression, **source})(SCOPE if scope is None else scope)


@pytest.mark.parametrize(("expression", "value"), CASES)
def test_values(expression: str, value: Any) -> None:
    scope = {key: item for key, item in SCOPE.items() if key != "int"}
    found = run(expression, scope)
    assert found == value
    assert type(found) is type(value)
    json.dumps(found, allow_nan=False)


FAILURES = [
    ("nothing", "no such variable: nothing"),
    ("signal.nothing", "no such key: nothing"),
    ("signal.nothing.more", "no such key: nothing"),
    ("signal['nothing']", "no such key: nothing"),
    ("n.field", "no such overload: field of int"),
    ("has(signal.nothing.more)", "no such key: nothing"),
    ("has(n.field)", "no such overload"),
    ("items[3]", "index out of bounds: 3"),
    ("items[-1]", "index out of bounds: -1"),
    ("items[0.5]", "no such overload"),
    ("'abc'[0]", "no such overload"),
    ("9223372036854775807 + 1", "overflows"),
    ("-9223372036854775807 - 2", "overflows"),
    ("-(-9223372036854775807 - 1)", "overflows"),
    ("(-9223372036854775807 - 1) / -1", "overflows"),
    ("9223372036854775807 * 2", "overflows"),
    ("0u - 1u", "overflows"),
    ("1 / 0", "division by zero"),
    ("1 % 0", "modulus by zero"),
    ("1u + 1", "no such overload: [+] of uint, int"),
    ("1.0 % 2.0", "no such overload"),
    ("'a' + 1", "no such overload: [+] of string, int"),
    ("'a' - 'b'", "no such overload"),
    ("'a' < 1", "no such overload: < of string, int"),
    ("null < null", "no such overload"),
    ("[1] < [2]", "no such overload"),
    ("!1", "no such overload: ! of int"),
    ("-'a'", "no such overload"),
    ("-1u", "no such overload"),
    ("1 ? 2 : 3", "no such overload"),
    ("true && 1", "no such overload"),
    ("false || 'x'", "no such overload"),
    ("1 / 0 > 0 || false", "division by zero"),
    ("items.all(i, i.n)", "no such overload"),
    ("items.all(i, i.ok || i.n == 2)", "no such key: ok"),
    ("items.exists_one(i, i.ok)", "no such key: ok"),
    ("n.map(i, i)", "no such overload"),
    ("items.filter(i, i.n)", "no such overload"),
    ("1 in 1", "no such overload"),
    ("{'a': 1, 'a': 2}", "twice"),
    ("{1: 1, 1u: 2}", "twice"),
    ("{1.0: 1}", "no such overload"),
    ("-duration('1m')", "no such overload"),
    ("(-9223372036854775807 - 1) % -1", "overflows"),
    ("int(-9223372036854775808.0)", "out of range"),
    ("uint(-0.5)", "out of range"),
    ("{null: 1}", "no such overload"),
    ("size(1)", "no such overload"),
    ("n.contains('a')", "no such overload"),
    ("'a'.contains(1)", "no such overload"),
    ("'a'.matches(signal.payload.status + '(')", "no regular expression"),
    ("int('1.5')", "no int"),
    ("int('9223372036854775808')", "out of range"),
    ("int(1e19)", "out of range"),
    ("int(double('nan'))", "no int"),
    ("uint(-1)", "no uint"),
    ("int(true)", "no such overload"),
    ("double('x')", "no double"),
    ("bool('maybe')", "no bool"),
    ("string([1])", "no such overload"),
    ("string(b'\\xff')", "UTF-8"),
    ("timestamp('now')", "no timestamp"),
    ("timestamp('2020-13-01T00:00:00Z')", "no timestamp"),
    ("timestamp('2020-01-01')", "no timestamp"),
    ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "out of range"),
    ("duration('1')", "no duration"),
    ("duration('1d')", "no duration"),
    ("duration('')", "no duration"),
    ("duration('9999999999h')", "out of range"),
    ("timestamp(0).getHours('Europe/Berlin')", "no time zone"),
    ("timestamp(0).getHours(1)", "no such overload"),
    ("duration('1s').getFullYear()", "no such overload"),
    ("type(1)", "cannot be JSON: int"),
    ("1.0 / 0.0", "cannot be JSON: inf"),
    ("double('nan')", "cannot be JSON: nan"),
]


@pytest.mark.parametrize(("expression", "message"), FAILURES)
def test_failures(expression: str, message: str) -> None:
    program = cel.compile({"expression": expression})
    with pytest.raises(ExpressionError, match=message):
        program(SCOPE)


REFUSED = [
    ("", "ends too early"),
    ("1 +", "ends too early"),
    ("1 + + 2", r"unexpected '\+' \(line 1, column 5\)"),
    ("a.b == 'x\n", r"not closed \(line 1, column 8\)"),
    ("a ==\n  && b", r"unexpected '&&' \(line 2, column 3\)"),
    ("a = 1", r"unexpected '=' \(line 1, column 3\)"),
    ("a matches 'b'", r"unexpected 'matches' \(line 1, column 3\)"),
    ("1abc", "unexpected"),
    ("Point{x: 1}", "unexpected"),
    ("9223372036854775808", r"too large \(line 1, column 1\)"),
    ("-9223372036854775809", "too large"),
    ("18446744073709551616u", "too large"),
    ("1e999", "too large"),
    ("rb'a'", "unexpected"),
    (r"'\q'", "escape"),
    (r"'\ud800'", "escape"),
    (r"b'\u0041'", "Unicode"),
    ("if", "cannot be the name"),
    ("1 + foo(2)", r"no function 'foo' \(line 1, column 5\)"),
    ("a.\n  foo()", r"no function 'foo' \(line 2, column 3\)"),
    ("now()", "no function 'now'"),
    ("size()", "not called by itself with 0 arguments"),
    ("contains('a', 'b')", "not called by itself with 2 arguments"),
    ("'a'.int()", "not called on a value with 0 arguments"),
    ("has(a)", "needs a field"),
    ("has(a['b'])", "needs a field"),
    ("a.all(1, true)", "name of a variable"),
    ("a.all(b.c, true)", "name of a variable"),
    ("a.all(x)", "macro 'all' is not called so"),
    ("a.matches('(')", r"no regular expression of RE2: missing \).*\(line 1, column 11\)"),
    ("a.matches('(?=x)')", "no regular expression"),
    ("a.matches(r'(a)\\1')", "no regular expression"),
    ("||".join(f"a.matches(r'\\pL{{{size}}}')" for size in range(2, 20)), "too large together"),
    ("a.matches(r'\\pL{500}')", "pattern too large"),
    ("!" * 200 + "a", "nested more than 100 deep"),
    ("1" + "+1" * 200, "nested more than 100 deep"),
    ("a" * 20_001, "more than 20000 characters"),
]


@pytest.mark.parametrize(("expression", "message"), REFUSED)
def test_refused_when_compiled(expression: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        cel.compile({"expression": expression})
    assert caught.value.place == ".expression"


@pytest.mark.parametrize(
    "source",
    ["1", None, {}, {"expression": 1}, {"expression": "1", "x": 1}, {"expression": "1", "bind": []},
     {"expression": "1", "declare": "a"}, {"expression": "1", "declare": [1]},
     {"expression": "1", "bind": {"a": "${"}}],
)  # fmt: skip
def test_a_bad_source(source: Any) -> None:
    with pytest.raises(ValueError):
        cel.compile(source)


def test_bound_names() -> None:
    bind = {"who": {"name": "${signal.payload.status}"}, "raw": "${signal.payload.amount}", "lost": "${no.where}"}
    assert run("who.name + '!'", bind=bind) == "ready!"
    assert run("raw + 1", bind=bind) == 121
    with pytest.raises(ExpressionError, match=r"'lost' has no value: nothing is found at 'no\.where'"):
        run("lost == 1", bind=bind)
    assert run("lost == 1 || raw == 120", bind=bind) is True
    with pytest.raises(SourceError, match=r"no variable 'signal'; known are lost, raw, who \(line 1, column 8\)"):
        run("raw == signal.payload.amount", bind=bind)


def test_declared_names() -> None:
    assert run("signal.payload.amount", declare=["signal", "processor"]) == 120
    with pytest.raises(ExpressionError, match="'processor' has no value here"):
        run("processor.output", declare=["signal", "processor"])
    with pytest.raises(SourceError, match=r"no variable 'sginal'.*column 6"):
        run("1 == sginal.x", declare=["signal"])
    with pytest.raises(ExpressionError, match="'n' has no value here"):
        run("n", bind={"a": 1}, declare=["n"])
    assert run("[1].all(x, x == 1)", declare=[]) is True
    assert run("type(1) == int", declare=["a"]) is True
    assert run("int", declare=["int"]) == "shadowed"


@pytest.mark.parametrize(
    ("expression", "kind"),
    [("a == 1", "bool"), ("a && b", "bool"), ("!a", "bool"), ("has(a.b)", "bool"), ("a.exists(x, x)", "bool"),
     ("1 + a", None), ("a", None), ("a.b", None), ("'x'", "string"), ("b'x'", "bytes"), ("r'b'", "string"),
     ("string(a)", "string"), ("size(a)", "int"), ("[a]", "list"), ("a ? 'x' : 'y'", "string"),
     ("a ? 'x' : 1", None), ("(1)", "int"), ("null", "null_type"), ("a.map(x, x)", "list"), ("(a in b)", "bool")],
)  # fmt: skip
def test_the_certain_type(expression: str, kind: str | None) -> None:
    assert cel.certain_type(expression) == kind


BIG = {"l": list(range(5000)), "s": "a" * 200_000, "deep": [[["x" * 50] * 20] * 20] * 20}
EXPENSIVE = [
    "l.all(a, l.all(b, l.all(c, a + b + c >= 0)))",
    "l.map(a, l)",
    "l.map(a, l.map(b, s + s))",
    "[s].map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a).map(a, a+a)",
    "l.map(a, l + l).map(a, a + a)",
    "l.all(a, deep == deep)",
    "l.all(a, !(deep in [deep, deep]) || true)",
    "l.all(a, s.matches('(a?){500}b|(a*)*c') || true)",
    "l.all(a, s.contains('b' + s) || true)",
    "l.all(a, s != s + 'x')",
    "l.map(a, string(bytes(s)))",
    "l.map(a, deep)",
    "l.all(a, l.exists(b, b == -1) || true)",
    "l.map(a, {'k': s}).all(m, m == {'k': s})",
    "l.all(a, 'x'.matches('a{' + string(a % 900) + '}') || true)",
    "l.all(a, 'x'.matches('(pL){' + string(a % 90) + '}') || true)".replace("pL", r"\\pL"),
    "l.all(a, 'x'.matches('(pL){' + string(a) + '}') || true)".replace("pL", r"\\pL"),
    "l.all(a, 'x'.matches('((a{30}){30}){' + string(a % 900) + '}') || true)",
]


@pytest.mark.parametrize("expression", EXPENSIVE)
def test_work_is_bounded(expression: str) -> None:
    program = cel.compile({"expression": expression})
    start = time.perf_counter()
    with pytest.raises(ExpressionError, match="more work"):
        program(BIG)
    assert time.perf_counter() - start < 2, "as long as a workflow task may take"


def test_a_passed_limit_is_not_absorbed() -> None:
    with pytest.raises(ExpressionError, match="more work"):
        evaluate(Expression(language="cel", source={"expression": "l.all(a, l.all(b, true)) || true"}), BIG)


@pytest.mark.parametrize(
    "text",
    [
        "'" + r"\n" * 5000,
        "||".join(f"a.matches(r'(pL){{{n}}}')" for n in range(900)).replace("pL", r"\pL"),
        '"""' + r"\x41" * 4000,
        "'''" + "''a" * 5000,
        "(" * 15_000,
    ],
)
def test_a_bad_text_is_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(SourceError):
        cel.compile({"expression": text})
    assert time.perf_counter() - start < 2


def test_work_is_counted_by_the_meter_in_force() -> None:
    meter = Meter()
    expression = Expression(language="cel", source={"expression": "items.map(i, i.n)"})
    assert evaluate(expression, SCOPE, meter) == [1, 2, 3]
    assert 10 <= meter.spent <= 40
    assert meter.left == LIMIT - meter.spent


def test_the_parser_is_loaded_by_its_first_use_only() -> None:
    code = "import sys, definitions.expressions; sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "cel" in LANGUAGES


_SIGNS = ("+", "-", "*", "/", "%", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||")
_MACROS = ("all", "exists", "exists_one", "map", "filter")
_CALLS = ("int", "uint", "double", "string", "bytes", "size", "type", "!", "-")
_MARKS = (".", ",", "(", ")", "[", "]", "{", "}", ":", "?", "!")
_LITERALS = ("1", "2u", "1.5", "0", "'x'", "b'y'", "null", "true", "-1", "'1h'", "9223372036854775807")
_NAMES = ("a", "l", "x", "has", "matches", "timestamp", "duration", "getHours")
_WORDS = st.sampled_from((*_SIGNS, *_MACROS, *_CALLS, *_MARKS, *_LITERALS, *_NAMES))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
_OPERANDS = ["a", "b", "1", "2u", "1.5", "'x'", "b'y'", "null", "true", "[a, b]", "{'a': b}", "duration('1s')", "int"]
_EXPRESSIONS = st.recursive(
    st.sampled_from([*_OPERANDS, "timestamp(1)", "timestamp('2020-01-01T00:00:00Z')"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(_SIGNS), inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("({}).{}(x, {})".format, inner, st.sampled_from(_MACROS), inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("has(({}).a)".format, inner),
        st.builds("{}({})".format, st.sampled_from(_CALLS), inner),
    ),
    max_leaves=8,
)


@settings(deadline=2000)
@given(st.lists(_WORDS, max_size=12).map(" ".join))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        program = cel.compile({"expression": text})
    except SourceError:
        return
    assert _outcome(program, {}) == _outcome(program, {})


@settings(deadline=2000)
@given(_EXPRESSIONS, _JSON, _JSON)
def test_any_expression_has_a_value_or_an_expression_error(text: str, a: Any, b: Any) -> None:
    program = cel.compile({"expression": text})
    first = _outcome(program, {"a": a, "b": b})
    assert first == _outcome(program, {"a": a, "b": b}), "the same for the same data"
    if first[0] == "value":
        json.loads(first[1])


def _outcome(program: Any, scope: dict[str, Any]) -> tuple[str, str]:
    try:
        return "value", json.dumps(program(scope), allow_nan=False)
    except ExpressionError as error:
        return "error", error.message
