"""Cells of workbooks come as text that has one reading."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from forecast.errors import InvalidInput
from forecast.formats import Limits, open_file
from tests.support.tables import write_book


def cells(path: Path, decimal: str = ".") -> list[list[str]]:
    return [row for _, found in open_file(path, Limits(), decimal=decimal).chunks(2) for row in found]


def test_each_kind_of_cell_as_text(tmp_path: Path) -> None:
    row = ["text", 5, 5.0, 0.1, 202402.0, True, None, dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 8, 30)]
    expected = ["text", "5", "5", "0.1", "202402", "true", "", "2024-02-29", "2024-02-29T08:30:00"]
    path = write_book(tmp_path, {"a": [row]})
    assert cells(path) == [expected]
    assert cells(path, ",")[0][3] == "0,1"


def test_rows_are_numbered_as_the_sheet_does(tmp_path: Path) -> None:
    book = Workbook()
    book.active["B7"] = 1  # type: ignore[index]
    book.active["A9"] = 2  # type: ignore[index]
    book.save(tmp_path / "a.xlsx")
    source = open_file(tmp_path / "a.xlsx", Limits())
    filled = [(line, row) for lines, rows in source.chunks(4) for line, row in zip(lines, rows, strict=True) if row]
    assert filled == [(7, ["", "1"]), (9, ["2"])]


def test_a_hidden_sheet_is_read_if_it_is_named(tmp_path: Path) -> None:
    path = write_book(tmp_path, {"a": [[1]], "b": [[2]]})
    book = load_workbook(path)
    book["b"].sheet_state = "hidden"
    book.save(path)
    source = open_file(path, Limits())
    assert list(source.sheets) == ["a"]
    assert [rows for _, rows in source.chunks(5, "B")] == [[["2"]]]
    with pytest.raises(InvalidInput, match="one of 'a'"):
        next(source.chunks(5, "c"))


def test_days_count_from_the_year_that_the_workbook_says(tmp_path: Path) -> None:
    book = Workbook()
    book.epoch = dt.datetime(1904, 1, 1)
    book.active.append([dt.date(2024, 2, 29)])  # type: ignore[union-attr]
    book.save(tmp_path / "a.xlsx")
    source = open_file(tmp_path / "a.xlsx", Limits())
    assert (cells(tmp_path / "a.xlsx"), source.serial_days) == ([["2024-02-29"]], False)
