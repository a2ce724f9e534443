"""Forecasts of other tools as CSV files: taken as they are, and told where they are wrong or not whole."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.foreign import read_foreign, write_forecasts
from support.origins import Answer, Task

from forecast.answers.backtests import KEPT_LEVELS, kept_levels, paths
from forecast.errors import InvalidInput
from forecast.export.csv_writer import csv_export
from forecast.metrics import rounded
from forecast.registry import PastForecasts
from forecast.timeseries.series import Series
from tests.benchmarks.panels import around, walks

Lines = list[list[str]]


@pytest.fixture
def task() -> Task:
    return Task.of(walks("ab"), 3, 4)


@pytest.fixture
def answer(task: Task) -> Answer:
    return around(task, 0.1)


@pytest.fixture
def known() -> dict[str, Series]:
    return {history.series.series_id: history.series for history in walks("abc")}


@pytest.fixture
def file(tmp_path: Path, task: Task, answer: Answer) -> Path:
    path = tmp_path / "theirs.csv"
    write_forecasts(path, "theirs", task, answer)
    return path


def changed(path: Path, change: Callable[[Lines], object]) -> str:
    """The file after a change of its lines, the header among them."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    change(lines)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(lines)
    return str(path)


def at(line: int, column: int, text: str) -> Callable[[Lines], object]:
    return lambda lines: lines[line - 1].__setitem__(column, text)


def test_what_was_written_is_read_back_in_six_digits(
    file: Path, task: Task, answer: Answer, known: dict[str, Series]
) -> None:
    (theirs,) = read_foreign([str(file)], known)
    back, told = theirs.answer(task)
    assert theirs.name == "theirs"
    np.testing.assert_array_equal(back.quantiles, rounded(answer.quantiles))
    assert told == "theirs: 6 origins of 6 answered"


def test_what_orecast_backtest_writes_is_read_too(
    tmp_path: Path, task: Task, answer: Answer, known: dict[str, Series]
) -> None:
    file, asked = tmp_path / "older.csv", task.asked[0]
    came = np.full((int(asked.sum()), task.horizon), np.nan)
    past = PastForecasts(task.cutoffs[asked], answer.quantiles[0][asked], came)
    document = paths(known[task.ids[0]], "grid", past, kept_levels(KEPT_LEVELS))
    csv_export(document.names(), document.lines()).write(file)
    (ours,) = read_foreign([str(file)], known)
    back, told = ours.answer(task)
    assert (ours.name, told) == ("grid", f"grid: {asked.sum()} origins of {task.asked.sum()} answered")
    np.testing.assert_array_equal(back.quantiles[0][asked], rounded(answer.quantiles[0][asked]))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (at(1, 4, "q01"), "theirs.csv:1: header = 'q01': expected one of method, series_id"),
        (at(1, 4, "q01"), "expected a column 'q025'"),
        (at(2, 1, "price.d"), "theirs.csv:2: series_id = 'price.d': expected a known series; nearest: price.c"),
        (at(3, 2, "2014-01-15"), "theirs.csv:3: cutoff = '2014-01-15': expected the first day of a period"),
        (at(3, 3, "May 2014"), "theirs.csv:3: ds = 'May 2014': expected a date, YYYY-MM-DD"),
        (at(4, 3, "2010-01-01"), "theirs.csv:4: ds = '2010-01-01': expected a period after the cutoff"),
        (at(5, 4, ""), "theirs.csv:5: q025 = '': expected a number"),
        (at(5, 4, "9e9"), "theirs.csv:5: q05 = "),
        (lambda lines: lines.append(lines[1]), "theirs.csv:26: ds = "),
        (lambda lines: lines.append([*lines[1][:3], f"{lines[1][3]}T00:00", *lines[1][4:]]), "theirs.csv:26: ds = "),
        (lambda lines: [line.append(line[11]) for line in lines], "theirs.csv:1: header = 'q50': expected each column"),
        (lambda lines: lines.__delitem__(slice(1, None)), "theirs.csv': expected forecasts: a line for each period"),
        (at(2, 4, "9" * 200_000), "theirs.csv': expected a CSV file: field larger"),
        (lambda lines: lines[5].pop(), "theirs.csv:6: cells = 18: expected 19 cells"),
    ],
)
def test_a_wrong_file_is_told_with_line_column_and_value(
    file: Path, known: dict[str, Series], change: Callable[[Lines], object], told: str
) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_foreign([changed(file, change)], known)
    assert told in str(raised.value)


def test_quantiles_that_cross_are_not_sorted_in_silence(file: Path, known: dict[str, Series]) -> None:
    def cross(lines: Lines) -> None:
        lines[1][10], lines[1][11] = lines[1][11], lines[1][10]

    with pytest.raises(InvalidInput, match=r"theirs\.csv:2: q50 = .*sort them"):
        read_foreign([changed(file, cross)], known)


def test_a_file_that_is_not_there_is_told_by_its_name(tmp_path: Path, known: dict[str, Series]) -> None:
    with pytest.raises(InvalidInput, match=r"peer = .*none\.csv"):
        read_foreign([str(tmp_path / "none.csv")], known)


def test_an_origin_that_lacks_a_horizon_is_not_answered_and_is_counted(
    file: Path, task: Task, known: dict[str, Series]
) -> None:
    (theirs,) = read_foreign([changed(file, lambda lines: lines.pop(2))], known)
    back, told = theirs.answer(task)
    assert np.isnan(back.quantiles[0, 0]).all()
    assert np.isfinite(back.quantiles).all(axis=(2, 3)).sum() == 5
    assert told == "theirs: 5 origins of 6 answered, 1 lack a horizon up to 4"


def test_what_was_not_asked_is_counted(tmp_path: Path, task: Task, known: dict[str, Series]) -> None:
    wider = Task.of(walks("abc"), 5, 6)
    write_forecasts(tmp_path / "wider.csv", "wider", wider, around(wider, 0.1))
    (theirs,) = read_foreign([str(tmp_path / "wider.csv")], known)
    both = np.intersect1d(task.cutoffs, wider.cutoffs)
    _, told = theirs.answer(task)
    others = 2 * 6 * (len(wider.cutoffs) - len(both))
    assert f"{2 * len(both)} origin" in told
    assert f"{others} lines from origins that were not asked, 30 lines of other series" in told
    assert f"{2 * 2 * len(both)} lines beyond" in told


def test_files_of_one_name_are_one_method_and_methods_of_one_file_several(
    tmp_path: Path, task: Task, answer: Answer, known: dict[str, Series]
) -> None:
    halves = [Task.of([history], 3, 4) for history in walks("ab")]
    for half in halves:
        write_forecasts(tmp_path / f"{half.ids[0]}.csv", "grid", half, around(half, 0.1))
    given = [f"before={tmp_path / half.ids[0]}.csv" for half in halves]
    (before,) = read_foreign(given, known)
    assert before.answer(task)[1] == "before: 6 origins of 6 answered"

    with pytest.raises(InvalidInput, match=r"files of before that share no period; price\.a from"):
        read_foreign([*given, given[0]], known)

    write_forecasts(tmp_path / "two.csv", "first", task, answer)
    change = changed(tmp_path / "two.csv", lambda lines: lines.extend([["second", *line[1:]] for line in lines[1:]]))
    assert [one.name for one in read_foreign([change], known)] == ["first", "second"]
    assert [one.name for one in read_foreign([f"x={change}"], known)] == ["x first", "x second"]
