"""Tables of the command line: what fits has all its digits, what does not has fewer, and nothing is cut."""

from __future__ import annotations

import datetime as dt

import pytest

from forecast.cli.output import TableColumn, cell, lines, table

DAY, NAMES = dt.date(2026, 7, 1), ("lo-95", "lo-80", "yhat", "hi-80", "hi-95")
COLUMNS = (TableColumn("ds", "period from"), *(TableColumn(name, number=True) for name in NAMES))


def printed(*values: float, columns: tuple[TableColumn, ...] = COLUMNS) -> list[list[str]]:
    row = {"ds": DAY, **dict(zip([column.key for column in columns[1:]], values, strict=True))}
    return [line.split() for line in table([row], columns).splitlines()[2:]]


def test_numbers_that_fit_have_all_their_digits() -> None:
    assert printed(2.5, 23_650_500.0, 24_880_400.0, -9_501_710_000.0, 123456.75) == [
        ["2026-07-01", "2.5", "23650500", "24880400", "-9501710000", "123456.75"]
    ]


def test_numbers_that_do_not_fit_have_six_digits_and_their_size_and_dates_are_whole() -> None:
    values = (236_505_000_000.5, 248_804_000_000.25, 266_573_000_000.5, 0.25, -1_234_567.890625)
    assert printed(*values) == [["2026-07-01", "2.36505e+11", "2.48804e+11", "2.66573e+11", "0.25", "-1.23457e+06"]]


def test_more_numbers_have_fewer_digits_and_many_run_past_the_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    columns = (COLUMNS[0], *(TableColumn(f"q{k}", number=True) for k in range(9)))
    assert printed(*[258_012_345_678.5] * 6, columns=columns[:7]) == [["2026-07-01", *["2.580e+11"] * 6]]
    assert printed(*[258_012_345_678.5] * 9, columns=columns) == [["2026-07-01", *["2.580e+11"] * 9]]


def test_only_a_column_that_wraps_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    columns = (TableColumn("name", wrap=True), TableColumn("ds"), TableColumn("y", number=True))
    lines = table([{"name": "abc" * 20, "ds": DAY, "y": 12345.678901}], columns).splitlines()[2:]
    assert lines[0].split() == ["abcabcabcabcab", "2026-07-01", "12345.678901"]
    assert "".join(line.split()[0] for line in lines) == "abc" * 20


def test_a_column_that_no_row_has_is_a_fault_and_no_empty_column() -> None:
    rows: list[dict[str, object]] = [{"name": "a"}, {"name": "b", "y": 1.0}]
    assert table(rows, (TableColumn("name"), TableColumn("y")))
    with pytest.raises(KeyError, match="no row has size"):
        table(rows, (TableColumn("name"), TableColumn("size")))


@pytest.mark.parametrize(
    ("value", "result"),
    [
        (None, ""),
        (False, ""),
        (True, "yes"),
        (2.0, "2.0"),
        (999_999.0, "999999.0"),
        (1e6, "1000000"),
        (-1e6, "-1000000"),
        (1e6 + 0.5, "1000000.5"),
        (1e15, "1000000000000000.0"),
        (7, "7"),
    ],
)
def test_a_cell_has_the_digits_of_json(value: object, result: str) -> None:
    assert cell(value) == result


def test_a_text_of_somebody_else_does_not_steer_the_terminal() -> None:
    assert cell("\x1b[31mred\x07\u202e") == "[31mred"
    assert "\x1b" not in lines(["\x1b]0;title\x07 a note"])
