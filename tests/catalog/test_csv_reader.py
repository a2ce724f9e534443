"""What users rely on: a file that cannot be used says where and why, all of it at once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from pydantic import Field, PlainValidator

from forecast.catalog.csv_reader import MOST_FAULTS, Reading, Row, day, items, moment, number, read_rows, whole
from forecast.errors import Fault, InvalidInput


class Letters(Row):
    x: str
    y: str
    z: str = ""


class Days(Row):
    x: Annotated[int, PlainValidator(whole), Field(description="whole days", examples=["0"])]
    y: str


def write(folder: Path, data: bytes | str) -> Path:
    path = folder / "a.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def faults_in(path: Path) -> list[Fault]:
    reading = Reading()
    assert list(read_rows(path, Letters, reading)) == []
    return reading.faults


def test_rows_know_their_lines_also_after_a_cell_of_several(tmp_path: Path) -> None:
    path = write(tmp_path, '\ufeffx,y\r\n1,"two\r\nlines"\r\n\r\n 3 , 4 \r\n')
    reading = Reading()
    rows = read_rows(path, Letters, reading)
    assert [(row.line, row["x"], row["y"], row["z"]) for row, _ in rows] == [
        (2, "1", "two\r\nlines", ""),
        (5, "3", "4", ""),
    ]
    assert reading.faults == []


@pytest.mark.parametrize(
    ("data", "where", "line", "expected"),
    [
        ("", "file", None, "a header line and at least one row"),
        ("x,y\n", "file", None, "a header line and at least one row"),
        ("x,z\n1,2\n", "header", 1, "a column 'y'"),
        ("x,y,w\n1,2,3\n", "header", 1, "one of x, y, z"),
        ("x,y,x\n1,2,3\n", "header", 1, "each column once"),
        (b"x,y\n1,2\n1,caf\xe9\n", "encoding", 3, "UTF-8 throughout"),
        ("x,y\n1,2\n".encode("utf-16-le"), "encoding", 1, "UTF-8 throughout"),
        ('x,y\n1,2\n1,"2\n', "line", 3, "pairs of quotes"),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, data: bytes | str, where: str, line: int, expected: str) -> None:
    (fault,) = faults_in(write(tmp_path, data))
    assert (fault.where, fault.line, fault.file or fault.value) == (where, line, str(tmp_path / "a.csv"))
    assert expected in fault.expected


@pytest.mark.parametrize("data", ["x;y\n1;2\n", "x\ty\n1\t2\n", "x,y\n1,2\n".encode("utf-16"), '"x";"y"\n"1";"2"\n\n'])
def test_tabs_semicolons_and_utf_16_are_told_by_the_file(tmp_path: Path, data: bytes | str) -> None:
    reading = Reading()
    assert [dict(row.cells) for row, _ in read_rows(write(tmp_path, data), Letters, reading)] == [{"x": "1", "y": "2"}]
    assert reading.faults == []


def test_a_workbook_has_its_rows_on_its_only_filled_sheet(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("notes")
    book["notes"].append(["x", "y", "z", None, ""])
    book["notes"].append([date(2024, 2, 1), 2.0])
    book.save(tmp_path / "a.xlsx")
    reading = Reading()
    ((row, _),) = read_rows(tmp_path / "a.xlsx", Letters, reading)
    assert (row.line, row["x"], row["y"], row["z"]) == (2, "2024-02-01", "2", "")
    book["Sheet"].append(["x", "y"])
    book.save(tmp_path / "a.xlsx")
    (fault,) = faults_in(tmp_path / "a.xlsx")
    assert (fault.where, fault.value) == ("sheets", "Sheet, notes")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = faults_in(tmp_path / "none.csv")
    assert "No such file" in fault.expected


def test_a_line_of_another_length_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    reading = Reading()
    rows = read_rows(write(tmp_path, "x,y\n1,2\n1\n1,2,3\n5,6\n , ,\n"), Letters, reading)
    assert [row.line for row, _ in rows] == [2, 5]
    assert [(fault.line, fault.value) for fault in reading.faults] == [(3, 1), (4, 3)]


def test_a_fault_names_the_column_as_the_file_does(tmp_path: Path) -> None:
    reading = Reading()
    ((row, days),) = read_rows(write(tmp_path, "period,y\n?,2\n"), Days, reading, {"period": "x"})
    assert (row.wrong, days.x, days.y) == ({"x"}, 0, "2")
    with pytest.raises(InvalidInput) as caught:
        reading.finish()
    assert str(caught.value) == f"{tmp_path / 'a.csv'}:2: period = '?': expected whole days"


def test_only_so_many_faults_are_listed_and_the_rest_counted() -> None:
    reading = Reading([Fault("x", n, "less") for n in range(MOST_FAULTS + 7)])
    with pytest.raises(InvalidInput) as caught:
        reading.finish()
    assert len(caught.value.faults) == MOST_FAULTS + 1
    assert caught.value.faults[-1].value == "7 more faults"
    with pytest.raises(InvalidInput) as caught:
        Reading([Fault("x", n, "less") for n in range(50)]).finish()
    assert [fault.value for fault in caught.value.faults] == list(range(50))


def test_nothing_wrong_is_no_error() -> None:
    with pytest.raises(InvalidInput, match="'1 more fault'"):
        Reading([Fault("x", n, "less") for n in range(51)]).finish()
    Reading().finish()


@pytest.mark.parametrize("text", ["2025-1-02", "2025-02-30", "20250102", "02.01.2025", "2025-01-02T00:00", ""])
def test_a_day_is_an_iso_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        day(text)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "1,5", "1,234.5", "1 000", "", "0x10", "١", "1_000"])
def test_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"^"):
        number(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_exactly(value: float) -> None:
    assert number(repr(value)) == value


def test_moments_are_utc() -> None:
    assert moment("2026-01-02") == datetime(2026, 1, 2, tzinfo=UTC)
    assert moment("2026-01-02T03:04") == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert moment("2026-01-02T03:04:00+02:00") == datetime(2026, 1, 2, 1, 4, tzinfo=UTC)


def test_a_whole_number_has_six_digits_at_most() -> None:
    assert (whole("0"), whole("999999")) == (0, 999_999)
    for text in ("1000000", "-1", "1.0", ""):
        with pytest.raises(ValueError, match=r"^"):
            whole(text)


def test_lists_are_joined_by_semicolons() -> None:
    assert items(" a ;b;; ") == ("a", "b")
    assert day("2026-02-28") == date(2026, 2, 28)
