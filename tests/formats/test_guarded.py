"""Text in CSV stays text: no program runs it, no reader takes it for something else, and it comes back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.formats.guarded import guarded, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ("＝1+1", "'＝1+1"),
        ("＋1", "'＋1"),
        ("－1", "'－1"),
        ("＠x", "'＠x"),
        ("a;=1+1", "a;'=1+1"),  # a cell of its own where ; separates
        ("a;＝1;-2;b", "a;'＝1;'-2;b"),
        ('a;"=1"', 'a;"\'=1"'),
        ("a\n=1", "a\n'=1"),  # a line of its own where quotes are not known
        ("a\t@x", "a\t'@x"),
        ("\t=x", "'\t'=x"),
    ],
)
def test_a_formula_is_not_run_wherever_a_dialect_would_begin_a_cell(text: str, shown: str) -> None:
    assert guarded(text) == shown
    assert plain(shown) == text


WORDS = ("t", "F", "true", "NO", "Yes", "NA", "n/a", "NaN", "null", "None", "inf")
NUMBERS = ("1", "1.5", "2,5", ".5", "1e5", "0x1f", "0101")
DAYS = ("2026-01-02", "2026-1", "2026/01/02", "2026-01-02T10:30:00Z", "1/2", "3-4-2026", "mar-25", "1 Sept", "May 2026")
OURS = ("", "tonne", "USD/t", "2010=100", "price.copper", "2026-06-01-2af0847eb7", "M", "Y", "none", "CHN>WLD")
PROSE = ("a; -35 % of 2010", "a=1", "9903.91.06", "3 months", "0 -> 25%", "10-15 -> 15-25", "may", "it's")


@pytest.mark.parametrize("text", [*WORDS, *NUMBERS, *DAYS, "10:30"])
def test_a_text_that_a_reader_would_take_for_something_else_gets_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert plain(f"'{text}") == text


@pytest.mark.parametrize("text", [*OURS, *PROSE])
def test_other_text_is_as_it_was(text: str) -> None:
    assert guarded(text) == text == plain(text)


@given(st.text(alphabet="a;=+-@＝\t\n\"t1 '"))
def test_what_was_guarded_begins_no_formula_in_any_dialect_and_comes_back(text: str) -> None:
    shown = guarded(text)
    for cell in shown.replace("\n", ";").replace("\t", ";").split(";")[1:]:
        assert not cell.lstrip('"').startswith(tuple("=+-@＝"))
    if "'" not in text:
        assert plain(shown) == text
