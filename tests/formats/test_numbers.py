"""Numbers have one reading or none, whatever signs and marks they are written with."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.formats.numbers import NumberReader, decimal_sign, is_missing, settled, without_marks


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.5", 1234.5),
        ("+.5", 0.5),
        ("5.", 5),
        ("1e5", 1e5),
        ("1.234.567,8", 1234567.8),
        ("1,234.5", 1234.5),
        ("1,234,567", 1234567),
        ("1.234.567", 1234567),
        ("12,5", 12.5),
        ("0,123", 0.123),
        ("1234,567", 1234.567),
        ("1.234", 1.234),
        ("1 234 567,8", 1234567.8),
        ("1\u202f234\u00a0567", 1234567),
        ("1'234.5", 1234.5),
        ("−5", -5),
        ("567 r", 567),
        ("567r", 567),
        ("1234 (e)", 1234),
        ("ᵉ1234", 1234),
        ("(p) 1234", 1234),
        ("1234¹ ²", 1234),
        ("12.5*", 12.5),
        ("\u200f7\u200e", 7),
    ],
)
def test_a_number_that_is_certain_by_itself(text: str, value: float) -> None:
    assert NumberReader().number(text) == value


@pytest.mark.parametrize("text", ["1,234", "-1,234 p", "123,456", "9,999(e)"])
def test_one_comma_before_three_digits_is_in_doubt_until_the_sign_is_known(text: str) -> None:
    assert decimal_sign(text) == ""
    with pytest.raises(ValueError, match="--decimal"):
        NumberReader().number(text)
    point, comma = NumberReader(".").number(text), NumberReader(",").number(text)
    assert point == pytest.approx(1000 * comma)


def test_one_point_is_in_doubt_where_semicolons_separate() -> None:
    reader = NumberReader(pointed=False)
    assert (reader.number("1.25"), reader.number("12")) == (1.25, 12)
    with pytest.raises(ValueError, match="--decimal"):
        reader.number("1.234")


@pytest.mark.parametrize(
    "text",
    [
        *("12,34,567", "1.234,5,6", "1,234.5.6", "1,2345.6", "1 23", "12 k", "3 m", "5 b", "5 t", "$5", "5 %", "(5)"),
        *("１２", "0x1f", "1_000", "inf", "-inf", "1e999", "e", "1e", "--5", "12 13", "2,", "", "1;2"),
    ],
)
def test_what_is_no_number_is_refused_with_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="a number"):
        NumberReader().number(text)


@pytest.mark.parametrize("text", ["", "..", "…", "-", "–", "NA", "n.a.", "#N/A", ": c", ":", "(D)", "W", "..¹", "NaN"])
def test_words_for_nothing_are_no_numbers(text: str) -> None:
    assert is_missing(text)
    with pytest.raises(ValueError, match="leave out a period"):
        NumberReader().number(text)


def test_nought_is_a_number() -> None:
    assert not is_missing("0")
    assert NumberReader().number("0") == 0


def test_a_column_settles_its_sign() -> None:
    assert settled(["5", "1,234", "1,234.5"]) == ({"."}, True)
    assert settled(["1.234", "1.234.567"]) == ({","}, True)
    assert settled(["1.5", "1,5"]) == ({".", ","}, False)
    assert settled(["5", "6 p"]) == (set(), False)


@given(st.integers(0, 10**9), st.integers(0, 99), st.sampled_from([(".", ","), (",", "."), (".", " "), (",", "'")]))
def test_a_declared_sign_reads_what_was_written_with_it(whole: int, cents: int, signs: tuple[str, str]) -> None:
    decimal, thousands = signs
    text = f"{whole:,}".replace(",", thousands) + f"{decimal}{cents:02d}"
    assert NumberReader(decimal).number(text) == pytest.approx(whole + cents / 100)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_is_read_back(value: float) -> None:
    assert NumberReader().number(repr(value)) == value
    assert NumberReader(".").number(repr(value)) == value


@given(st.text(max_size=20))
def test_any_text_is_a_finite_number_or_refused(text: str) -> None:
    for reader in (NumberReader(), NumberReader("."), NumberReader(",")):
        with suppress(ValueError):
            assert math.isfinite(reader.number(text))


def test_marks_are_taken_off_and_nothing_else() -> None:
    assert without_marks(" 1\u00a0234 (r)¹ ") == "1 234"
    assert without_marks("2024 e") == "2024"
    assert without_marks("price") == "price"
