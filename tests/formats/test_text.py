"""Separated text is told by its content and read in chunks that are bounded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidInput
from forecast.formats import Limits, Rows, open_file
from forecast.formats.text import text_file
from tests.support.tables import write


def rows(chunks: Iterable[Rows]) -> list[tuple[int, Sequence[str]]]:
    return [(line, row) for lines, found in chunks for line, row in zip(lines, found, strict=True)]


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n3,5;4,5\n", ";"),
        ("a\tb\n1,5,6\t2,5,6\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("sep=;\na,b;c\n", ";"),
        ("Prices, monthly, of copper\n\na;b\n1;2\n3;4\n", ";"),
        ('a,"b;c"\n1,"2;3;4"\n', ","),
        ("a\n1\n", ","),
        ("", ","),
    ],
)
def test_the_separator_is_told_by_the_file(tmp_path: Path, text: str, separator: str) -> None:
    assert open_file(write(tmp_path, text), Limits()).separator == separator


@pytest.mark.parametrize(("named", "separator"), [("semicolon", ";"), (";", ";"), ("Tab", "\t"), ("\\t", "\t")])
def test_a_separator_is_named_by_its_word_or_itself(tmp_path: Path, named: str, separator: str) -> None:
    assert open_file(write(tmp_path, "a,b\n"), Limits(), named).separator == separator


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_tells_the_encoding(tmp_path: Path, encoding: str) -> None:
    source = open_file(write(tmp_path, "é,ø\n1,2\n".encode(encoding)), Limits())
    assert rows(source.chunks(10)) == [(1, ["é", "ø"]), (2, ["1", "2"])]


def test_an_encoding_is_taken_where_it_is_named(tmp_path: Path) -> None:
    source = open_file(write(tmp_path, "é,5 €\n".encode("cp1252")), Limits(), encoding="cp1252")
    assert rows(source.chunks(10)) == [(1, ["é", "5 €"])]


def test_lines_are_numbered_as_an_editor_does(tmp_path: Path) -> None:
    text = 'a,b\r\n"1\r\n2",3\r\n\r\n"4\n5\n6","7\r8"\n9,10\n'
    source = open_file(write(tmp_path, text), Limits())
    for size in (1, 2, 3, 100):
        assert [line for line, _ in rows(source.chunks(size))] == [1, 2, 4, 5, 9]


_cells = st.text(st.characters(exclude_characters="\r\0", codec="utf-8"), min_size=1, max_size=6)


@given(st.lists(st.lists(_cells, min_size=2, max_size=2), min_size=1, max_size=8), st.integers(1, 3))
def test_chunks_hold_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], size: int
) -> None:
    quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in table)
    path = write(tmp_path_factory.mktemp("text"), quoted)
    assert [row for _, row in rows(text_file(path, b"", Limits(), ",").chunks(size))] == table


def test_a_chunk_ends_where_its_cells_would_take_much_memory(tmp_path: Path) -> None:
    source = open_file(write(tmp_path, "a,b\n" + f"{'x' * 100_000},1\n" * 400), Limits())
    sizes = [len(found) for _, found in source.chunks(50_000)]
    assert sum(sizes) == 401
    assert max(sizes) <= 200


def test_a_line_without_an_end_is_not_held(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n" + "x" * 3_000_000)
    with pytest.raises(InvalidInput, match="lines of fewer than 500,000 bytes"):
        open_file(path, Limits())
