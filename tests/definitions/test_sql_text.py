"""SQL as far as it is looked at: what is quoted, where statements end, and what the parameters are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from definitions import sql_text


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("SELECT 'it''s' || \"a\"\"b\", `c`", ["'it''s'", '"a""b"', "`c`"]),
        ("SELECT $$a;'b$$, $x$ $y$ $x$", ["$$a;'b$$", "$x$ $y$ $x$"]),
        ("SELECT '--', 1 -- 'no'\n, '/*'", ["'--'", "'/*'"]),
        ("SELECT {{$action['a'].b}}, 'c'", ["'c'"]),
        ("SELECT ''", ["''"]),
    ],
)
def test_what_is_quoted(text: str, quoted: list[str]) -> None:
    assert [piece for kind, piece in sql_text.pieces(text) if kind == "quoted"] == quoted


@pytest.mark.parametrize("text", ["SELECT 'a", 'SELECT "a', "SELECT 1 /* a", "SELECT $$a", "SELECT `a", "'a''", "''' "])
def test_what_nothing_closes(text: str) -> None:
    with pytest.raises(ValueError, match="nothing closes"):
        list(sql_text.pieces(text))


@pytest.mark.parametrize(
    "text", ["SELECT 1", "SELECT 1;", " SELECT ';' ; -- the end; \n ", "SELECT 1;;", "/* a; */ SELECT 1"]
)
def test_one_statement(text: str) -> None:
    sql_text.refuse_several(text)


@pytest.mark.parametrize(
    "text", ["", ";", " -- a", "SELECT 1; SELECT 2", "SELECT 1; 'a'", "SELECT 1;;x", "SELECT 'a';/**/x"]
)
def test_not_one_statement(text: str) -> None:
    with pytest.raises(ValueError, match="one statement"):
        sql_text.refuse_several(text)


def test_parameters() -> None:
    text = "SELECT :a, :b_2, :a, ':c', \"x:d\", x::int, '12:30', 5:e, :f::text -- :g"
    assert sql_text.parameters(text) == ["a", "b_2"]
    assert sql_text.parameters("SELECT :f ::text") == ["f"]


@pytest.mark.parametrize(
    "text",
    [
        r"SELECT 'it\'s', :a, 'it\'s'",
        r"SELECT E'a\\', :a, '\''",
        "SELECT 1 # it's\n, :a # that's it",
        "SELECT $$ ' $$, :a, $$ ' $$",
    ],
)
def test_what_mysql_reads_otherwise(text: str) -> None:
    """There these are one text, or a comment, up to behind the parameter: its value would stand inside of it."""
    with pytest.raises(ValueError, match="MySQL"):
        sql_text.refuse_mysql(text)


@pytest.mark.parametrize("text", [r"SELECT 'a\nb', 'it''s', :a", "SELECT '#', `a#b`, '$$' -- # it's", "SELECT 1"])
def test_what_mysql_reads_alike(text: str) -> None:
    sql_text.refuse_mysql(text)


@given(st.text("'\"`$-/*;:{}a \n", max_size=40))
def test_pieces_are_the_text(text: str) -> None:
    try:
        assert "".join(piece for _, piece in sql_text.pieces(text)) == text
    except ValueError as error:
        assert "nothing closes" in str(error)
